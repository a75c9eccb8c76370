// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One link of a chain of bytes: the window {@code [start, end)} of a {@link Block} or of memory that belongs to the
 * user ({@code block == null}).
 *
 * <p>A segment has one owner at a time and is not thread-safe; the block behind it may be shared by many segments.
 *
 * <p>Invariants:
 * <ul>
 *   <li>I1. {@code 0 <= start <= end <= limit <= memory.byteSize()}.
 *   <li>I2. A segment with a block owns exactly one reference of it, from its creation until {@link #free()}.
 *   <li>I3. The bytes {@code [end, limit)} belong to this segment alone: no other segment of the block covers them, so
 *       it may append there even while others read what lies before. Only the last part of a block may have such room.
 *   <li>I4. {@code charged >= 0}, and {@code charged == 0} when there is no counter.
 * </ul>
 */
public final class Segment {
    /** Instead of an address: the user's memory, which he may free at any time; or raw access is not to be had. */
    private static final long CHECKED_ACCESS = 0;

    /** The following segment of the chain. */
    public @Nullable Segment next;

    /** The whole block, or the whole of the user's memory (read-only then); always native memory. */
    public final MemorySegment memory;

    /** Where the memory comes from, or null when it is the user's. */
    public final @Nullable Block block;

    /** The address of index 0 of {@link #memory} for raw access, or {@link #CHECKED_ACCESS}. */
    private final long base;

    private final int capacity;

    /** Index of the first byte in {@link #memory}. */
    public int start;

    /** Index behind the last byte in {@link #memory}. */
    public int end;

    /** True when a view of these bytes was handed out, so the memory must stay until the views are released. */
    public boolean exposed;

    /** Up to where this segment alone may append, see I3. */
    int limit;

    private @Nullable RetainedBytes counter;
    private int charged;
    private boolean freed;

    private Segment(@Nullable Block block, MemorySegment memory, int start, int end, int limit) {
        this.block = block;
        this.memory = memory;
        this.base = block != null && RawMemory.AVAILABLE ? block.address() : CHECKED_ACCESS;
        this.capacity = (int) memory.byteSize();
        this.start = start;
        this.end = end;
        this.limit = limit;
    }

    /** The {@link Block#window}. */
    Segment(Block block) {
        this(block, block.memory(), 0, 0, 0);
        freed = true;
    }

    /**
     * A segment over bytes that are already there. It can't be appended to.
     *
     * @param block the block; its caller's reference passes to the segment (retain first to keep one)
     */
    public static Segment of(Block block, int start, int end) {
        if (start < 0 || end < start || end > block.capacity()) {
            throw new IndexOutOfBoundsException(
                    "[" + start + ", " + end + ") is not inside a block of " + block.capacity() + " bytes");
        }
        return new Segment(block, block.memory(), start, end, end);
    }

    /** An empty segment that may append to the whole block; the caller's only reference passes to the segment. */
    public static Segment writable(Block block) {
        return writable(block, block.capacity());
    }

    /** As {@link #writable(Block)}, with the first {@code count} bytes in it. */
    public static Segment filled(Block block, int count) {
        Segment segment = writable(block);
        segment.end = count;
        return segment;
    }

    /** A copy of {@code count} bytes of a block, in another block; the caller's only reference to that passes over. */
    public static Segment copied(Block from, int start, int count, Block to) {
        MemorySegment.copy(from.memory(), ValueLayout.JAVA_BYTE, start, to.memory(), ValueLayout.JAVA_BYTE, 0, count);
        return filled(to, count);
    }

    /** As {@link #writable(Block)}, but appends only up to {@code limit}. */
    static Segment writable(Block block, int limit) {
        Segment window = block.window;
        window.start = 0;
        window.end = 0;
        window.limit = limit;
        window.exposed = false;
        window.freed = false;
        return window;
    }

    /** A segment over all of the user's {@code memory}, by reference: native, of at most 2 GiB - 1. */
    public static Segment ofUser(MemorySegment memory) {
        if (!memory.isNative()) {
            throw new IllegalArgumentException("heap memory can't be sent by reference");
        }
        int size = Math.toIntExact(memory.byteSize());
        return new Segment(null, memory.isReadOnly() ? memory : memory.asReadOnly(), 0, size, size);
    }

    // ---- access by index; the caller has compared with start, end or limit

    // SAFETY, for all: the bytes lie inside the block, of which this segment owns a reference.

    byte getByte(int at) {
        if (CheckedMode.ON) {
            checkAccess(at, Byte.BYTES);
        }
        long from = base;
        return from != CHECKED_ACCESS ? RawMemory.getByte(from + inside(at, Byte.BYTES)) : memory.get(Layouts.BYTE, at);
    }

    short getShort(int at) {
        if (CheckedMode.ON) {
            checkAccess(at, Short.BYTES);
        }
        long from = base;
        return from != CHECKED_ACCESS
                ? RawMemory.getShort(from + inside(at, Short.BYTES))
                : memory.get(Layouts.SHORT, at);
    }

    int getInt(int at) {
        if (CheckedMode.ON) {
            checkAccess(at, Integer.BYTES);
        }
        long from = base;
        return from != CHECKED_ACCESS
                ? RawMemory.getInt(from + inside(at, Integer.BYTES))
                : memory.get(Layouts.INT, at);
    }

    long getLong(int at) {
        if (CheckedMode.ON) {
            checkAccess(at, Long.BYTES);
        }
        long from = base;
        return from != CHECKED_ACCESS ? RawMemory.getLong(from + inside(at, Long.BYTES)) : memory.get(Layouts.LONG, at);
    }

    void setByte(int at, byte value) {
        if (CheckedMode.ON) {
            checkAccess(at, Byte.BYTES);
        }
        long from = base;
        if (from != CHECKED_ACCESS) {
            RawMemory.setByte(from + inside(at, Byte.BYTES), value);
        } else {
            memory.set(Layouts.BYTE, at, value);
        }
    }

    void setShort(int at, short value) {
        if (CheckedMode.ON) {
            checkAccess(at, Short.BYTES);
        }
        long from = base;
        if (from != CHECKED_ACCESS) {
            RawMemory.setShort(from + inside(at, Short.BYTES), value);
        } else {
            memory.set(Layouts.SHORT, at, value);
        }
    }

    void setInt(int at, int value) {
        if (CheckedMode.ON) {
            checkAccess(at, Integer.BYTES);
        }
        long from = base;
        if (from != CHECKED_ACCESS) {
            RawMemory.setInt(from + inside(at, Integer.BYTES), value);
        } else {
            memory.set(Layouts.INT, at, value);
        }
    }

    void setLong(int at, long value) {
        if (CheckedMode.ON) {
            checkAccess(at, Long.BYTES);
        }
        long from = base;
        if (from != CHECKED_ACCESS) {
            RawMemory.setLong(from + inside(at, Long.BYTES), value);
        } else {
            memory.set(Layouts.LONG, at, value);
        }
    }

    /** Where the access begins, which is inside the memory whatever its caller has got wrong. */
    private int inside(int at, int size) {
        if (at < 0 || at > capacity - size) {
            throw new IndexOutOfBoundsException(at + " + " + size + " is not inside " + capacity + " bytes");
        }
        return at;
    }

    private void checkAccess(int at, int size) {
        Objects.checkFromIndexSize(at, size, limit); // closer than what protects the memory of others
        if (freed || (block != null && block.references() <= 0)) {
            throw new IllegalStateException(this + " was used after it was freed");
        }
    }

    /** Frees every segment of a chain. */
    public static void freeAll(@Nullable Segment chain) {
        while (chain != null) {
            Segment next = chain.next;
            chain.free();
            chain = next;
        }
    }

    /** The number of bytes. */
    public int length() {
        return end - start;
    }

    /** How many bytes may be appended at {@link #end}. */
    public int room() {
        return limit - end;
    }

    /** The address of the first byte; valid while the segment is not freed and the user's memory is alive. */
    public long address() {
        return (block != null ? block.address() : memory.address()) + start;
    }

    /** The bytes as memory that can't be written, bounded to the first {@code n}; does not mark them as exposed. */
    public MemorySegment view(int n) {
        return readOnly().asSlice(start, n);
    }

    /** What the bytes lie in, as memory that can't be written. */
    MemorySegment readOnly() {
        return block != null ? block.readOnly() : memory;
    }

    /**
     * Says that these bytes count as {@code bytes} retained ones of {@code counter}.
     *
     * @throws IllegalStateException if the segment is charged already
     */
    public Segment charge(RetainedBytes counter, int bytes) {
        if (this.counter != null) {
            throw new IllegalStateException("charged already for " + charged + " bytes");
        }
        if (bytes < 0) {
            throw new IllegalArgumentException("negative charge " + bytes);
        }
        this.counter = counter;
        this.charged = bytes;
        return this;
    }

    /** How many retained bytes this segment counts for. */
    public int charged() {
        return charged;
    }

    /**
     * Cuts off the first {@code n} bytes. The new segment shares the memory, takes up to {@code n} bytes of the charge,
     * can't be appended to, is not linked and not exposed. This segment keeps the rest, which may be empty.
     *
     * @throws IndexOutOfBoundsException if {@code n} is not in {@code 1..length()}
     */
    public Segment split(int n) {
        if (n <= 0 || n > length()) {
            throw new IndexOutOfBoundsException("can't split " + n + " bytes from a segment of " + length());
        }
        if (block != null) {
            block.retain();
        }
        Segment front = new Segment(block, memory, start, start + n, start + n);
        moveCharge(front, n);
        start += n;
        return front;
    }

    /** Moves up to {@code n} bytes of the charge to {@code target}, unless that is charged to someone else. */
    void moveCharge(Segment target, int n) {
        if (counter == null || !target.chargesLike(this)) {
            return;
        }
        int moved = Math.min(n, charged);
        target.counter = counter;
        target.charged += moved;
        charged -= moved;
    }

    /** True when bytes of {@code other} may be copied to the end of this one without mixing up their charges. */
    @SuppressWarnings("ReferenceEquality") // a counter is an identity
    boolean chargesLike(Segment other) {
        return other.counter == null || counter == null || other.counter == counter;
    }

    /** Reports what is charged beyond the bytes that are left. Only when nobody views the bytes before them. */
    void settle() {
        int excess = charged - length();
        if (excess > 0 && counter != null) {
            charged -= excess;
            counter.released(excess);
        }
    }

    /** Keeps the first {@code n} bytes. Room that was there before stays, memory that may be shared is not gained. */
    void truncate(int n) {
        boolean owned = room() > 0;
        end = start + n;
        if (!owned) {
            limit = end;
        }
        settle();
    }

    /**
     * Gives up the memory and reports what is left of the charge.
     *
     * @throws IllegalStateException if it was freed before
     */
    public void free() {
        if (freed) {
            throw new IllegalStateException("segment of " + length() + " bytes was freed twice");
        }
        freed = true;
        next = null;
        RetainedBytes charger = counter;
        int rest = charged;
        counter = null;
        charged = 0;
        if (block != null) {
            block.release(); // it, and with it perhaps this segment, is somebody else's from here on
        }
        if (rest > 0 && charger != null) {
            charger.released(rest);
        }
    }

    /** True once {@link #free()} was called. */
    public boolean isFreed() {
        return freed;
    }

    /** Throws {@link AssertionError} when an invariant does not hold. */
    void check() {
        boolean valid = 0 <= start && start <= end && end <= limit && limit <= memory.byteSize() && charged >= 0;
        if (!valid || freed || (counter == null && charged != 0) || (block != null && block.references() <= 0)) {
            throw new AssertionError("invalid " + this);
        }
    }

    @Override
    public String toString() {
        return "Segment[" + start + ".." + end + " limit=" + limit + (exposed ? " exposed" : "")
                + (freed ? " freed" : "") + " charged=" + charged + " " + (block == null ? "user memory" : block) + "]";
    }
}

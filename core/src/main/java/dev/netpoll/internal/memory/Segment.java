// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
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
 *   <li>I5. A segment that a user may share between threads lives once: no other owner ever gets the same object, and
 *       after {@link #free()} it gives access to nothing. So whoever still has it by mistake finds out, and does no
 *       harm to whoever has the block now. One that only connections have had ({@link #reusable}), which let in one
 *       thread at a time, is used again with its block after {@link #retire()}; whoever calls that has removed all
 *       links to it first, so that no Error in between leaves one. In checked mode all live once.
 *   <li>I6. Of two threads that free a segment, one frees it and the other one gets an exception, whatever happens to
 *       the block in between: the only reference is given up by a compare-and-set that includes the generation of
 *       {@link Block}; one of several by whoever sets {@code freed}.
 * </ul>
 */
@SuppressWarnings("ReachabilityFenceUsage") // an access that throws has touched nothing
public final class Segment {
    /** Instead of an address: the user's memory, which he may free at any time; or raw access is not to be had. */
    private static final long CHECKED_ACCESS = 0;

    /** What {@link #absorb} copies at most. */
    private static final int ABSORBED_MAX = 8 << 10;

    private static final VarHandle FREED;

    static {
        try {
            FREED = MethodHandles.lookup().findVarHandle(Segment.class, "freed", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** The following segment of the chain. */
    public @Nullable Segment next;

    /** The whole block, or the whole of the user's memory (read-only then); always native memory. */
    public final MemorySegment memory;

    /** Where the memory comes from, or null when it is the user's. */
    public final @Nullable Block block;

    /** The address of index 0 of {@link #memory} for raw access, or {@link #CHECKED_ACCESS}. */
    private final long base;

    /** That of the block, when this got its reference. */
    private int generation;

    /** Of the memory; 0 once it is freed, so that there is no access by index any more. */
    private int capacity;

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

    /** Whether only connections have had it: then nobody has it by mistake when it is {@linkplain #retire retired}. */
    private boolean reusable;

    private Segment(Block block, int generation, int start, int end, int limit) {
        this.block = block;
        this.generation = generation;
        this.memory = block.memory();
        this.base = RawMemory.AVAILABLE && !block.isDedicated() ? block.address() : CHECKED_ACCESS;
        this.capacity = block.capacity();
        this.start = start;
        this.end = end;
        this.limit = limit;
    }

    private Segment(MemorySegment memory, int size) {
        this.block = null;
        this.generation = 0;
        this.memory = memory;
        this.base = CHECKED_ACCESS;
        this.capacity = size;
        this.end = size;
        this.limit = size;
    }

    private Segment usedAgain(Block same, int start, int end, int limit) {
        this.generation = same.generation();
        this.capacity = same.capacity();
        this.start = start;
        this.end = end;
        this.limit = limit;
        this.freed = false;
        return this;
    }

    /** One for a reference of {@code block}, which is given up if there is no memory for the segment itself. */
    private static Segment owner(Block block, int start, int end, int limit) {
        Segment spare = block.takeSpare();
        if (spare != null) {
            return spare.usedAgain(block, start, end, limit);
        }
        try {
            return new Segment(block, block.generation(), start, end, limit);
        } catch (OutOfMemoryError | StackOverflowError e) {
            block.release();
            throw e;
        }
    }

    /**
     * A segment over bytes that are already there. It can't be appended to.
     *
     * @param block the block; its caller's reference passes to the segment (retain first to keep one), and is given up
     *     if there is no memory for a segment
     */
    public static Segment of(Block block, int start, int end) {
        if (start < 0 || end < start || end > block.capacity()) {
            throw new IndexOutOfBoundsException(
                    "[" + start + ", " + end + ") is not inside a block of " + block.capacity() + " bytes");
        }
        return owner(block, start, end, end);
    }

    /** An empty segment that may append to the whole block; the caller's only reference passes over as above. */
    public static Segment writable(Block block) {
        return writable(block, block.capacity());
    }

    /** As {@link #writable(Block)}, with the first {@code count} bytes in it. */
    public static Segment filled(Block block, int count) {
        Segment segment = writable(block);
        segment.end = count;
        return segment;
    }

    /** An empty one has {@code count} bytes from now on, and can't be appended to. */
    public void holds(int count) {
        end = Math.addExact(start, Objects.checkIndex(count, capacity + 1));
        limit = end;
    }

    /** A copy of {@code count} bytes of a block, in another block; the caller's only reference to that passes over. */
    public static Segment copied(Block from, int start, int count, Block to) {
        MemorySegment.copy(from.memory(), ValueLayout.JAVA_BYTE, start, to.memory(), ValueLayout.JAVA_BYTE, 0, count);
        return filled(to, count);
    }

    /** As {@link #writable(Block)}, but appends only up to {@code limit}. */
    static Segment writable(Block block, int limit) {
        return owner(block, 0, 0, limit);
    }

    /** An empty segment that may append to a new block of at least {@code capacity} bytes. */
    public static Segment allocate(BlockSource blocks, int capacity) {
        return writable(blocks.allocate(capacity));
    }

    /** A segment over all of the user's {@code memory}, by reference: native, of at most 2 GiB - 1. */
    public static Segment ofUser(MemorySegment memory) {
        if (!memory.isNative()) {
            throw new IllegalArgumentException("heap memory can't be sent by reference");
        }
        int size = Math.toIntExact(memory.byteSize());
        return new Segment(memory.isReadOnly() ? memory : memory.asReadOnly(), size);
    }

    /** A copy of these bytes, in blocks of {@code blocks}, for a connection. */
    public Segment copied(BlockSource blocks) {
        SegmentWriter copy = SegmentWriter.ofConnection(blocks);
        copy.writeBytes(memory.asSlice(start, length()));
        return Misuse.present(copy.take());
    }

    // ---- access by index; the caller has compared with start, end or limit

    // SAFETY, for all: the bytes lie inside the block, and its slab stays mapped, as this segment is reachable.

    byte getByte(int at) {
        if (CheckedMode.ON) {
            checkAccess(at, Byte.BYTES);
        }
        long from = base;
        if (from == CHECKED_ACCESS) {
            return memory.get(Layouts.BYTE, inside(at, Byte.BYTES));
        }
        byte value = RawMemory.getByte(from + inside(at, Byte.BYTES));
        Reference.reachabilityFence(this);
        return value;
    }

    short getShort(int at) {
        if (CheckedMode.ON) {
            checkAccess(at, Short.BYTES);
        }
        long from = base;
        if (from == CHECKED_ACCESS) {
            return memory.get(Layouts.SHORT, inside(at, Short.BYTES));
        }
        short value = RawMemory.getShort(from + inside(at, Short.BYTES));
        Reference.reachabilityFence(this);
        return value;
    }

    int getInt(int at) {
        if (CheckedMode.ON) {
            checkAccess(at, Integer.BYTES);
        }
        long from = base;
        if (from == CHECKED_ACCESS) {
            return memory.get(Layouts.INT, inside(at, Integer.BYTES));
        }
        int value = RawMemory.getInt(from + inside(at, Integer.BYTES));
        Reference.reachabilityFence(this);
        return value;
    }

    long getLong(int at) {
        if (CheckedMode.ON) {
            checkAccess(at, Long.BYTES);
        }
        long from = base;
        if (from == CHECKED_ACCESS) {
            return memory.get(Layouts.LONG, inside(at, Long.BYTES));
        }
        long value = RawMemory.getLong(from + inside(at, Long.BYTES));
        Reference.reachabilityFence(this);
        return value;
    }

    void setByte(int at, byte value) {
        if (CheckedMode.ON) {
            checkAccess(at, Byte.BYTES);
        }
        long from = base;
        if (from == CHECKED_ACCESS) {
            memory.set(Layouts.BYTE, inside(at, Byte.BYTES), value);
            return;
        }
        RawMemory.setByte(from + inside(at, Byte.BYTES), value);
        Reference.reachabilityFence(this);
    }

    void setShort(int at, short value) {
        if (CheckedMode.ON) {
            checkAccess(at, Short.BYTES);
        }
        long from = base;
        if (from == CHECKED_ACCESS) {
            memory.set(Layouts.SHORT, inside(at, Short.BYTES), value);
            return;
        }
        RawMemory.setShort(from + inside(at, Short.BYTES), value);
        Reference.reachabilityFence(this);
    }

    void setInt(int at, int value) {
        if (CheckedMode.ON) {
            checkAccess(at, Integer.BYTES);
        }
        long from = base;
        if (from == CHECKED_ACCESS) {
            memory.set(Layouts.INT, inside(at, Integer.BYTES), value);
            return;
        }
        RawMemory.setInt(from + inside(at, Integer.BYTES), value);
        Reference.reachabilityFence(this);
    }

    void setLong(int at, long value) {
        if (CheckedMode.ON) {
            checkAccess(at, Long.BYTES);
        }
        long from = base;
        if (from == CHECKED_ACCESS) {
            memory.set(Layouts.LONG, inside(at, Long.BYTES), value);
            return;
        }
        RawMemory.setLong(from + inside(at, Long.BYTES), value);
        Reference.reachabilityFence(this);
    }

    /** Where the access begins, which is inside the memory whatever its caller has got wrong. */
    private int inside(int at, int size) {
        if (at < 0 || at > capacity - size) {
            throw outside(at, size);
        }
        return at;
    }

    private RuntimeException outside(int at, int size) {
        return freed ? misused() : new IndexOutOfBoundsException(at + " + " + size + " is not inside " + this);
    }

    private void checkAccess(int at, int size) {
        if (freed || (block != null && block.isStale(generation))) {
            throw misused();
        }
        Objects.checkFromIndexSize(at, size, limit); // closer than what protects the memory of others
    }

    private IllegalStateException misused() {
        return new IllegalStateException(this + " was used after it was freed: by two threads at once?");
    }

    /** Says that only connections have it, until {@link #shareAll} takes that back. */
    public Segment reusable() {
        reusable = !CheckedMode.ON;
        return this;
    }

    /** A chain goes to where several threads may work on it, by mistake. */
    public static void shareAll(@Nullable Segment chain) {
        for (Segment segment = chain; segment != null; segment = segment.next) {
            segment.reusable = false;
        }
    }

    /** {@linkplain #retire Retires} every segment of a chain, as {@link #freeAll}. */
    static void retireAll(@Nullable Segment chain) {
        Segment segment = chain;
        while (segment != null) {
            Segment following = segment.next;
            try {
                segment.retire();
            } catch (RuntimeException | Error e) {
                freeAll(following);
                throw e;
            }
            segment = following;
        }
    }

    /** {@return how many bytes a chain holds} */
    public static long bytesOfAll(@Nullable Segment chain) {
        long bytes = 0;
        for (Segment s = chain; s != null; s = s.next) {
            bytes += s.length();
        }
        return bytes;
    }

    /** Frees every segment of a chain; if some were freed before, the others nevertheless. */
    public static void freeAll(@Nullable Segment chain) {
        Throwable failure = null;
        Segment segment = chain;
        while (segment != null) {
            Segment following = segment.next;
            try {
                segment.free();
            } catch (RuntimeException | Error e) {
                failure = failure == null ? e : failure;
                segment.next = null; // two threads at once may have made a ring of what was freed before: it has an end
            }
            segment = following;
        }
        if (failure != null) {
            throw Misuse.rethrown(failure);
        }
    }

    /** Has every segment of a chain freed when nobody can look at it any more. */
    static void abandonAll(@Nullable Segment chain, boolean exposed) {
        Segment segment = chain;
        while (segment != null) {
            Segment following = segment.next;
            segment.next = null;
            segment.exposed |= exposed;
            try {
                segment.abandon();
            } catch (RuntimeException | Error _) {
                // nobody is there who could be told, and the others have to go as well
            }
            segment = following;
        }
    }

    private void abandon() {
        Block shown = exposed ? block : null;
        if (shown == null || !shown.wasShown()) {
            free();
            return;
        }
        ViewLife life = shown.abandonViews();
        if (life != null) {
            life.adopt(this);
        } else {
            shown.lost();
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
        return (block != null ? block.readOnly() : memory).asSlice(start, n);
    }

    /** What the bytes lie in, for the user to read. */
    MemorySegment shown() {
        return block != null ? block.views().readOnly : memory;
    }

    /** What the bytes lie in, for the user to write; only of a block. */
    MemorySegment reservable() {
        return block != null ? block.views().writable : memory;
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

    /** As {@link #charge}, in place of what it counted for. */
    public void recharge(RetainedBytes counter, int bytes) {
        RetainedBytes before = this.counter;
        int rest = charged;
        this.counter = null;
        charged = 0;
        if (before != null && rest > 0) {
            before.released(rest);
        }
        charge(counter, bytes);
    }

    /** The program holds it from now on. {@return this} */
    Segment keep() {
        RetainedBytes charger = counter;
        if (charger != null && charged > 0) {
            counter = charger.kept(charged);
        }
        return this;
    }

    /** How many retained bytes this segment counts for. */
    public int charged() {
        return charged;
    }

    /** How many retained bytes a chain counts for. */
    static long chargedOf(@Nullable Segment chain) {
        long sum = 0;
        for (Segment segment = chain; segment != null; segment = segment.next) {
            sum += segment.charged;
        }
        return sum;
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
        Segment front;
        if (block != null) {
            front = new Segment(block, generation, start, start + n, start + n);
            block.retain(generation);
        } else {
            front = new Segment(memory, start + n);
            front.start = start;
        }
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
     * @throws IllegalStateException if it was freed before; nothing happens then
     */
    public void free() {
        Block released = block;
        if (released != null && released.releaseOnly(generation)) {
            freed = true;
        } else {
            freeShared(released);
        }
        RetainedBytes charger = counter;
        int rest = charged;
        next = null;
        counter = null;
        charged = 0;
        capacity = 0;
        limit = 0;
        start = 0;
        end = 0;
        if (rest > 0 && charger != null) {
            charger.released(rest);
        }
    }

    /**
     * Frees a segment to which its owner has removed all links, of its own too; if it is {@linkplain #reusable}, the
     * block keeps it for its next owner (I5).
     */
    public void retire() {
        Block released = block;
        if (!reusable || released == null) {
            free();
            return;
        }
        RetainedBytes charger = counter;
        int rest = charged;
        next = null;
        exposed = false;
        counter = null;
        charged = 0;
        capacity = 0;
        limit = 0;
        start = 0;
        end = 0;
        freed = true;
        reusable = false;
        if (!released.releaseOnly(generation, this)) { // else it may be another's by now
            freed = false;
            freeShared(released);
        }
        if (rest > 0 && charger != null) {
            charger.released(rest);
        }
    }

    /** Of several references of the block, or of the user's memory; or it was freed before. */
    private void freeShared(@Nullable Block released) {
        if (!FREED.compareAndSet(this, false, true)) {
            throw new IllegalStateException(
                    "segment of " + length() + " bytes was freed twice: used by two threads at once? " + this);
        }
        if (released != null) {
            released.release(generation);
        }
    }

    /** {@return the block, which stays whose it is until {@link #letGo}, also if the segment is freed; or null} */
    @Nullable
    Block hold() {
        Block held = block;
        if (held != null) {
            held.retain(generation);
        }
        return held;
    }

    /** Copies to {@link #end}, which stays where it is; there must be room. Nobody else gets the block meanwhile. */
    void put(MemorySegment source, long offset, int count) {
        if (reusable) { // only connections have it, which let in one thread at a time
            MemorySegment.copy(source, offset, memory, end, count);
        } else {
            putShared(source, offset, count);
        }
    }

    private void putShared(MemorySegment source, long offset, int count) {
        Block held = hold();
        try {
            MemorySegment.copy(source, offset, memory, end, Misuse.notNegative(count));
        } finally {
            letGo(held);
        }
    }

    /**
     * Takes in a small segment that follows in the stream alone, if there is room behind the own bytes: many of them
     * would keep a block each. The other one is freed then.
     *
     * @return whether it has
     */
    public boolean absorb(Segment small) {
        int count = small.length();
        boolean fits = count > 0 && small.next == null && count <= Math.min(room(), ABSORBED_MAX);
        if (!fits || block == null || small.block == null) {
            return false;
        }
        put(small.memory, small.start, count);
        end += count;
        small.free();
        return true;
    }

    /** As {@link #put(MemorySegment, long, int)}. */
    void put(byte[] source, int offset, int count) {
        if (reusable) {
            MemorySegment.copy(source, offset, memory, Layouts.BYTE, end, count);
        } else {
            putShared(source, offset, count);
        }
    }

    private void putShared(byte[] source, int offset, int count) {
        Block held = hold();
        try {
            MemorySegment.copy(source, offset, memory, Layouts.BYTE, end, count);
        } finally {
            letGo(held);
        }
    }

    /** Ends what {@link #hold} began, whose result is {@code held}. */
    void letGo(@Nullable Block held) {
        if (held != null) {
            held.release(generation);
        }
    }

    /** True once {@link #free()} was called. */
    public boolean isFreed() {
        return freed;
    }

    /** Throws {@link AssertionError} when an invariant does not hold. */
    void check() {
        boolean valid = 0 <= start && start <= end && end <= limit && limit <= memory.byteSize() && charged >= 0;
        if (!valid || freed || (counter == null && charged != 0) || (block != null && block.isStale(generation))) {
            throw new AssertionError("invalid " + this);
        }
    }

    @Override
    public String toString() {
        return "Segment[" + start + ".." + end + " limit=" + limit + (exposed ? " exposed" : "")
                + (freed ? " freed" : "") + " charged=" + charged + " " + (block == null ? "user memory" : block) + "]";
    }
}

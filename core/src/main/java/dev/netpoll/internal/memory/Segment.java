// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * One link of a chain of bytes. Its layers are its window of bytes ({@link SegmentWindow}), its charge ({@link
 * SegmentCharge}), and here its life: ownership, creation, division and end.
 *
 * <p>A segment has one owner at a time and is not thread-safe; the block behind it may be shared by many segments.
 *
 * <pre>
 *   made --> owned --owner: free--------------------> freed, for ever
 *             |  ^
 *             |  +--next owner of the block: takes it---+
 *             +--owner: retire, if it is reusable--> kept by its block
 * </pre>
 *
 * <p>Invariants, numbered through the layers:
 * <ul>
 *   <li>I4. A segment with a block owns exactly one reference of it, from its creation until {@link #free()}.
 *   <li>I5. A segment that a user may share between threads lives once: no other owner ever gets the same object, and
 *       after {@link #free()} it gives access to nothing. So a thread that still has it by mistake gets an exception,
 *       and does no harm to the block's present owner. A segment that only connections have had ({@link #reusable}),
 *       which admit one thread at a time, is used again with its block after {@link #retire()}. Its callers remove all
 *       links to the segment first, so that no Error in between leaves one. In checked mode all live once.
 *   <li>I6. Of two threads that free a segment, one succeeds and the other gets an exception, whatever happens to the
 *       block in between. A compare-and-set that includes the generation of {@link Block} gives up the only reference;
 *       one of several is given up by the thread that sets {@code freed}.
 * </ul>
 */
public final class Segment extends SegmentCharge {
    /** The most bytes that {@link #absorb} copies. */
    private static final int ABSORBED_MAX = 8 << 10;

    private static final VarHandle FREED;

    static {
        try {
            FREED = MethodHandles.lookup().findVarHandle(SegmentWindow.class, "freed", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** The following segment of the chain. */
    public @Nullable Segment next;

    /** True when a view of these bytes was handed out, so the memory must stay until the view's release. */
    public boolean exposed;

    private Segment(Block block, int generation, int start, int end, int limit) {
        super(block, generation, start, end, limit);
    }

    private Segment(MemorySegment memory, int size) {
        super(memory, size);
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

    /** Creates one for a reference of {@code block}, which is given up if there is no memory for the segment itself. */
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
     * Creates a segment over existing bytes. It can't be appended to.
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

    /** An empty segment that may append to the whole block; takes over the caller's only reference, as above. */
    public static Segment writable(Block block) {
        return writable(block, block.capacity());
    }

    /** Like {@link #writable(Block)}, but appends only up to {@code limit}. */
    static Segment writable(Block block, int limit) {
        return owner(block, 0, 0, limit);
    }

    /** Like {@link #writable(Block)}, with the first {@code count} bytes in it. */
    public static Segment filled(Block block, int count) {
        Segment segment = writable(block);
        segment.end = count;
        return segment;
    }

    /** An empty segment that may append to a new block of at least {@code capacity} bytes. */
    public static Segment allocate(BlockSource blocks, int capacity) {
        return writable(blocks.allocate(capacity));
    }

    /** A copy of {@code count} bytes of a block, in another block, whose only reference passes to the segment. */
    public static Segment copied(Block from, int start, int count, Block to) {
        MemorySegment.copy(from.memory(), ValueLayout.JAVA_BYTE, start, to.memory(), ValueLayout.JAVA_BYTE, 0, count);
        return filled(to, count);
    }

    /** A copy of these bytes, in blocks of {@code blocks}, for a connection. */
    public Segment copied(BlockSource blocks) {
        SegmentWriter copy = SegmentWriter.ofConnection(blocks);
        copy.writeBytes(memory.asSlice(start, length()));
        return Misuse.present(copy.take());
    }

    /** A segment over all of the user's {@code memory}, by reference: native, of at most 2 GiB - 1. */
    public static Segment ofUser(MemorySegment memory) {
        if (!memory.isNative()) {
            throw new IllegalArgumentException("heap memory can't be sent by reference");
        }
        int size = Math.toIntExact(memory.byteSize());
        return new Segment(memory.isReadOnly() ? memory : memory.asReadOnly(), size);
    }

    /**
     * Charges these bytes as {@code bytes} retained ones to {@code counter}.
     *
     * @throws IllegalStateException if the segment is charged already
     */
    public Segment charge(RetainedBytes counter, int bytes) {
        countFor(counter, bytes);
        return this;
    }

    /** Marks it as used by connections only, until {@link #shareAll} takes that back. */
    public Segment reusable() {
        reusable = !CheckedMode.ON;
        return this;
    }

    // ---- division

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

    /** Keeps the first {@code n} bytes. Earlier room stays, but memory that may be shared does not become room. */
    void truncate(int n) {
        boolean owned = room() > 0;
        end = start + n;
        if (!owned) {
            limit = end;
        }
        settle();
    }

    /**
     * Copies a small segment, which follows in the stream and has no successor, into the room after the own bytes, and
     * frees it: many of them would keep a block each.
     *
     * @return whether it did
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

    // ---- the end

    /**
     * Gives up the memory and reports the rest of the charge.
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
     * Frees a segment to which its owner has removed all links, including its own. If it is {@linkplain #reusable}, the
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
        if (!released.releaseOnly(generation, this)) { // else another may own it by now
            freed = false;
            freeShared(released);
        }
        if (rest > 0 && charger != null) {
            charger.released(rest);
        }
    }

    /** Frees one of several references of the block, or the user's memory; throws if it was freed before. */
    private void freeShared(@Nullable Block released) {
        if (!FREED.compareAndSet(this, false, true)) {
            throw new IllegalStateException(
                    "segment of " + length() + " bytes was freed twice: used by two threads at once? " + this);
        }
        if (released != null) {
            released.release(generation);
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

    /** True once {@link #free()} was called. */
    public boolean isFreed() {
        return freed;
    }

    // ---- chains

    /** {@return how many bytes a chain holds} */
    public static long bytesOfAll(@Nullable Segment chain) {
        long bytes = 0;
        for (Segment s = chain; s != null; s = s.next) {
            bytes += s.length();
        }
        return bytes;
    }

    /** How many retained bytes a chain counts for. */
    static long chargedOf(@Nullable Segment chain) {
        long sum = 0;
        for (Segment segment = chain; segment != null; segment = segment.next) {
            sum += segment.charged;
        }
        return sum;
    }

    /** Marks a chain for a place where several threads may use it by mistake. */
    public static void shareAll(@Nullable Segment chain) {
        for (Segment segment = chain; segment != null; segment = segment.next) {
            segment.reusable = false;
        }
    }

    /** Frees every segment of a chain, even if some were freed before. */
    public static void freeAll(@Nullable Segment chain) {
        Throwable failure = null;
        Segment segment = chain;
        while (segment != null) {
            Segment following = segment.next;
            try {
                segment.free();
            } catch (RuntimeException | Error e) {
                failure = failure == null ? e : failure;
                segment.next = null; // two threads may have made a ring of freed segments: this ends it
            }
            segment = following;
        }
        if (failure != null) {
            throw Misuse.rethrown(failure);
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

    /** Frees every segment of a chain when no view of it is reachable any more. */
    static void abandonAll(@Nullable Segment chain, boolean exposed) {
        Segment segment = chain;
        while (segment != null) {
            Segment following = segment.next;
            segment.next = null;
            segment.exposed |= exposed;
            try {
                segment.abandon();
            } catch (RuntimeException | Error _) {
                // no caller could react, and the others have to go as well
            }
            segment = following;
        }
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

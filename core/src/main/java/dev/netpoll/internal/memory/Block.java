// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A fixed piece of native memory that belongs to a {@link SegmentPool}. Its references are counted.
 *
 * <pre>
 *   free (g, 0) --allocate--> owned (g, 1) --retain--> shared (g, n)
 *   free (g + 1, 0) <--release--+  ^-------------------release--|
 * </pre>
 *
 * <p>The state is one word: the generation g, which counts how often the block has come back; whether this generation
 * has had a second reference; and the number of references. A long-term holder of a reference remembers the generation,
 * see {@link #generation()}. So a reference that was given up already is detected even if the pool has handed the block
 * out again.
 *
 * <p>Invariants:
 * <ul>
 *   <li>I1. The count is 0 exactly while the block is free: in its pool, or in a {@link LoopCache} in front of it. No
 *       other code may then touch its memory.
 *   <li>I2. Only the release that takes the count from 1 to 0 returns the block, so it is returned once.
 *   <li>I3. A retain at 0 and a release at 0 are always detected and change nothing. So are a retain and a release with
 *       another generation, regardless of the block's present owner.
 *   <li>I4. While a generation has had only one reference, the holder that remembers the generation has it. So a
 *       release that finds exactly this state needs no other check: of two that race, one fails.
 * </ul>
 *
 * <p>Any thread may change the count. The last release happens-after all use of the memory before the other releases.
 * It does not fail: {@link Salvage} keeps a block that could not return to its pool, and its {@link BlockTrace} finds a
 * block that is lost altogether.
 */
public final class Block {
    private static final VarHandle STATE;

    private static final int COUNT_BITS = 28;
    private static final long COUNT = (1L << COUNT_BITS) - 1;

    /** This generation has had more than one reference. */
    private static final long SHARED = 1L << COUNT_BITS;

    /** One generation, and a mask for all of them. */
    private static final int GENERATION_SHIFT = COUNT_BITS + 1;

    private static final long GENERATION = 1L << GENERATION_SHIFT;

    /** 32 bits, so that a segment can remember it in an int. */
    private static final long GENERATIONS = 0xFFFF_FFFFL << GENERATION_SHIFT;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(Block.class, "state", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Link of the list of free blocks that it is in; has the same guard as that list. */
    @Nullable
    Block nextFree;

    /** The cache that handed it out and gets it when it is free; null for the pool. Owner of the block only. */
    @Nullable
    BlockHome home;

    /** Index of the size class, or {@link SegmentPool#DEDICATED}. */
    final int sizeClass;

    /** The slab that the block is a part of. It keeps the memory mapped while the block is reachable. */
    final Slab slab;

    /** Finds the block if it is lost. */
    final BlockTrace trace;

    private final SegmentPool pool;
    private final MemorySegment memory;
    private final MemorySegment readOnly;
    private final long address;
    private final int capacity;

    /**
     * Memory from which users' views are cut, to read and to write. Their scope tells when the last view is gone, see
     * {@link ViewLife}. Null until a view is handed out, and after the views were abandoned. Set under the lock of this
     * object, read without it: the fields of the values are final, and a thread that reads an outdated value finds
     * views whose end is still awaited. Here and not in an object of their own, which would be one more cache miss for
     * each view.
     */
    private @Nullable MemorySegment shown;

    private @Nullable MemorySegment reservable;

    private @Nullable Throwable releasedAt; // in checked mode only

    /** A segment of this block without an owner. The last release sets it, the next owner takes it. */
    private @Nullable Segment spare;

    /** Accessed through STATE, except where a free block is handed out: no other thread has it then. */
    @SuppressWarnings("UnusedVariable")
    private long state;

    /** The state with a single reference in this generation. Changed by the last release. */
    private long owned = 1;

    /** Creates the block at a place of the slab. */
    Block(SegmentPool pool, MemorySegment memory, int sizeClass, Slab slab, int index) {
        this.pool = pool;
        this.memory = memory;
        this.readOnly = memory.asReadOnly();
        this.address = memory.address();
        this.capacity = Math.toIntExact(memory.byteSize());
        this.sizeClass = sizeClass;
        this.slab = slab;
        this.trace = new BlockTrace(this, pool.lostBlocks(), index);
    }

    /** The memory, bounded to exactly this block. Its content after allocation is arbitrary. */
    public MemorySegment memory() {
        return memory;
    }

    /** The same memory, read-only. Not for users: {@link #shown()} is. */
    public MemorySegment readOnly() {
        return readOnly;
    }

    /** Memory from which users' views are cut; its life ends when none of them is reachable any more. */
    MemorySegment shown() {
        MemorySegment current = shown;
        return current != null ? current : makeViews(true);
    }

    /** Like {@link #shown()}, for users to write. */
    MemorySegment reservable() {
        MemorySegment current = reservable;
        return current != null ? current : makeViews(false);
    }

    private synchronized MemorySegment makeViews(boolean toRead) { // two slices of the block may be read at once
        MemorySegment writable = reservable;
        MemorySegment read = shown;
        if (writable == null || read == null) {
            writable = memory;
            read = readOnly;
            ViewLife life = null; // without native access the end of the last view can't be known
            if (RawMemory.AVAILABLE) {
                life = new ViewLife(memory, trace.life);
                Arena arena = isDedicated() ? Arena.ofShared() : Arena.ofAuto();
                writable = RawMemory.scoped(memory, arena, life);
                read = writable.asReadOnly();
                if (isDedicated()) { // its release unmaps its memory, so the views have to end before that
                    life.watch(arena.scope());
                    slab.views = arena;
                }
            }
            trace.life = life; // no call until all fields are set: views without a life never end
            trace.shown = true;
            reservable = writable;
            shown = read;
        }
        return toRead ? read : writable;
    }

    /** Notes that views of its memory may exist, from an earlier block that was lost. */
    Block shownBefore(ViewLife life) {
        synchronized (this) {
            slab.views = null; // else they would never become unreachable
        }
        trace.life = life;
        trace.shown = true;
        return this;
    }

    /** Whether there may be views. */
    boolean wasShown() {
        synchronized (this) { // a view that makeViews is about to show counts
            return trace.shown;
        }
    }

    /**
     * Abandons the views handed out so far: the next request for views gets new ones.
     *
     * @return the life of all views handed out so far; null if their end can't be known
     */
    @Nullable
    ViewLife abandonViews() {
        synchronized (this) {
            if (shown != null) {
                shown = null; // else they would never become unreachable
                reservable = null;
                slab.views = null;
            }
            return trace.life;
        }
    }

    /** The address of the first byte. */
    public long address() {
        return address;
    }

    /** The size in bytes. */
    public int capacity() {
        return capacity;
    }

    /** Whether its last release unmaps the memory, so that only checked access to it is safe. */
    boolean isDedicated() {
        return sizeClass == SegmentPool.DEDICATED;
    }

    /** The number of references right now: a hint while other threads hold some. */
    public int references() {
        return (int) ((long) STATE.getAcquire(this) & COUNT);
    }

    /** {@return the generation} A holder of a reference remembers it to prove that the reference is valid. */
    int generation() {
        return (int) (owned >>> GENERATION_SHIFT);
    }

    /** The state of a generation that has had only one reference. */
    private static long only(int generation) {
        return Integer.toUnsignedLong(generation) << GENERATION_SHIFT | 1;
    }

    private static boolean isOf(int generation, long state) {
        return (int) (state >>> GENERATION_SHIFT) == generation && (state & COUNT) != 0;
    }

    /** Whether the block is free, or was handed out again since that generation. */
    boolean isStale(int generation) {
        return !isOf(generation, (long) STATE.getAcquire(this));
    }

    /**
     * Adds a reference.
     *
     * @throws IllegalStateException if the block has been returned to its pool
     */
    public void retain() {
        retain(generation());
    }

    /** Like {@link #retain()}, for a holder of a reference of this generation. */
    void retain(int generation) {
        long only = only(generation);
        if (STATE.compareAndSet(this, only, (only | SHARED) + 1)) {
            return; // no read first, which would fetch the cache line twice
        }
        long current;
        do {
            current = (long) STATE.getAcquire(this);
            if (!isOf(generation, current)) {
                throw new IllegalStateException(this + " was retained after its last release", releasedAt);
            }
            if ((current & COUNT) == COUNT) {
                throw new IllegalStateException(this + " has too many references");
            }
        } while (!STATE.weakCompareAndSet(this, current, (current | SHARED) + 1));
    }

    /**
     * Gives up a reference; the last one returns the block to its pool.
     *
     * @throws IllegalStateException if there is no reference to give up: the block was released once too often
     */
    public void release() {
        int generation = generation();
        if (!releaseOnly(generation)) {
            release(generation);
        }
    }

    /** Like {@link #releaseOnly(int, Segment)}, without a segment to keep. */
    boolean releaseOnly(int generation) {
        return releaseOnly(generation, null);
    }

    /**
     * Gives up the reference if this generation has had no other; otherwise does nothing and returns false.
     *
     * @param used the segment that gave the reference up and may be used again with the next one, or null
     */
    boolean releaseOnly(int generation, @Nullable Segment used) {
        long only = only(generation);
        long free = without(only);
        if (!STATE.compareAndSet(this, only, free)) {
            return false;
        }
        owned = free + 1;
        spare = used;
        try {
            giveBack();
        } catch (Throwable _) { // the reference is gone in any case, and the caller could not react
            salvage();
        }
        return true;
    }

    /** Like {@link #release()}, for a holder of a reference of this generation. */
    void release(int generation) {
        long current;
        long fewer;
        do {
            current = (long) STATE.getAcquire(this);
            fewer = without(current);
            if (!isOf(generation, current)) {
                throw new IllegalStateException(this + " was released more often than retained", releasedAt);
            }
        } while (!STATE.weakCompareAndSet(this, current, fewer));
        if ((current & COUNT) == 1) {
            owned = fewer + 1;
            try {
                giveBack();
            } catch (Throwable _) { // as above
                salvage();
            }
        }
    }

    private static long without(long state) {
        return (state & COUNT) == 1 ? ((state & GENERATIONS) + GENERATION) & GENERATIONS : state - 1;
    }

    /** <i>Owner of the only reference.</i> {@return a segment to use again, or null} */
    @Nullable
    Segment takeSpare() {
        Segment kept = spare;
        if (kept != null) {
            spare = null;
        }
        return kept;
    }

    /** Counts the block as lost: a reference will never be given up. */
    void lost() {
        pool.lost(capacity);
    }

    private void giveBack() {
        if (CheckedMode.ON) {
            markReleased();
        }
        BlockHome cache = home;
        if (cache != null) {
            cache.recycle(this);
        } else {
            pool.recycle(this);
        }
    }

    private void salvage() {
        try {
            pool.salvage.keep(this);
        } catch (StackOverflowError _) {
            // its trace will bring it back
        }
    }

    /** Checked mode: shows late readers that this memory is dead. It can't be allocated yet. */
    private void markReleased() {
        memory.fill(CheckedMode.POISON);
        releasedAt = CheckedMode.here("released");
        pool.untrack(trace);
    }

    /** Hands the block out. No other thread can see it, so no atomic operation is needed. */
    Block allocated() {
        if (CheckedMode.ON) {
            track();
        }
        state = owned;
        return this;
    }

    private void track() {
        try {
            trace.allocatedAt = CheckedMode.here("allocated");
            pool.track(trace);
        } catch (OutOfMemoryError | StackOverflowError _) {
            trace.allocatedAt = null; // the block works without it
        }
    }

    @Override
    public String toString() {
        return "Block[0x" + Long.toHexString(address) + " +" + capacity + " references=" + references() + "]";
    }
}

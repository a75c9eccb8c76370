// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A fixed piece of native memory that belongs to a {@link SegmentPool} and is shared by counted references.
 *
 * <pre>
 *   free (g, 0) --allocate--> owned (g, 1) --retain--> shared (g, n)
 *   free (g + 1, 0) <--release--+  ^-------------------release--|
 * </pre>
 *
 * <p>The state is one word: the generation g, which counts how often the block has come back; whether there has been a
 * second reference in this generation; and the number of references. Who holds a reference for long remembers the
 * generation, see {@link #generation()}, so that a reference which was given up already is recognised even when the
 * block has been handed out again.
 *
 * <p>Invariants:
 * <ul>
 *   <li>I1. The count is 0 exactly while the block is free: in its pool, or in a {@link LoopCache} in front of it.
 *       Nobody else may then touch its memory.
 *   <li>I2. Only the release that takes the count from 1 to 0 returns the block, so it is returned once.
 *   <li>I3. A retain at 0 and a release at 0 are always detected and change nothing. So are a retain and a release with
 *       that are said to be of another generation, whoever owns the block now.
 *   <li>I4. While there has been only one reference in a generation, who remembers that generation has it. So a release
 *       that finds exactly this state needs no other check: of two that race, one fails.
 * </ul>
 *
 * <p>The count may be changed from any thread. The last release happens-after everything done with the memory before
 * the other releases. It does not fail: what goes wrong on the way back to the pool is made up for by {@link Salvage},
 * and a block that is lost altogether is found by its {@link BlockTrace}.
 */
public final class Block {
    private static final VarHandle STATE;

    private static final int COUNT_BITS = 28;
    private static final long COUNT = (1L << COUNT_BITS) - 1;

    /** There has been more than one reference since the block was handed out. */
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

    /** Link of the list of free blocks it is in; guarded by whatever guards that list. */
    @Nullable
    Block nextFree;

    /** Where it goes when it is free: the cache that handed it out, or null for the pool. Of whoever owns the block. */
    @Nullable
    BlockHome home;

    /** Index of the size class, or {@link SegmentPool#DEDICATED}. */
    final int sizeClass;

    /** What the block is a part of. It keeps the memory mapped as long as anybody has the block. */
    final Slab slab;

    /** What finds the block if it is lost. */
    final BlockTrace trace;

    private final SegmentPool pool;
    private final MemorySegment memory;
    private final MemorySegment readOnly;
    private final long address;
    private final int capacity;

    /**
     * Null until a view is handed out, and after the views were abandoned. Set under the lock of this object, read
     * without: its fields are final, and who finds a value that is no more the latest finds one that will be waited
     * for.
     */
    private @Nullable BlockViews views;

    /** The life of the views abandoned last. Guarded by this object. */
    private @Nullable ViewLife abandoned;

    private @Nullable Throwable releasedAt; // in checked mode only

    /** A segment of this block that nobody has any more. Set by the last release, taken by the next owner. */
    private @Nullable Segment spare;

    /** Through STATE, except where a free block is handed out: nobody else has it then. */
    @SuppressWarnings("UnusedVariable")
    private long state;

    /** The state with the only reference in this generation. Changed by the last release. */
    private long owned = 1;

    /** Makes the block of a place of the slab. */
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

    /** The same memory, not writable. Not for users: {@link #views} are. */
    public MemorySegment readOnly() {
        return readOnly;
    }

    /** What is handed out to users is cut from these; it is known when nobody has any of it any more. */
    BlockViews views() {
        BlockViews current = views;
        return current != null ? current : makeViews();
    }

    private BlockViews makeViews() {
        synchronized (this) { // two slices of the block may be read at once
            BlockViews current = views;
            if (current == null) {
                current = BlockViews.of(this, abandoned);
                trace.life = current.life; // nothing is called until all is said: views without a life are never over
                trace.shown = true;
                views = current;
            }
            return current;
        }
    }

    /** There may be views of its memory, as somebody had it before who lost it. */
    Block shown(ViewLife life) {
        synchronized (this) {
            abandoned = life;
            slab.views = null; // else they would never become unreachable
        }
        trace.life = life;
        trace.shown = true;
        return this;
    }

    /** Whether there may be views. */
    boolean wasShown() {
        synchronized (this) {
            return views != null || abandoned != null;
        }
    }

    /**
     * The views that were handed out are not their owner's any more: whoever wants some gets others.
     *
     * @return the life of all that were handed out so far; null if it can't be known when that ends
     */
    @Nullable
    ViewLife abandonViews() {
        synchronized (this) {
            BlockViews current = views;
            if (current != null) {
                abandoned = current.life;
                views = null; // else they would never become unreachable
                slab.views = null;
            }
            return abandoned;
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

    /** Whether its memory is unmapped with its last release, so that only checked access to it is safe. */
    boolean isDedicated() {
        return sizeClass == SegmentPool.DEDICATED;
    }

    /** The number of references right now: a hint while other threads hold some. */
    public int references() {
        return (int) ((long) STATE.getAcquire(this) & COUNT);
    }

    /** What a holder of a reference remembers to be able to prove that it is one of this generation. */
    int generation() {
        return (int) (owned >>> GENERATION_SHIFT);
    }

    /** The state while there has been one reference only, in a generation. */
    private static long only(int generation) {
        return Integer.toUnsignedLong(generation) << GENERATION_SHIFT | 1;
    }

    private static boolean isOf(int generation, long state) {
        return (int) (state >>> GENERATION_SHIFT) == generation && (state & COUNT) != 0;
    }

    /** Whether the block has been handed out again since, or is free. */
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

    /** As {@link #retain()}, for one who has a reference of the generation. */
    void retain(int generation) {
        long only = only(generation);
        if (STATE.compareAndSet(this, only, (only | SHARED) + 1)) {
            return; // without a look first, which would fetch the cache line twice
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

    /** As {@link #releaseOnly(int, Segment)}, with nothing to keep. */
    boolean releaseOnly(int generation) {
        return releaseOnly(generation, null);
    }

    /**
     * Gives up the only reference there has been in this generation; false, and nothing happens, if it is not.
     *
     * @param used what gave the reference up and may be used again with the next one, or null
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
        } catch (Throwable _) { // the reference is gone whatever happens; who gave it up can do nothing about it
            salvage();
        }
        return true;
    }

    /** As {@link #release()}, for one who has a reference of the generation. */
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

    /** Says that a reference will never be given up. */
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
            // its trace will be found
        }
    }

    /** Checked mode: whoever still reads this memory shall see that it is dead. Nobody else can allocate it yet. */
    private void markReleased() {
        memory.fill(CheckedMode.POISON);
        releasedAt = CheckedMode.here("released");
        pool.untrack(trace);
    }

    /** Hands the block out. Nobody else can see it, so no atomic operation is needed. */
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
            trace.allocatedAt = null; // it works without
        }
    }

    @Override
    public String toString() {
        return "Block[0x" + Long.toHexString(address) + " +" + capacity + " references=" + references() + "]";
    }
}

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
 *   free (0) --allocate--> owned (1) --retain--> shared (n)
 *      ^                       |  ^-----release-----|
 *      +-------release---------+
 * </pre>
 *
 * <p>Invariants:
 * <ul>
 *   <li>I1. The count is 0 exactly while the block is free: in its pool, or in a {@link LoopCache} in front of it.
 *       Nobody else may then touch its memory.
 *   <li>I2. Only the release that takes the count from 1 to 0 returns the block, so it is returned once.
 *   <li>I3. A retain at 0 and a release at 0 are always detected and change nothing.
 * </ul>
 *
 * <p>The count may be changed from any thread. The last release happens-after everything done with the memory before
 * the other releases.
 */
public final class Block {
    private static final VarHandle REFERENCES;

    static {
        try {
            REFERENCES = MethodHandles.lookup().findVarHandle(Block.class, "references", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Link of the list of free blocks it is in; guarded by whatever guards that list. */
    @Nullable
    Block nextFree;

    /** Where it goes when it is free: the cache that handed it out, or null for the pool. Of whoever owns the block. */
    @Nullable
    LoopCache home;

    /** Index of the size class, or {@link SegmentPool#DEDICATED}. */
    final int sizeClass;

    /** What the block is a part of. */
    final Slab slab;

    /**
     * The window through which the block is used first after each allocation. It lives as long as the block, so that
     * handing out memory makes no objects.
     */
    final Segment window;

    private final SegmentPool pool;
    private final MemorySegment memory;
    private final MemorySegment readOnly;
    private final long address;
    private final int capacity;

    private @Nullable Throwable allocatedAt; // these two in checked mode only
    private @Nullable Throwable releasedAt;

    @SuppressWarnings("unused") // through REFERENCES
    private volatile int references;

    Block(SegmentPool pool, MemorySegment memory, int sizeClass, Slab slab) {
        this.pool = pool;
        this.memory = memory;
        this.readOnly = memory.asReadOnly();
        this.address = memory.address();
        this.capacity = Math.toIntExact(memory.byteSize());
        this.sizeClass = sizeClass;
        this.slab = slab;
        this.window = new Segment(this);
    }

    /** The memory, bounded to exactly this block. Its content after allocation is arbitrary. */
    public MemorySegment memory() {
        return memory;
    }

    /** The same memory, not writable: what views handed to users are cut from. */
    public MemorySegment readOnly() {
        return readOnly;
    }

    /** The address of the first byte. */
    public long address() {
        return address;
    }

    /** The size in bytes. */
    public int capacity() {
        return capacity;
    }

    /** The number of references right now: a hint while other threads hold some. */
    public int references() {
        return (int) REFERENCES.getAcquire(this);
    }

    /**
     * Adds a reference.
     *
     * @throws IllegalStateException if the block has been returned to its pool
     */
    public void retain() {
        if (REFERENCES.compareAndSet(this, 1, 2)) { // without a look first, which would fetch the cache line twice
            return;
        }
        int count;
        do {
            count = (int) REFERENCES.getAcquire(this);
            if (count <= 0) {
                throw new IllegalStateException(this + " was retained after its last release", releasedAt);
            }
        } while (!REFERENCES.weakCompareAndSet(this, count, count + 1));
    }

    /**
     * Gives up a reference; the last one returns the block to its pool.
     *
     * @throws IllegalStateException if there is no reference to give up: the block was released once too often
     */
    public void release() {
        if (REFERENCES.compareAndSet(this, 1, 0)) {
            lastRelease();
            return;
        }
        int count;
        do {
            count = (int) REFERENCES.getAcquire(this);
            if (count <= 0) {
                throw new IllegalStateException(this + " was released more often than retained", releasedAt);
            }
        } while (!REFERENCES.weakCompareAndSet(this, count, count - 1));
        if (count == 1) {
            lastRelease();
        }
    }

    private void lastRelease() {
        if (CheckedMode.ON) {
            markReleased();
        }
        LoopCache cache = home;
        if (cache != null) {
            cache.recycle(this);
        } else {
            pool.recycle(this);
        }
    }

    /** Checked mode: whoever still reads this memory shall see that it is dead. Nobody else can allocate it yet. */
    private void markReleased() {
        memory.fill(CheckedMode.POISON);
        releasedAt = CheckedMode.here("released");
        pool.untrack(this);
    }

    /** Hands the block out. Nobody else can see it, so no atomic operation is needed. */
    Block allocated() {
        if (CheckedMode.ON) {
            allocatedAt = CheckedMode.here("allocated");
            pool.track(this);
        }
        REFERENCES.setRelease(this, 1);
        return this;
    }

    /** Where it was handed out last; null unless in checked mode. */
    @Nullable
    Throwable allocatedAt() {
        return allocatedAt;
    }

    @Override
    public String toString() {
        return "Block[0x" + Long.toHexString(address) + " +" + capacity + " references=" + references() + "]";
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The memory from which blocks of one size are carved. It stays mapped as long as it, a block of it or a view is
 * reachable. Or the memory of a single block above the largest size, which its release unmaps.
 *
 * <p>Guarded by the pool's lock, except {@link #used}, {@link #views} and {@link #gone}.
 */
final class Slab {
    final MemorySegment memory;
    final int blockSize;

    /** Link of the one list that it is in. */
    @Nullable
    Slab next;

    /** Set when a thread takes one of its blocks from the free list, cleared by each trim. Racy: a hint. */
    boolean used = true;

    /** How many of its blocks the trim in progress found free. */
    int free;

    /** Whether the pool has given up its memory, so that none of its blocks counts as lost. */
    volatile boolean gone;

    /** How many trims in a row have found it free and unused. */
    int idleTrims;

    /** The scope of a single block's views, while some are not abandoned. Owner of the block only. */
    volatile @Nullable Arena views;

    private final @Nullable Arena arena;
    private int blocks;

    /** The trace of each carved block. They live as long as the slab is in use. */
    private final @Nullable BlockTrace[] traces;

    /** Creates a slab for many blocks. */
    Slab(MemorySegment memory, int blockSize) {
        this(null, memory, blockSize);
    }

    /** Creates a slab for a single block, in an arena that is closed with it. */
    Slab(@Nullable Arena arena, MemorySegment memory, int blockSize) {
        this.arena = arena;
        this.memory = memory;
        this.blockSize = blockSize;
        this.traces = new BlockTrace[(int) (memory.byteSize() / blockSize)];
    }

    boolean hasRoom() {
        return (long) (blocks + 1) * blockSize <= memory.byteSize();
    }

    Block carve(SegmentPool pool, int sizeClass) {
        Block block = carve(pool, sizeClass, blocks);
        blocks++;
        return block;
    }

    /** Creates the block of a place for the first time, or anew after the earlier one was lost. */
    Block carve(SegmentPool pool, int sizeClass, int index) {
        MemorySegment part = memory.asSlice((long) index * blockSize, blockSize);
        Block block = new Block(pool, part, sizeClass, this, index);
        traces[index] = block.trace;
        return block;
    }

    boolean isFree() {
        return free == blocks;
    }

    /**
     * Unmaps the memory of a single block. Stops all threads for a moment.
     *
     * @return false if that is impossible now: a system call uses a view that was released too early
     */
    boolean close() {
        return close(views) && close(arena);
    }

    private static boolean close(@Nullable Arena arena) {
        if (arena == null || !arena.scope().isAlive()) {
            return true;
        }
        try {
            arena.close();
            return true;
        } catch (IllegalStateException e) {
            return false;
        }
    }
}

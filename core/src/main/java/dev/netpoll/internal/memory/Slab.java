// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The memory from which blocks of one size are carved, or a single block above the largest size. Lives until all its
 * blocks were free and unused for a while.
 *
 * <p>Guarded by the pool's lock, except {@link #used}.
 */
final class Slab {
    final MemorySegment memory;
    private final Arena arena;
    private final int blockSize;
    private int blocks;

    /** Set by whoever takes one of its blocks from the free list, cleared by each trim. Racy: a hint. */
    boolean used = true;

    /** How many of its blocks the trim in progress found free. */
    int free;

    /** How many trims in a row have found it free and unused. */
    int idleTrims;

    Slab(Arena arena, MemorySegment memory, int blockSize) {
        this.arena = arena;
        this.memory = memory;
        this.blockSize = blockSize;
    }

    boolean hasRoom() {
        return (long) (blocks + 1) * blockSize <= memory.byteSize();
    }

    Block carve(SegmentPool pool, int sizeClass) {
        MemorySegment block = memory.asSlice((long) blocks * blockSize, blockSize);
        blocks++;
        return new Block(pool, block, sizeClass, this);
    }

    boolean isFree() {
        return free == blocks;
    }

    /**
     * Unmaps it. Stops all threads for a moment, so not on a path of data.
     *
     * @return false if that is impossible now: the system is at work on a view that was released too early
     */
    boolean close() {
        try {
            arena.close();
            return true;
        } catch (IllegalStateException e) {
            return false;
        }
    }
}

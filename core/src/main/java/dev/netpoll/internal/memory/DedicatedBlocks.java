// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import dev.netpoll.memory.MemoryLimitException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** The blocks of a pool above its largest size class: each has its own slab and arena. Any thread. */
final class DedicatedBlocks {
    private final SystemMemory system;
    private final AtomicLong blocks = new AtomicLong();
    private final AtomicLong bytes = new AtomicLong();

    /** The only references to the traces, as the slabs are in no list. */
    private final Set<BlockTrace> traces = ConcurrentHashMap.newKeySet();

    DedicatedBlocks(SystemMemory system) {
        this.system = system;
    }

    long blocks() {
        return blocks.get();
    }

    long bytes() {
        return bytes.get();
    }

    /** Maps a block of {@code capacity} bytes, which the caller has reserved. */
    Block map(SegmentPool pool, int capacity) {
        Slab slab = obtain(pool, capacity);
        Block block = null;
        try {
            Block made = slab.carve(pool, SegmentPool.DEDICATED);
            traces.add(made.trace);
            block = made;
        } finally {
            if (block == null) {
                system.unmapSingle(slab);
            }
        }
        bytes.addAndGet(capacity);
        blocks.incrementAndGet();
        return block;
    }

    private Slab obtain(PoolSlabs pool, int capacity) {
        try {
            return system.mapSingle(capacity);
        } catch (MemoryLimitException refused) {
            if (!pool.makeRoomInSystem(capacity)) {
                throw refused;
            }
            return system.mapSingle(capacity);
        }
    }

    /** Unmaps a free block. {@return whether that was possible} If not, a trim does it. */
    boolean unmap(Block block) {
        block.slab.gone = true;
        traces.remove(block.trace);
        return unmap(block.slab);
    }

    /** Like {@link #unmap(Block)}, for a block of which only the slab is left. */
    boolean unmap(Slab slab) {
        bytes.addAndGet(-slab.blockSize);
        blocks.decrementAndGet();
        return system.unmapSingle(slab);
    }

    /** Adds the trace of a block that replaces a lost one. */
    void add(BlockTrace trace) {
        traces.add(trace);
    }

    /** Removes the trace of a lost block that was found. */
    void remove(BlockTrace trace) {
        traces.remove(trace);
    }
}

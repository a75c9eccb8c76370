// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** The blocks of a pool above its largest size class: each has a slab and an arena for itself. Any thread. */
final class DedicatedBlocks {
    private final SystemMemory system;
    private final AtomicLong blocks = new AtomicLong();
    private final AtomicLong bytes = new AtomicLong();

    /** Nothing else keeps these, as the slabs are in no list. */
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

    /** Maps one of {@code capacity} bytes, which the caller has reserved. */
    Block map(SegmentPool pool, int capacity) {
        Slab slab = system.mapSingle(capacity);
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

    /** Unmaps one that is free. {@return whether that was possible} If not, a trim does it. */
    boolean unmap(Block block) {
        block.slab.gone = true;
        traces.remove(block.trace);
        return unmap(block.slab);
    }

    /** As {@link #unmap(Block)}, where only the slab is left of the block. */
    boolean unmap(Slab slab) {
        bytes.addAndGet(-slab.blockSize);
        blocks.decrementAndGet();
        return system.unmapSingle(slab);
    }

    /** Another block has taken the place of a lost one. */
    void add(BlockTrace trace) {
        traces.add(trace);
    }

    /** The block was lost, and is found. */
    void remove(BlockTrace trace) {
        traces.remove(trace);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The slabs of one size of blocks, and the blocks of them that are free.
 *
 * <p>Guarded by the pool's lock, except {@link #free}, which guards itself.
 */
final class SizeClass {
    private static final int FIRST_SLAB = 64 << 10;
    private static final int MAX_SLAB = 2 << 20;

    /** A slab is given back when so many trims in a row have found it free and not used in between. */
    private static final int IDLE_TRIMS = 2;

    final int index;
    final int blockSize;
    final FreeList free;
    private final List<Slab> slabs = new ArrayList<>();
    private int nextSlab;

    SizeClass(int index, int stripes) {
        this.index = index;
        this.blockSize = SizeClasses.size(index);
        this.free = new FreeList(stripes);
        this.nextSlab = firstSlab();
    }

    private int firstSlab() {
        return Math.max(FIRST_SLAB, blockSize);
    }

    /** A block that was not handed out before, or null when a new slab is needed for that. */
    @Nullable
    Block carve(SegmentPool pool) {
        Slab newest = slabs.isEmpty() ? null : slabs.getLast();
        return newest != null && newest.hasRoom() ? newest.carve(pool, index) : null;
    }

    /** The size that the next slab should have. */
    int wantedSlab() {
        return nextSlab;
    }

    void add(Slab slab) {
        slabs.add(slab);
        nextSlab = (int) Math.max(blockSize, Math.min(MAX_SLAB, 2 * slab.memory.byteSize()));
    }

    boolean isEmpty() {
        return slabs.isEmpty();
    }

    /**
     * Takes the slabs out that are free and have not been used for a while. The blocks of the others are put back such
     * that those of slabs in use are handed out first, and the rest has a chance to become free.
     *
     * @param now true to take all free slabs, used or not
     * @param unused receives the slabs, for the caller to close
     */
    void trim(boolean now, List<Slab> unused) {
        if (slabs.isEmpty()) {
            return;
        }
        Block[] drained = new Block[free.places()];
        for (int i = 0; i < drained.length; i++) {
            drained[i] = free.drain(i);
            for (Block block = drained[i]; block != null; block = block.nextFree) {
                block.slab.free++;
            }
        }
        for (Slab slab : slabs) {
            boolean idle = slab.isFree() && (now || !slab.used);
            slab.idleTrims = idle ? slab.idleTrims + 1 : 0;
            slab.used = false;
        }
        int needed = now ? 1 : IDLE_TRIMS;
        for (int i = 0; i < drained.length; i++) {
            restore(i, drained[i], needed);
        }
        for (Slab slab : slabs) {
            slab.free = 0;
            if (slab.idleTrims >= needed) {
                unused.add(slab);
            }
        }
        if (slabs.removeIf(slab -> slab.idleTrims >= needed)) {
            nextSlab = firstSlab();
        }
    }

    /** Puts back what is kept: first, and so at the bottom of the stack, the blocks of slabs that may soon go. */
    private void restore(int place, @Nullable Block list, int needed) {
        Block later = null;
        Block next;
        for (Block block = list; block != null; block = next) {
            next = block.nextFree;
            block.nextFree = null;
            Slab slab = block.slab;
            if (!slab.isFree()) {
                block.nextFree = later;
                later = block;
            } else if (slab.idleTrims < needed) {
                free.restore(place, block);
            }
        }
        for (Block block = later; block != null; block = next) {
            next = block.nextFree;
            free.restore(place, block);
        }
    }
}

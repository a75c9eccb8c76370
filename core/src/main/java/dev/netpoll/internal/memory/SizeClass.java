// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import org.jspecify.annotations.Nullable;

/**
 * The slabs of one block size, and their free blocks.
 *
 * <p>Guarded by the pool's lock, except {@link #free}, which guards itself. No code between taking blocks out of the
 * free list and putting them back allocates objects.
 */
final class SizeClass {
    private static final int FIRST_SLAB = 64 << 10;
    private static final int MAX_SLAB = 2 << 20;

    /** A slab is given back after this many trims in a row found it free and not used in between. */
    private static final int IDLE_TRIMS = 2;

    final int index;
    final int blockSize;
    final FreeList free;

    /** The newest first: only that one may have room. */
    private @Nullable Slab slabs;

    private int nextSlab;

    /** The blocks that a trim has taken out of each place of the free list. Empty between trims. */
    private final @Nullable Block[] drained;

    SizeClass(int index, int stripes) {
        this.index = index;
        this.blockSize = SizeClasses.size(index);
        this.free = new FreeList(stripes);
        this.drained = new Block[free.places()];
        this.nextSlab = firstSlab();
    }

    private int firstSlab() {
        return Math.max(FIRST_SLAB, blockSize);
    }

    /** A block for its first use, or null if that needs a new slab. */
    @Nullable
    Block carve(SegmentPool pool) {
        Slab newest = slabs;
        return newest != null && newest.hasRoom() ? newest.carve(pool, index) : null;
    }

    /** The size for the next slab. */
    int wantedSlab() {
        return nextSlab;
    }

    void add(Slab slab) {
        slab.next = slabs;
        slabs = slab;
        nextSlab = (int) Math.max(blockSize, Math.min(MAX_SLAB, 2 * slab.memory.byteSize()));
    }

    boolean isEmpty() {
        return slabs == null;
    }

    /**
     * Takes out the slabs that are free and were unused for a while. Puts the blocks of the others back so that those
     * of slabs in use are handed out first, and the rest has a chance to become free.
     *
     * @param now true to take all free slabs, used or not
     * @param unused a list, linked by {@code next}
     * @return the list with those slabs before it, for the caller to give back
     */
    @Nullable
    Slab trim(boolean now, @Nullable Slab unused) {
        if (slabs == null) {
            return unused;
        }
        for (Slab slab = slabs; slab != null; slab = slab.next) {
            slab.free = 0;
        }
        int needed = Integer.MAX_VALUE; // so that all are put back if something fails
        try {
            for (int i = 0; i < drained.length; i++) {
                drained[i] = free.drain(i);
                for (Block block = drained[i]; block != null; block = block.nextFree) {
                    block.slab.free++;
                }
            }
            for (Slab slab = slabs; slab != null; slab = slab.next) {
                boolean idle = slab.isFree() && (now || !slab.used);
                slab.idleTrims = idle ? slab.idleTrims + 1 : 0;
                slab.used = false;
            }
            needed = now ? 1 : IDLE_TRIMS;
        } finally {
            for (int i = 0; i < drained.length; i++) {
                Block list = drained[i];
                drained[i] = null;
                restore(i, list, needed);
            }
        }
        return takeIdle(needed, unused);
    }

    private @Nullable Slab takeIdle(int needed, @Nullable Slab unused) {
        Slab taken = unused;
        Slab kept = null;
        Slab following;
        for (Slab slab = slabs; slab != null; slab = following) {
            following = slab.next;
            if (slab.idleTrims >= needed) {
                if (kept == null) {
                    slabs = following;
                } else {
                    kept.next = following;
                }
                slab.gone = true;
                slab.next = taken;
                taken = slab;
                nextSlab = firstSlab();
            } else {
                kept = slab;
            }
        }
        return taken;
    }

    /** Puts back the kept blocks: first, and so at the bottom of the stack, those of slabs that may soon go. */
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

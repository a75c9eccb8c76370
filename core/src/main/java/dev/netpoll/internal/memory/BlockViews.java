// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The memory of a block for users. Views cut from it keep its scope reachable, which tells when the last view is gone,
 * see {@link ViewLife}. Created with the first view of a block and kept with it, so that handing out views allocates
 * nothing but the views.
 */
final class BlockViews {
    final MemorySegment writable;
    final MemorySegment readOnly;

    /** Null without native access: then the end of the last view can't be known. */
    final @Nullable ViewLife life;

    private BlockViews(MemorySegment writable, MemorySegment readOnly, @Nullable ViewLife life) {
        this.writable = writable;
        this.readOnly = readOnly;
        this.life = life;
    }

    /**
     * Creates the views of a block.
     *
     * @param before the life of the views abandoned earlier
     */
    static BlockViews of(Block block, @Nullable ViewLife before) {
        MemorySegment memory = block.memory();
        if (!RawMemory.AVAILABLE) {
            return new BlockViews(memory, block.readOnly(), null);
        }
        ViewLife life = new ViewLife(memory, before);
        Arena arena = block.isDedicated() ? Arena.ofShared() : Arena.ofAuto();
        MemorySegment writable = RawMemory.scoped(memory, arena, life);
        BlockViews views = new BlockViews(writable, writable.asReadOnly(), life);
        if (block.isDedicated()) { // its release unmaps its memory, so the views have to end before that
            life.watch(arena.scope());
            block.slab.views = arena;
        }
        return views;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The memory of a block for the eyes of users: what is cut from it keeps a scope of its own reachable, which tells when
 * nobody can look any more, see {@link ViewLife}. Made with the first view of a block and kept with it, so that handing
 * out views makes nothing but the views.
 */
final class BlockViews {
    final MemorySegment writable;
    final MemorySegment readOnly;

    /** Null where native access is missing: then it can't be known when the last view is gone. */
    final @Nullable ViewLife life;

    private BlockViews(MemorySegment writable, MemorySegment readOnly, @Nullable ViewLife life) {
        this.writable = writable;
        this.readOnly = readOnly;
        this.life = life;
    }

    /**
     * Makes those of a block.
     *
     * @param before the life of those that were abandoned before
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
        if (block.isDedicated()) { // its memory goes with its release, so the views have to end before that
            life.watch(arena.scope());
            block.slab.views = arena;
        }
        return views;
    }
}

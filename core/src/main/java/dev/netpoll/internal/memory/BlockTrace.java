// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import org.jspecify.annotations.Nullable;

/**
 * What is left of a block that nobody has given back and nobody can reach any more: its buffer was never closed, or an
 * Error struck just when the block was in nobody's hands but a thread's. The pool makes a new block of its memory.
 *
 * <p>Made with the block, and reachable through the slab. If users may have views of the memory, it waits until they
 * are gone; where that can't be known, the memory stays lost.
 */
final class BlockTrace extends PhantomReference<Block> {
    final Slab slab;

    /** Which of the slab's blocks it is, and of what size class. */
    final int index;

    final int sizeClass;

    /** Whether views of the block were handed out, ever. Written under the block's lock, read when it is gone. */
    volatile boolean shown;

    /** The life of the latest views, which tells when those before them are gone, too; null if that can't be known. */
    volatile @Nullable ViewLife life;

    /** Where the block was handed out last; null unless in checked mode. */
    volatile @Nullable Throwable allocatedAt;

    BlockTrace(Block block, ReferenceQueue<Block> lost, int index) {
        super(block, lost);
        this.slab = block.slab;
        this.index = index;
        this.sizeClass = block.sizeClass;
    }
}

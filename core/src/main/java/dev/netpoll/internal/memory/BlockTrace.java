// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import org.jspecify.annotations.Nullable;

/**
 * What remains of a lost block: unreachable, but never returned. Its buffer was never closed, or an Error struck while
 * only a thread's stack referred to it. The pool makes a new block of its memory.
 *
 * <p>Created with the block, and reachable through the slab. If users may have views of the memory, the pool waits for
 * their end; where that can't be known, the memory stays lost.
 */
final class BlockTrace extends PhantomReference<Block> {
    final Slab slab;

    /** The block's index in the slab, and its size class. */
    final int index;

    final int sizeClass;

    /** Whether views of the block were ever handed out. Written under the block's lock, read when it is gone. */
    volatile boolean shown;

    /** The life of the latest views; it ends after those of earlier views. Null if their end can't be known. */
    volatile @Nullable ViewLife life;

    /** Where the block was last handed out; null unless in checked mode. */
    volatile @Nullable Throwable allocatedAt;

    BlockTrace(Block block, ReferenceQueue<Block> lost, int index) {
        super(block, lost);
        this.slab = block.slab;
        this.index = index;
        this.sizeClass = block.sizeClass;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import org.jspecify.annotations.Nullable;

/**
 * Free blocks whose last release happened on a thread that had no stack left to return them to their pool. The next
 * thread that needs a new slab, or the next trim, returns them. Any thread.
 */
final class Salvage {
    private @Nullable Block first; // changed under the lock of this object

    /** Keeps a free block that is in no list. Calls nothing. */
    void keep(Block block) {
        synchronized (this) {
            block.nextFree = first;
            first = block;
        }
    }

    /** Takes a block out. */
    @Nullable
    Block take() {
        if (first == null) { // racy read first
            return null;
        }
        synchronized (this) {
            Block block = first;
            if (block != null) {
                first = block.nextFree;
                block.nextFree = null;
            }
            return block;
        }
    }
}

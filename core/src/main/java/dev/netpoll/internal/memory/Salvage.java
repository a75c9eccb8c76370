// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import org.jspecify.annotations.Nullable;

/**
 * Blocks whose last reference was given up by a thread that could not bring them back to their pool, as it had no stack
 * left. The next thread that needs a new slab, or the next trim, does it. Any thread.
 */
final class Salvage {
    private @Nullable Block first; // changed under the lock of this object

    /** Keeps a block that is free and in no list. Calls nothing. */
    void keep(Block block) {
        synchronized (this) {
            block.nextFree = first;
            first = block;
        }
    }

    /** Takes one out. */
    @Nullable
    Block take() {
        if (first == null) { // a racy look first
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

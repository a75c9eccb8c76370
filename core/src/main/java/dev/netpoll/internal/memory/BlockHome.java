// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

/** A cache that some blocks go back to when their last reference is gone, instead of the pool. */
interface BlockHome {
    /** Takes back a block that was handed out here. Any thread. May throw: then the block was not taken. */
    void recycle(Block block);

    /** {@return how many blocks it holds} Exact when nobody uses it meanwhile; so are the two below. */
    int heldBlocks();

    /** {@return their capacity in bytes} */
    long heldBytes();

    /** {@return how many blocks it handed out without asking the pool} */
    long hits();
}

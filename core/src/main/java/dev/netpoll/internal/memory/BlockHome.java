// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

/** A cache that takes back some blocks after their last release, instead of the pool. */
interface BlockHome {
    /** Takes back a block that this cache handed out. Any thread. May throw: then the block was not taken. */
    void recycle(Block block);

    /** {@return how many blocks it holds} Like the next two, exact only while no thread uses the cache. */
    int heldBlocks();

    /** {@return their capacity in bytes} */
    long heldBytes();

    /** {@return how many blocks it handed out without asking the pool} */
    long hits();
}

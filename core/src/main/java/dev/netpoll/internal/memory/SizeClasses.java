// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

/**
 * The sizes of blocks: the powers of two from 256 B to 8 MiB. A smaller block would be mostly bookkeeping; a larger one
 * is rare enough for its own mapping. Powers of two waste less than half, and only of what is not filled: a writer
 * fills its blocks, and a reader's leftovers are copied into right-sized ones.
 */
final class SizeClasses {
    /** The smallest block in bytes. */
    static final int MIN_BLOCK = 256;

    /** The largest block in bytes that is carved from a slab. */
    static final int MAX_BLOCK = 8 << 20;

    private static final int MIN_SHIFT = Integer.numberOfTrailingZeros(MIN_BLOCK);

    /** The number of classes. */
    static final int COUNT = Integer.numberOfTrailingZeros(MAX_BLOCK) - MIN_SHIFT + 1;

    private SizeClasses() {}

    /** The index of the smallest class for at least {@code capacity} bytes, of at most {@link #MAX_BLOCK}. */
    static int indexOf(int capacity) {
        return Integer.SIZE - MIN_SHIFT - Integer.numberOfLeadingZeros(Math.max(capacity, MIN_BLOCK) - 1);
    }

    /** The size of a class's blocks in bytes. */
    static int size(int index) {
        return MIN_BLOCK << index;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

/** Hands out blocks: a {@link SegmentPool}, or a cache such as {@link LoopCache} in front of it. Any thread. */
public interface BlockSource {
    /**
     * Hands out a block with one reference, owned by the caller. Its content is arbitrary.
     *
     * @param minCapacity the least capacity in bytes; the block may be larger
     * @throws IllegalArgumentException if {@code minCapacity} is negative
     * @throws MemoryLimitException if the pool's cap is reached or the system has no memory
     */
    Block allocate(int minCapacity);
}

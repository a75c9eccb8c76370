// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.memory;

import dev.netpoll.buffer.BufferMemory;

/**
 * What the pool of buffer memory holds, see {@link BufferMemory#stats()}. Each figure is exact when no thread uses
 * buffers meanwhile, and close otherwise.
 *
 * @param slabBytes bytes obtained from the system
 * @param maxBytes the cap of {@code slabBytes}; with the NIO backend the JVM's limit of direct memory may be less
 * @param outstandingBlocks blocks handed out and not yet returned
 * @param outstandingBytes their capacity in bytes
 * @param cachedBytes bytes of free blocks that event loops keep for themselves
 * @param allocations blocks handed out so far
 * @param misses how many of these had not been in use before
 * @param trimmedBytes bytes given back to the system so far because they were not used
 * @param leaks buffers that were collected without a close so far; counted in checked mode only
 * @param foundBlocks unreachable blocks that nobody had given back and that the pool recovered so far: each belonged to
 *     a buffer that was never closed, or an error struck while a thread gave it back
 * @param lostBytes bytes given up so far because views of them might still be in use when their connection was gone;
 *     with native access the pool knows that, and loses none
 * @since 0.1
 */
public record MemoryStats(
        long slabBytes,
        long maxBytes,
        long outstandingBlocks,
        long outstandingBytes,
        long cachedBytes,
        long allocations,
        long misses,
        long trimmedBytes,
        long leaks,
        long foundBlocks,
        long lostBytes) {}

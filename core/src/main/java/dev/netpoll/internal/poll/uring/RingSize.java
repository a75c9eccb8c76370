// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

/**
 * How much fits in a ring. None of it is a limit of what can be done, only of what can be done at once.
 *
 * @param submissions what one turn may add before it has to submit; a power of two
 * @param completions what the kernel may complete before it has to keep the rest to itself; a power of two
 * @param buffers how many requests the kernel may receive at once; a power of two
 * @param bulkBuffers how many big buffers there are for bulk; a power of two
 */
record RingSize(int submissions, int completions, int buffers, int bulkBuffers) {
    static final RingSize USUAL = new RingSize(256, 4096, 256, 8);
}

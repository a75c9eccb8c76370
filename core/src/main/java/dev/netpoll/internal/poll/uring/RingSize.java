// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

/**
 * The capacities of a ring. They limit only how much happens at once.
 *
 * @param submissions how many submissions a turn may add before it must submit; a power of two
 * @param completions how many completions fit before the kernel must hold back the rest; a power of two
 * @param buffers how many requests the kernel may receive at once; a power of two
 * @param bulkBuffers how many buffers there are for bulk; a power of two
 */
record RingSize(int submissions, int completions, int buffers, int bulkBuffers) {
    static final RingSize USUAL = new RingSize(256, 4096, 256, 8);
}

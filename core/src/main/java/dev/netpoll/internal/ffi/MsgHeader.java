// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * {@code struct msghdr} of 64-bit Linux, 56 bytes: name 0, namelen 8, iov 16, iovlen 24, control 32, controllen 40,
 * flags 48. (musl declares iovlen as an int with padding: the same bytes on little-endian machines.)
 */
final class MsgHeader {
    static final long SIZE = 56;

    private static final long IOV = 16;
    private static final long IOVLEN = 24;

    private MsgHeader() {}

    /** All zero but the I/O vector: no name, no control data. The memory must be zero. */
    static void init(MemorySegment memory, long at, long vectorAddress) {
        memory.set(ValueLayout.JAVA_LONG, at + IOV, vectorAddress);
    }

    static void parts(MemorySegment memory, long at, int count) {
        memory.set(ValueLayout.JAVA_LONG, at + IOVLEN, count);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** {@code struct iovec}: {@code void *iov_base; size_t iov_len}. */
final class IoVector {
    static final long SIZE = 16;

    private static final long BASE = 0;
    private static final long LENGTH = 8;

    private IoVector() {}

    static void set(MemorySegment memory, long at, long address, long length) {
        memory.set(ValueLayout.JAVA_LONG, at + BASE, address);
        memory.set(ValueLayout.JAVA_LONG, at + LENGTH, length);
    }
}

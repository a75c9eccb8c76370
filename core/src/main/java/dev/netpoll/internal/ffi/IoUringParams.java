// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;

/**
 * {@code struct io_uring_params}, 120 bytes: sq_entries 0, cq_entries 4, flags 8, features 20, sq_off 40, cq_off 80,
 * and the kernel's answer after {@link IoUring#setup}. It is in a scratch, and valid until that is used for anything
 * except mapping the ring.
 */
public final class IoUringParams {
    private static final long SIZE = 120;
    private static final long SQ_OFF = 40;
    private static final long CQ_OFF = 80;

    private final MemorySegment memory;

    /** Parameters for a new ring. */
    public IoUringParams(Scratch scratch, int flags, int completions) {
        memory = scratch.struct(SIZE);
        memory.set(JAVA_INT, 4, completions);
        memory.set(JAVA_INT, 8, flags);
    }

    long address() {
        return memory.address();
    }

    /** {@return a set of {@code IORING_FEAT_...}} */
    public int features() {
        return memory.get(JAVA_INT, 20);
    }

    /** {@return the requested set of {@code IORING_SETUP_...}} */
    public int flags() {
        return memory.get(JAVA_INT, 8);
    }

    int sqEntries() {
        return memory.get(JAVA_INT, 0);
    }

    int cqEntries() {
        return memory.get(JAVA_INT, 4);
    }

    int sqTail() {
        return memory.get(JAVA_INT, SQ_OFF + 4);
    }

    int sqHead() {
        return memory.get(JAVA_INT, SQ_OFF);
    }

    int sqFlags() {
        return memory.get(JAVA_INT, SQ_OFF + 16);
    }

    int sqArray() {
        return memory.get(JAVA_INT, SQ_OFF + 24);
    }

    int cqHead() {
        return memory.get(JAVA_INT, CQ_OFF);
    }

    int cqTail() {
        return memory.get(JAVA_INT, CQ_OFF + 4);
    }

    int cqes() {
        return memory.get(JAVA_INT, CQ_OFF + 20);
    }
}

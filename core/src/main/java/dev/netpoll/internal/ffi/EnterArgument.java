// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The wait limits of {@link IoUring#enter}: {@code struct io_uring_getevents_arg} (sigmask 0, sigmask_sz 8,
 * min_wait_usec 12, ts 16), and the {@code struct __kernel_timespec} it points to. Not thread-safe.
 */
public final class EnterArgument {
    static final long SIZE = 24;

    private static final long MIN_WAIT = 12;
    private static final long TIME_POINTER = 16;
    private static final long TIME = SIZE;

    private final MemorySegment memory;

    /** Allocates it in the arena of its ring. */
    EnterArgument(Arena arena) {
        memory = arena.allocate(SIZE + 16, Long.BYTES);
    }

    /**
     * Sets the limits.
     *
     * @param timeoutNanos how long to wait at most; a negative value has no limit
     * @param minWaitMicros how long to wait at most for all requested completions; afterwards one is enough
     */
    public EnterArgument limit(long timeoutNanos, int minWaitMicros) {
        memory.set(JAVA_INT, MIN_WAIT, minWaitMicros);
        if (timeoutNanos < 0) {
            memory.set(JAVA_LONG, TIME_POINTER, 0);
        } else {
            memory.set(JAVA_LONG, TIME_POINTER, memory.address() + TIME);
            memory.set(JAVA_LONG, TIME, timeoutNanos / 1_000_000_000);
            memory.set(JAVA_LONG, TIME + Long.BYTES, timeoutNanos % 1_000_000_000);
        }
        return this;
    }

    long address() {
        return memory.address();
    }
}

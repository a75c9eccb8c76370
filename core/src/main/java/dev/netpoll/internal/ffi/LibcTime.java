// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import static dev.netpoll.internal.ffi.Downcalls.UNUSED;

import java.lang.invoke.MethodHandle;

/** {@code <time.h>}. */
public final class LibcTime {
    private static final int CLOCK_PROCESS_CPUTIME_ID = 2;

    private static final MethodHandle CLOCK_GETTIME = Downcalls.link("clock_gettime");

    private LibcTime() {}

    /** {@return the processor time that all threads of this process have used, in nanoseconds, or -1} */
    public static long processCpuNanos(Scratch scratch) {
        long time = scratch.timeSpec(0);
        try {
            // SAFETY: the timespec lies in the scratch, which the errno argument keeps alive during the call.
            int result = (int) (long) CLOCK_GETTIME.invokeExact(
                    scratch.errno, (long) CLOCK_PROCESS_CPUTIME_ID, time, UNUSED, UNUSED, UNUSED);
            return result == 0 ? scratch.timeSpecNanos() : -1;
        } catch (Throwable t) {
            throw Downcalls.failure(t);
        }
    }
}

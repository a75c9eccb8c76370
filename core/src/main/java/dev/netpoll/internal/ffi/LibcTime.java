// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import java.lang.invoke.MethodHandle;

/** {@code <time.h>}. */
public final class LibcTime {
    private static final int CLOCK_PROCESS_CPUTIME_ID = 2;
    private static final int CPUCLOCK_SCHED = 2;
    private static final int CPUCLOCK_PER_THREAD = 4;

    private static final MethodHandle CLOCK_GETTIME = Downcalls.link("clock_gettime");

    private LibcTime() {}

    /** {@return the processor time that all threads of this process have used, in nanoseconds, or -1} */
    public static long processCpuNanos(Scratch scratch) {
        return nanos(scratch, CLOCK_PROCESS_CPUTIME_ID);
    }

    /** {@return the processor time that a thread of this process has used, in nanoseconds, or -1 if it is gone} */
    public static long threadCpuNanos(Scratch scratch, int thread) {
        return nanos(scratch, ~thread << 3 | CPUCLOCK_PER_THREAD | CPUCLOCK_SCHED); // as pthread_getcpuclockid(3) does
    }

    private static long nanos(Scratch scratch, int clock) {
        long time = scratch.timeSpec(0);
        // SAFETY: the timespec lies in the scratch, which the errno argument keeps alive during the call.
        return Downcalls.call(CLOCK_GETTIME, scratch, clock, time) == 0 ? scratch.timeSpecNanos() : -1;
    }
}

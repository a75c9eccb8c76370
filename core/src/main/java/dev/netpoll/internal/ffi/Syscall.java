// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import java.lang.invoke.MethodHandle;

/**
 * System calls by number: syscall(2). For calls that the C library has no function for, and for the calls of each
 * request: its functions are thread cancellation points, which cost two atomic operations per call.
 *
 * <p>An ordinary downcall: the system call may wait.
 */
final class Syscall {
    private static final boolean X86 = "amd64".equals(System.getProperty("os.arch"));

    static final long SENDTO = X86 ? 44 : 206;
    static final long RECVFROM = X86 ? 45 : 207;
    static final long SENDMSG = X86 ? 46 : 211;

    private static final MethodHandle SYSCALL = Downcalls.link("syscall");

    private Syscall() {}

    /** Makes system call {@code number}; {@return its result, or the error number negated} */
    static long call(Scratch scratch, long number, long a, long b, long c, long d, long e, long f) {
        try {
            // SAFETY: the callers, all in this package, pass what the system call's manual page says, and keep alive
            // what the arguments point to.
            return scratch.result((long) SYSCALL.invokeExact(scratch.errno, number, a, b, c, d, e, f));
        } catch (Throwable t) {
            throw Downcalls.failure(t);
        }
    }

    /** Makes a system call, whatever its result; {@return false if the JVM could not make it} Never throws. */
    static boolean tryCall(Scratch scratch, long number, long a, long b) {
        try {
            // SAFETY: as above.
            long _ = (long) SYSCALL.invokeExact(scratch.errno, number, a, b, 0L, 0L, 0L, 0L);
            return true;
        } catch (Throwable t) { // thrown before the call: nothing allocates after it
            return false;
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;

/**
 * System calls that the C library has no function for, or none of up to five words: syscall(2).
 *
 * <p>An ordinary downcall: what is called may wait.
 */
final class Syscall {
    private static final MethodHandle SYSCALL = Downcalls.linkVariadic(
            "syscall",
            1,
            FunctionDescriptor.of(
                    JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));

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
}

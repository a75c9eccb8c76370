// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import static dev.netpoll.internal.ffi.Downcalls.UNUSED;

import java.lang.invoke.MethodHandle;

/** {@code <sys/eventfd.h>}. */
public final class LibcEventfd {
    /** Non-blocking and closed on exec. */
    private static final int FLAGS = 0x800 | 0x80000;

    private static final MethodHandle EVENTFD = Downcalls.link("eventfd");
    private static final MethodHandle EVENTFD_WRITE = Downcalls.link("eventfd_write");

    private LibcEventfd() {}

    /** Opens one that counts from 0, non-blocking. */
    public static int eventfd(Scratch scratch) {
        try {
            // SAFETY: plain ints.
            return scratch.result(
                    (int) (long) EVENTFD.invokeExact(scratch.errno, 0L, (long) FLAGS, UNUSED, UNUSED, UNUSED));
        } catch (Throwable t) {
            throw Downcalls.failure(t);
        }
    }

    /** Adds to the counter. */
    public static int write(Scratch scratch, int fd, long value) {
        try {
            // SAFETY: the value is passed by value; no memory is involved.
            return scratch.result(
                    (int) (long) EVENTFD_WRITE.invokeExact(scratch.errno, (long) fd, value, UNUSED, UNUSED, UNUSED));
        } catch (Throwable t) {
            throw Downcalls.failure(t);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import java.lang.invoke.MethodHandle;

/** {@code <sys/eventfd.h>}. */
public final class LibcEventfd {
    /** Non-blocking and closed on exec. */
    private static final int FLAGS = 0x800 | 0x80000;

    private static final MethodHandle EVENTFD = Downcalls.link("eventfd");
    private static final MethodHandle EVENTFD_WRITE = Downcalls.link("eventfd_write");

    private LibcEventfd() {}

    /** Opens an eventfd with count 0, non-blocking. */
    public static int eventfd(Scratch scratch) {
        // SAFETY: plain ints.
        return Downcalls.call(EVENTFD, scratch, 0, FLAGS);
    }

    /** Adds to the counter. */
    public static int write(Scratch scratch, int fd, long value) {
        // SAFETY: the value is passed by value; no memory is involved.
        return Downcalls.call(EVENTFD_WRITE, scratch, fd, value);
    }
}

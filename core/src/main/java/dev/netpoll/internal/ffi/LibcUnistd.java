// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import static dev.netpoll.internal.ffi.Downcalls.UNUSED;

import dev.netpoll.internal.base.Classes;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/** {@code <unistd.h>} and {@code <fcntl.h>}: descriptors. */
public final class LibcUnistd {
    private static final int F_GETFD = 1;
    private static final int F_SETFD = 2;
    private static final int F_GETFL = 3;
    private static final int F_SETFL = 4;
    private static final int FD_CLOEXEC = 1;
    private static final int O_NONBLOCK = 0x800;
    private static final int O_CLOEXEC = 0x80000;

    private static final MethodHandle CLOSE = Downcalls.link("close");
    private static final MethodHandle FCNTL = Downcalls.link("fcntl");
    private static final MethodHandle DUP3 = Downcalls.link("dup3");

    private LibcUnistd() {}

    /** Links now rather than at the first close: without a free descriptor, a class file may not be readable. */
    static void link() {
        Classes.initialize(MethodHandles.lookup(), Leftovers.class); // initialising this class links
    }

    /**
     * Closes. The descriptor is gone whatever the result, so callers must not retry. Never throws: if the JVM lacks the
     * memory that a call needs before its code is compiled, {@link Leftovers} closes it later.
     */
    public static void close(Scratch scratch, int fd) {
        if (!tryToClose(scratch, fd)) {
            Leftovers.addDescriptor(fd);
        }
    }

    private static boolean tryToClose(Scratch scratch, int fd) {
        try {
            OwnedFds.remove(fd);
            // SAFETY: plain ints. Whose descriptor it is, is the caller's concern: GuardedFd for all shared ones.
            long _ = (long) CLOSE.invokeExact(scratch.errno, (long) fd, UNUSED, UNUSED, UNUSED, UNUSED, UNUSED, UNUSED);
            return true;
        } catch (Throwable t) { // thrown before the call: nothing allocates after it
            return false;
        }
    }

    /**
     * Closes the file behind a descriptor now, and puts one that does nothing in its place, so that the number stays
     * taken. Does nothing if no descriptor is free for that.
     */
    public static void replace(Scratch scratch, int fd) {
        int nothing = LibcEventfd.eventfd(scratch);
        if (nothing >= 0) {
            GuardedFd other = new GuardedFd(nothing);
            try {
                // SAFETY: plain ints. The caller owns fd; who uses it meanwhile gets errors from the other file.
                int _ = Downcalls.call(DUP3, scratch, nothing, fd, O_CLOEXEC);
            } finally {
                other.close(scratch);
            }
        }
    }

    /** Makes a foreign descriptor non-blocking and closed on exec, as this library opens its own. */
    public static int configure(Scratch scratch, int fd) {
        int flags = fcntl(scratch, fd, F_GETFL, 0);
        if (flags >= 0) {
            flags = fcntl(scratch, fd, F_SETFL, flags | O_NONBLOCK);
        }
        if (flags >= 0) {
            flags = fcntl(scratch, fd, F_GETFD, 0);
        }
        return flags < 0 ? flags : fcntl(scratch, fd, F_SETFD, flags | FD_CLOEXEC);
    }

    /** Makes a descriptor block. */
    public static int setBlocking(Scratch scratch, int fd) {
        int flags = fcntl(scratch, fd, F_GETFL, 0);
        return flags < 0 ? flags : fcntl(scratch, fd, F_SETFL, flags & ~O_NONBLOCK);
    }

    private static int fcntl(Scratch scratch, int fd, int command, int argument) {
        // SAFETY: the commands above take and return plain ints.
        return Downcalls.call(FCNTL, scratch, fd, command, argument);
    }
}

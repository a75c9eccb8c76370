// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import java.lang.invoke.MethodHandle;
import java.lang.ref.Reference;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** {@code <sys/epoll.h>}. */
public final class LibcEpoll {
    public static final int EPOLLIN = 0x1;
    public static final int EPOLLPRI = 0x2;
    public static final int EPOLLOUT = 0x4;
    public static final int EPOLLERR = 0x8;
    public static final int EPOLLHUP = 0x10;
    public static final int EPOLLRDHUP = 0x2000;
    public static final int EPOLLONESHOT = 1 << 30;
    public static final int EPOLLET = 1 << 31;

    private static final int EPOLL_CTL_ADD = 1;
    private static final int EPOLL_CTL_DEL = 2;
    private static final int EPOLL_CTL_MOD = 3;
    private static final int EPOLL_CLOEXEC = 0x80000;
    private static final int ENOSYS = 38;

    private static final MethodHandle EPOLL_CREATE1 = Downcalls.link("epoll_create1");
    private static final MethodHandle EPOLL_CTL = Downcalls.link("epoll_ctl");

    // Both wait calls are ordinary downcalls: a critical one would hold up every safepoint while it waits.
    private static final MethodHandle EPOLL_WAIT = Downcalls.link("epoll_wait");
    private static final @Nullable MethodHandle EPOLL_PWAIT2 = Downcalls.linkIfPresent("epoll_pwait2");

    /** False once a kernel (before 5.11) has turned out to lack the call that the C library offers. */
    private static volatile boolean nanoseconds = EPOLL_PWAIT2 != null;

    private LibcEpoll() {}

    /** Opens an epoll instance, closed on exec. */
    public static int create(Scratch scratch) {
        // SAFETY: plain ints.
        return Downcalls.call(EPOLL_CREATE1, scratch, EPOLL_CLOEXEC, 0);
    }

    /** Adds a descriptor with its interest and the data its events carry. */
    public static int add(Scratch scratch, int epoll, int fd, int interest, long data) {
        return control(scratch, epoll, EPOLL_CTL_ADD, fd, scratch.epollEvent(interest, data));
    }

    /** Changes the interest and the data of a descriptor; the kernel reports conditions that already hold (again). */
    public static int modify(Scratch scratch, int epoll, int fd, int interest, long data) {
        return control(scratch, epoll, EPOLL_CTL_MOD, fd, scratch.epollEvent(interest, data));
    }

    /** Removes a descriptor; a waiting thread may still hold events fetched before. */
    public static int remove(Scratch scratch, int epoll, int fd) {
        return control(scratch, epoll, EPOLL_CTL_DEL, fd, scratch.epollEvent(0, 0));
    }

    private static int control(Scratch scratch, int epoll, int operation, int fd, long eventAddress) {
        // SAFETY: the event lies in the scratch, which the errno argument keeps alive during the call.
        return Downcalls.call(EPOLL_CTL, scratch, epoll, operation, fd, eventAddress);
    }

    /**
     * Waits. As precise as the kernel allows: nanoseconds since Linux 5.11, else milliseconds, rounded up.
     *
     * @param timeoutNanos 0 does not wait, a negative value waits without limit
     */
    public static int await(Scratch scratch, int epoll, EpollEvents events, long timeoutNanos) {
        if (timeoutNanos <= 0) {
            return await(scratch, epoll, events, timeoutNanos < 0 ? -1 : 0);
        }
        if (nanoseconds) {
            int result = awaitNanos(scratch, epoll, events, timeoutNanos);
            if (result != -ENOSYS) {
                return result;
            }
            nanoseconds = false;
        }
        long millis = (timeoutNanos - 1) / 1_000_000 + 1;
        return await(scratch, epoll, events, (int) Math.min(millis, Integer.MAX_VALUE));
    }

    private static int await(Scratch scratch, int epoll, EpollEvents events, int millis) {
        try {
            // SAFETY: events owns room for capacity() events, and is reachable until after the call: see the fence.
            return Downcalls.call(EPOLL_WAIT, scratch, epoll, events.address(), events.capacity(), millis);
        } finally {
            Reference.reachabilityFence(events);
        }
    }

    private static int awaitNanos(Scratch scratch, int epoll, EpollEvents events, long nanos) {
        long timeout = scratch.timeSpec(nanos);
        try {
            // SAFETY: as above; the timespec lies in the scratch; a null signal mask is not applied.
            return Downcalls.call(
                    Objects.requireNonNull(EPOLL_PWAIT2), scratch, epoll, events.address(), events.capacity(), timeout);
        } finally {
            Reference.reachabilityFence(events);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.epoll;

import dev.netpoll.internal.ffi.EpollEvents;
import dev.netpoll.internal.ffi.LibcEpoll;
import dev.netpoll.internal.ffi.LibcEventfd;
import dev.netpoll.internal.ffi.LibcUnistd;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.poll.posix.Platform;
import dev.netpoll.internal.transport.Errno;
import org.jspecify.annotations.Nullable;

/** Checks whether epoll can be used, until it has an answer. Links no function unless everything else is in order. */
final class EpollAvailability {
    /** To a shortage of memory or descriptors: what needs epoll next reports it, or finds it over. */
    private static final Answer UNKNOWN = new Answer(null);

    private static volatile @Nullable Answer answer;

    /** @param reason why not, or null */
    private record Answer(@Nullable String reason) {}

    private EpollAvailability() {}

    /** {@return why epoll can't be used, or null} */
    static @Nullable String reason() {
        Answer known = answer;
        if (known == null) {
            known = find();
            if (known != UNKNOWN) {
                answer = known;
            }
        }
        return known.reason;
    }

    private static Answer find() {
        String reason = Platform.reasonAgainst(EpollMechanism.NAME);
        if (reason != null) {
            return new Answer(reason);
        }
        try {
            Scratch scratch = Scratch.take();
            int errno;
            try {
                errno = selfTest(scratch);
            } finally {
                scratch.giveBack();
            }
            if (Errno.isShortage(errno)) {
                return UNKNOWN;
            }
            return new Answer(
                    errno == 0
                            ? null
                            : "epoll failed its self-test with " + Errno.describe(errno)
                                    + ": a sandbox may forbid epoll or eventfd; use the nio backend");
        } catch (OutOfMemoryError | StackOverflowError _) {
            return UNKNOWN;
        } catch (Throwable e) { // whatever it is, epoll is not available
            return new Answer("epoll failed its self-test with " + e + ": use the nio backend");
        }
    }

    /** Waits for an eventfd that has been written. Returns 0 or an error number. */
    private static int selfTest(Scratch scratch) {
        int epoll = LibcEpoll.create(scratch);
        if (epoll < 0) {
            return -epoll;
        }
        int eventfd = LibcEventfd.eventfd(scratch);
        int result = eventfd < 0 ? eventfd : wakeUp(scratch, epoll, eventfd);
        if (eventfd >= 0) {
            LibcUnistd.close(scratch, eventfd);
        }
        LibcUnistd.close(scratch, epoll);
        return -result;
    }

    private static int wakeUp(Scratch scratch, int epoll, int eventfd) {
        long token = 0x1234_5678_9abc_def0L; // does the layout of epoll_event hold?
        int result = LibcEpoll.add(scratch, epoll, eventfd, LibcEpoll.EPOLLIN | LibcEpoll.EPOLLET, token);
        if (result == 0) {
            result = LibcEventfd.write(scratch, eventfd, 1);
        }
        if (result < 0) {
            return result;
        }
        try (EpollEvents events = new EpollEvents(2)) {
            int fetched = LibcEpoll.await(scratch, epoll, events, 1_000_000_000);
            boolean right = fetched == 1 && events.data(0) == token && events.events(0) == LibcEpoll.EPOLLIN;
            return right ? 0 : fetched < 0 ? fetched : -Errno.EIO;
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import dev.netpoll.internal.poll.epoll.EpollBackend;
import dev.netpoll.internal.poll.nio.NioBackend;
import dev.netpoll.internal.poll.uring.UringBackend;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** Turns what the user asked for into a backend that works here. */
final class BackendChoice {
    private static final AtomicBoolean LOGGED = new AtomicBoolean();
    private static final AtomicBoolean LOGGED_FOR_PLATFORM_THREADS = new AtomicBoolean();

    private BackendChoice() {}

    /**
     * {@return the backend to use, and its name in the public API}
     *
     * @param platformThreads whether the loops are wanted on platform threads
     * @throws UnsupportedOperationException if it was asked for by name and cannot be had
     */
    static Chosen choose(Backend wanted, boolean platformThreads) {
        return switch (wanted) {
            case NIO -> new Chosen(Backend.NIO, new NioBackend());
            case EPOLL -> {
                require("epoll", EpollBackend.unavailableReason());
                yield new Chosen(Backend.EPOLL, new EpollBackend());
            }
            case IO_URING -> {
                require("io_uring", UringBackend.unavailableReason());
                yield new Chosen(Backend.IO_URING, new UringBackend());
            }
            case AUTO -> automatic(platformThreads);
        };
    }

    private static void require(String name, @Nullable String reason) {
        if (reason != null) {
            throw new UnsupportedOperationException("the " + name + " backend cannot be had: " + reason);
        }
    }

    /** On platform threads io_uring is never slower than epoll; elsewhere it may be, as its loops need such threads. */
    private static Chosen automatic(boolean platformThreads) {
        String noRing = platformThreads ? UringBackend.unavailableReason() : null;
        String noEpoll = EpollBackend.unavailableReason();
        boolean ring = platformThreads && noRing == null;
        Backend taken = ring ? Backend.IO_URING : noEpoll == null ? Backend.EPOLL : Backend.NIO;
        AtomicBoolean logged = platformThreads ? LOGGED_FOR_PLATFORM_THREADS : LOGGED;
        if (logged.compareAndSet(false, true)) {
            // finding a logger takes a while, and nobody needs to wait
            Thread.startVirtualThread(() -> log(taken, noRing, noEpoll));
        }
        return choose(taken, platformThreads);
    }

    private static void log(Backend taken, @Nullable String noRing, @Nullable String noEpoll) {
        System.Logger logger = System.getLogger("dev.netpoll");
        boolean linux = "Linux".equals(System.getProperty("os.name"));
        // On Linux the user may want to do something about it; elsewhere NIO is the only one there is.
        System.Logger.Level level =
                linux && (noRing != null || noEpoll != null) ? System.Logger.Level.WARNING : System.Logger.Level.INFO;
        String refusals = (noRing == null ? "" : "io_uring cannot be had: " + noRing)
                + (noRing == null || noEpoll == null ? "" : "; ")
                + (noEpoll == null ? "" : "epoll cannot be had: " + noEpoll);
        String name = taken.name().toLowerCase(Locale.ROOT);
        logger.log(
                level,
                "backend " + name + ": "
                        + (refusals.isEmpty() ? "native access is granted and its self-test passed" : refusals));
    }

    /** A backend and its public name. */
    record Chosen(Backend name, dev.netpoll.internal.poll.Backend backend) {}
}

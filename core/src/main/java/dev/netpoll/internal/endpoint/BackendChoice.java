// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.endpoint;

import dev.netpoll.Backend;
import dev.netpoll.internal.base.Log;
import dev.netpoll.internal.poll.Mechanism;
import dev.netpoll.internal.poll.Mechanisms;
import dev.netpoll.internal.poll.epoll.EpollMechanism;
import dev.netpoll.internal.poll.nio.NioMechanism;
import dev.netpoll.internal.poll.uring.UringMechanism;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Finds a working mechanism for the backend that the user requested. */
public final class BackendChoice {
    private static final AtomicBoolean LOGGED = new AtomicBoolean();
    private static final AtomicBoolean LOGGED_FOR_PLATFORM_THREADS = new AtomicBoolean();

    /** The backends of this module; other modules install theirs in {@link Mechanisms}. */
    private static final Map<Backend, Supplier<Mechanism>> OURS = Map.of(
            Backend.EPOLL, BackendChoice::epoll,
            Backend.IO_URING, BackendChoice::ioUring,
            Backend.NIO, NioMechanism::new);

    private BackendChoice() {}

    /**
     * {@return the backend to use, and its mechanism}
     *
     * @param platformThreads whether the user wants the loops on platform threads
     * @throws UnsupportedOperationException if a backend requested by name is not available
     */
    public static Chosen choose(Backend wanted, boolean platformThreads) {
        if (wanted == Backend.AUTO) {
            return automatic(platformThreads);
        }
        Supplier<Mechanism> ours = OURS.get(wanted);
        Mechanism mechanism = ours != null ? ours.get() : Mechanisms.find(wanted);
        if (mechanism == null) {
            throw new UnsupportedOperationException("there is no backend " + wanted
                    + "; there are auto, epoll, io_uring and nio, and what other modules bring");
        }
        return new Chosen(wanted, mechanism);
    }

    private static Mechanism epoll() {
        require(Backend.EPOLL, EpollMechanism.unavailableReason());
        return new EpollMechanism();
    }

    private static Mechanism ioUring() {
        require(Backend.IO_URING, UringMechanism.unavailableReason());
        return new UringMechanism();
    }

    private static void require(Backend backend, @Nullable String reason) {
        if (reason != null) {
            throw new UnsupportedOperationException("the " + backend + " backend cannot be had: " + reason);
        }
    }

    /** On platform threads io_uring is never slower than epoll. Elsewhere it may be, as its loops need them. */
    private static Chosen automatic(boolean platformThreads) {
        String noRing = platformThreads ? UringMechanism.unavailableReason() : null;
        String noEpoll = EpollMechanism.unavailableReason();
        boolean ring = platformThreads && noRing == null;
        Backend taken = ring ? Backend.IO_URING : noEpoll == null ? Backend.EPOLL : Backend.NIO;
        AtomicBoolean logged = platformThreads ? LOGGED_FOR_PLATFORM_THREADS : LOGGED;
        if (logged.compareAndSet(false, true)) {
            // finding a logger takes a while, so do not wait for it
            Thread.startVirtualThread(() -> log(taken, noRing, noEpoll));
        }
        return choose(taken, platformThreads);
    }

    private static void log(Backend taken, @Nullable String noRing, @Nullable String noEpoll) {
        boolean linux = "Linux".equals(System.getProperty("os.name"));
        // On Linux the user may want to fix the cause; elsewhere NIO is the only backend.
        System.Logger.Level level =
                linux && (noRing != null || noEpoll != null) ? System.Logger.Level.WARNING : System.Logger.Level.INFO;
        String refusals = (noRing == null ? "" : "io_uring cannot be had: " + noRing)
                + (noRing == null || noEpoll == null ? "" : "; ")
                + (noEpoll == null ? "" : "epoll cannot be had: " + noEpoll);
        Log.log(
                level,
                "backend " + taken + ": "
                        + (refusals.isEmpty() ? "native access is granted and its self-test passed" : refusals),
                null);
    }

    /**
     * A backend that works here.
     *
     * @param backend never AUTO
     */
    public record Chosen(Backend backend, Mechanism mechanism) {}
}

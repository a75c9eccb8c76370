// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import dev.netpoll.internal.poll.epoll.EpollBackend;
import dev.netpoll.internal.poll.nio.NioBackend;
import dev.netpoll.internal.poll.uring.UringBackend;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** Turns what the user asked for into a backend that works here. */
final class BackendChoice {
    private static final AtomicBoolean LOGGED = new AtomicBoolean();

    private BackendChoice() {}

    /**
     * {@return the backend to use, and its name in the public API}
     *
     * @throws UnsupportedOperationException if it was asked for by name and cannot be had
     */
    static Chosen choose(Backend wanted) {
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
            case AUTO -> automatic();
        };
    }

    private static void require(String name, @Nullable String reason) {
        if (reason != null) {
            throw new UnsupportedOperationException("the " + name + " backend cannot be had: " + reason);
        }
    }

    private static Chosen automatic() {
        String reason = EpollBackend.unavailableReason();
        if (LOGGED.compareAndSet(false, true)) {
            Thread.startVirtualThread(() -> log(reason)); // finding a logger takes a while, and nobody needs to wait
        }
        return choose(reason == null ? Backend.EPOLL : Backend.NIO);
    }

    private static void log(@Nullable String reason) {
        System.Logger logger = System.getLogger("dev.netpoll");
        boolean linux = "Linux".equals(System.getProperty("os.name"));
        if (reason == null) {
            logger.log(System.Logger.Level.INFO, "backend epoll: native access is granted and its self-test passed");
        } else {
            // On Linux the user may want to do something about it; elsewhere NIO is the only one there is.
            logger.log(
                    linux ? System.Logger.Level.WARNING : System.Logger.Level.INFO,
                    "backend nio: epoll cannot be had: " + reason);
        }
    }

    /** A backend and its public name. */
    record Chosen(Backend name, dev.netpoll.internal.poll.Backend backend) {}
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import dev.netpoll.internal.connection.ConnectionConfig;
import dev.netpoll.internal.connection.SocketConnection;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.loop.Supervisor;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.RawSocket;
import dev.netpoll.internal.poll.Transport;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Event loops that servers and dialers share. Each loop owns some of the connections; the loops' threads start with the
 * first use and are daemons, so they keep no JVM alive (the accepting thread of a listening {@link Server} does).
 *
 * <p><b>Threads.</b> Any thread.
 */
public final class EventLoopGroup implements AutoCloseable {
    private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(10);
    private static final AtomicInteger GROUPS = new AtomicInteger();

    /** Made when the shared group is first asked for. */
    private static final class Shared {
        static final EventLoopGroup GROUP = new EventLoopGroup(builder(), true);
    }

    private final BackendChoice.Chosen chosen;
    private final boolean shared;
    private final int loopCount;
    private final boolean platformThreads;
    private final String name = "netpoll-" + GROUPS.getAndIncrement();
    private final ReentrantLock starting = new ReentrantLock();
    private final AtomicInteger nextLoop = new AtomicInteger();
    private final AtomicInteger acceptLoops = new AtomicInteger();
    private volatile List<EventLoop> loops = List.of();
    private @Nullable Supervisor supervisor; // guarded by starting
    private volatile boolean closed;

    private EventLoopGroup(Builder builder, boolean shared) {
        this.shared = shared;
        chosen = BackendChoice.choose(builder.backend, builder.platformThreads);
        loopCount = builder.loops;
        platformThreads = builder.platformThreads;
    }

    /** {@return the group that everything uses that was not given one} It is started at first use and never closed. */
    public static EventLoopGroup shared() {
        return Shared.GROUP;
    }

    /** {@return a builder} */
    public static Builder builder() {
        return new Builder();
    }

    /** {@return the backend in use, never {@link Backend#AUTO}} */
    public Backend backend() {
        return chosen.name();
    }

    /** {@return the number of event loops} */
    public int loops() {
        return loopCount;
    }

    /** {@return the number of open connections on all loops} */
    public int connectionCount() {
        int count = 0;
        for (EventLoop loop : loops) {
            count += loop.residentCount();
        }
        return count;
    }

    /**
     * Takes over a connected socket, and the bytes that were {@linkplain DetachedSocket#unread() received} from it:
     * they are read first. The connection has no handler; the caller closes it. If this throws, the caller closes the
     * buffer of unread bytes.
     *
     * @throws IOException if the socket is unusable or of another backend; what is of another backend, or is no
     *     connected stream socket, stays the caller's, untouched
     * @throws IllegalStateException if the buffer of unread bytes was closed; the socket stays the caller's
     */
    public Connection adopt(DetachedSocket socket, ConnectionOptions options) throws IOException {
        EventLoop loop = next();
        if (socket.unread().pendingBytes() > 0) { // also refuses a closed buffer, before anything is taken over
            throw new IllegalArgumentException("bytes were written to the buffer of unread bytes and not flushed");
        }
        Transport transport = chosen.backend().adopt(new RawSocket(socket.fd(), socket.channel()));
        ConnectionConfig config = new ConnectionConfig(
                null,
                null,
                null,
                null,
                ErrorHandler.LOGGING,
                Dispatch.virtual().executorOrNull(),
                null,
                options,
                false,
                new ConnectionConfig.Ending(),
                () -> {});
        SocketConnection connection = new SocketConnection(loop, transport, config);
        connection.seed(socket.unread());
        connection.lifecycle().start();
        try {
            connection.setUp(connection.localAddress());
        } catch (IOException | RuntimeException e) {
            connection.abort();
            throw e;
        }
        return connection;
    }

    /**
     * Closes every connection that is left and ends the loops' threads; waits for them, at most for a while if a
     * callback on a loop does not return. Idempotent. Shut servers down first.
     *
     * @throws IllegalStateException for the {@linkplain #shared() shared group}, and on an event loop
     */
    @Override
    public void close() {
        if (shared) {
            throw new IllegalStateException("the shared group is not closed; build a group to have one that is");
        }
        if (EventLoop.onLoop()) {
            throw new IllegalStateException("close() waits for the event loops, so not on one");
        }
        starting.lock();
        try {
            closed = true;
        } finally {
            starting.unlock();
        }
        EventLoop.beforeBlocking();
        loops.forEach(EventLoop::stop);
        boolean interrupted = false;
        for (EventLoop loop : loops) {
            try {
                loop.join(CLOSE_PATIENCE);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        Supervisor overseer = supervisor;
        if (overseer != null) {
            overseer.stop();
            try {
                overseer.join(CLOSE_PATIENCE);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    dev.netpoll.internal.poll.Backend internalBackend() {
        return chosen.backend();
    }

    /**
     * {@return the loop for the next connection: the one with the fewest}
     *
     * @throws IllegalStateException if the group is closed
     */
    EventLoop next() throws IOException {
        List<EventLoop> all = started();
        int first = Math.floorMod(nextLoop.getAndIncrement(), all.size()); // so that equals take turns
        EventLoop best = null;
        for (int i = 0; i < all.size(); i++) {
            EventLoop candidate = all.get((first + i) % all.size());
            if (candidate.isRunning() && (best == null || candidate.assigned() < best.assigned())) {
                best = candidate;
            }
        }
        if (best == null) {
            throw new IllegalStateException("the event loops have ended");
        }
        return best;
    }

    /** {@return the loops, or none if the group was never used} */
    List<EventLoop> loopsIfStarted() {
        return loops;
    }

    /** {@return all loops, started} */
    List<EventLoop> started() throws IOException {
        List<EventLoop> all = loops;
        if (!all.isEmpty() && !closed) {
            return all;
        }
        starting.lock();
        try {
            if (closed) {
                throw new IllegalStateException("the event loop group is closed");
            }
            if (loops.isEmpty()) {
                loops = open();
            }
            return loops;
        } finally {
            starting.unlock();
        }
    }

    private List<EventLoop> open() throws IOException {
        Supervisor overseer = new Supervisor(chosen.backend().openWatch(), name);
        List<EventLoop> fresh = new ArrayList<>();
        try {
            for (int i = 0; i < loopCount; i++) {
                Poller poller = chosen.backend().openPoller();
                fresh.add(new EventLoop(poller, name + "-loop-" + i, isVirtual(), overseer));
            }
            overseer.start(fresh);
        } catch (IOException e) {
            fresh.forEach(EventLoop::stop);
            overseer.stop();
            throw e;
        }
        fresh.forEach(EventLoop::start);
        supervisor = overseer;
        return List.copyOf(fresh);
    }

    private boolean isVirtual() {
        return !platformThreads && chosen.backend().isWatchable();
    }

    /** {@return a new loop to accept on, not started; its thread keeps the JVM alive} */
    EventLoop openAcceptLoop() throws IOException {
        started();
        return new EventLoop(chosen.backend().openPoller(), name + "-accept-" + acceptLoops.getAndIncrement(), false);
    }

    /** Collects the settings of a group. Not thread-safe. */
    public static final class Builder {
        private Backend backend = Backend.AUTO;
        private int loops = Math.max(1, Runtime.getRuntime().availableProcessors() / 2);

        private boolean platformThreads;

        private Builder() {}

        /**
         * Chooses the backend; {@link Backend#AUTO} by default, which takes epoll, or NIO where that cannot be had, and
         * with {@link #platformThreads} io_uring before both. {@link Backend#IO_URING} says what it needs.
         */
        public Builder backend(Backend backend) {
            this.backend = java.util.Objects.requireNonNull(backend, "backend");
            return this;
        }

        /** Sets the number of loops; by default half the available processors, at least one. */
        public Builder loops(int loops) {
            if (loops < 1 || loops > 1024) {
                throw new IllegalArgumentException("loops must be between 1 and 1024: " + loops);
            }
            this.loops = loops;
            return this;
        }

        /**
         * Whether loops run on platform threads; by default they run on virtual ones where the backend can do that
         * (epoll), which makes it cheaper to wake the virtual threads that wait for answers or run handlers. Platform
         * threads are better if other code of the process often computes for long on virtual threads; and with them
         * {@link Backend#AUTO} may take io_uring.
         */
        public Builder platformThreads(boolean platform) {
            this.platformThreads = platform;
            return this;
        }

        /**
         * {@return the group} Its threads start with its first use.
         *
         * @throws UnsupportedOperationException if the backend was asked for by name and cannot be had; the message
         *     says why and what to do
         */
        public EventLoopGroup build() {
            return new EventLoopGroup(this, false);
        }
    }
}

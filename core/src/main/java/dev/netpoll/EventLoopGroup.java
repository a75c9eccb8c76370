// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.buffer.Writer;
import dev.netpoll.internal.base.Classes;
import dev.netpoll.internal.base.StackRoom;
import dev.netpoll.internal.connection.ConnectionConfig;
import dev.netpoll.internal.connection.SocketConnection;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.loop.Supervisor;
import dev.netpoll.internal.memory.FirstUse;
import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.memory.MemoryTurns;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.PollerWatch;
import dev.netpoll.internal.poll.RawSocket;
import dev.netpoll.internal.poll.Transport;
import dev.netpoll.internal.poll.TransportException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.net.SocketAddress;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Event loops that servers and dialers share. Each loop owns some of the connections; the loops' threads start with the
 * first use and are daemons, so they keep no JVM alive (the accepting thread of a listening {@link Server} does).
 *
 * <p><b>Threads.</b> Any thread.
 */
public final class EventLoopGroup implements AutoCloseable {
    private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(10);
    private static final long MEMORY_BUDGET_MIN = 1 << 20;
    private static final AtomicInteger GROUPS = new AtomicInteger();

    /** Made when the shared group is first asked for. */
    private static final class Shared {
        static final EventLoopGroup GROUP = new EventLoopGroup(builder(), true);
    }

    static { // before a handler that has used up its stack can be the first who needs them
        Classes.initialize(
                MethodHandles.lookup(),
                ErrorHandler.class,
                Dispatch.class,
                Framing.class,
                ConnectionOptions.class,
                ConnectionOptions.Builder.class,
                Dialer.class,
                Dialer.Builder.class,
                Server.class,
                Server.Builder.class,
                DetachedSocket.class,
                FirstUse.class,
                ConnectionConfig.class,
                CompletableFuture.class);
    }

    private final BackendChoice.Chosen chosen;
    private final boolean shared;
    private final int loopCount;
    private final boolean platformThreads;
    private final MemoryBudget budget;
    private final String name = "netpoll-" + GROUPS.getAndIncrement();
    private final Object starting = new Object();
    private final AtomicInteger nextLoop = new AtomicInteger();
    private final AtomicInteger acceptLoops = new AtomicInteger();

    /** The loops on which servers accept, until they end them. */
    private final Set<EventLoop> accepting = ConcurrentHashMap.newKeySet();

    private volatile List<EventLoop> loops = List.of();
    private @Nullable Supervisor supervisor; // guarded by starting
    private volatile boolean closed;

    private EventLoopGroup(Builder builder, boolean shared) {
        this.shared = shared;
        BackendChoice.Chosen own = builder.chosen;
        chosen = own != null ? own : BackendChoice.choose(builder.backend, builder.platformThreads);
        loopCount = builder.loops;
        platformThreads = builder.platformThreads;
        budget = new MemoryBudget(
                builder.memoryBudgetBytes == 0 ? MemoryBudget.defaultLimit() : builder.memoryBudgetBytes);
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

    /** {@return what the connections of the group hold of the memory they may hold together} */
    public BudgetStats budgetStats() {
        MemoryTurns turns = budget.turns();
        return new BudgetStats(budget.limit(), budget.used(), turns.waiters(), turns.gaveUp());
    }

    /**
     * Takes over a connected socket, and the bytes that were {@linkplain DetachedSocket#unread() received} from it:
     * they are read first. They count against the marks and the memory budget as any others. The connection has no
     * handler, and the caller closes it, unless one is set, as {@link Connection} says. A socket whose peer is gone is
     * taken as any other: what was received can be read, then the connection says what became of it.
     *
     * <p>If this throws, the caller {@linkplain DetachedSocket#close() closes} the socket, which does nothing if that
     * has been done.
     *
     * @throws IOException if it is no connected stream socket or of another backend; it stays as it is then
     * @throws IllegalStateException if it was adopted or closed already, or its buffer of unread bytes was closed
     */
    public Connection adopt(DetachedSocket socket, ConnectionOptions options) throws IOException {
        Objects.requireNonNull(options, "options");
        if (!socket.take()) {
            throw new IllegalStateException("the socket was adopted or closed already: " + socket);
        }
        SocketConnection connection;
        boolean opened = false;
        try {
            connection = open(socket, options);
            opened = true;
        } finally {
            if (!opened) {
                socket.giveBack();
            }
        }
        try {
            SocketAddress local = connection.localAddress();
            connection.setUp(local != null ? local : connection.remoteAddress()); // one may not be known
            connection.seed(socket.unread());
            connection.lifecycle().start();
        } catch (Throwable t) {
            try (LinkBuffer _ = socket.unread()) {
                connection.lifecycle().giveUp();
            }
            throw t;
        }
        return connection;
    }

    /** If this throws, the socket is untouched, and the caller's. */
    private SocketConnection open(DetachedSocket socket, ConnectionOptions options) throws IOException {
        EventLoop loop = next();
        if (socket.unread().pendingBytes() > 0) { // also refuses a closed buffer
            throw new IllegalArgumentException("bytes were written to the buffer of unread bytes and not flushed");
        }
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
        if ((socket.channel() == null) == (chosen.name() == Backend.NIO)) {
            throw new SocketException(socket + " is of another kind than the sockets of the " + chosen.name()
                    + " backend: NIO takes channels, the others take descriptors");
        }
        RawSocket raw = new RawSocket(socket.fd(), socket.channel());
        try {
            return connection(loop, chosen.backend().adopt(raw), config);
        } catch (TransportException e) {
            SocketException refused = new SocketException("not a connected stream socket for the " + chosen.name()
                    + " backend: " + socket + ": " + e.getMessage());
            refused.initCause(e);
            throw refused;
        }
    }

    private static SocketConnection connection(EventLoop loop, Transport transport, ConnectionConfig config)
            throws TransportException {
        boolean made = false;
        try {
            SocketConnection connection = new SocketConnection(loop, transport, config);
            made = true;
            return connection;
        } finally {
            if (!made) {
                transport.detach(); // nobody uses it yet, so that waits for nothing
            }
        }
    }

    /**
     * Closes every connection that is left and ends the loops' threads; waits for them, at most for a while if a
     * callback on a loop does not return. Idempotent. Shut servers down first: those that were not stop listening.
     *
     * @throws IllegalStateException for the {@linkplain #shared() shared group}, and on an event loop
     */
    @Override
    public void close() {
        if (shared) {
            throw new IllegalStateException("the shared group is not closed; build a group to have one that is");
        }
        StackRoom.needMuch();
        if (EventLoop.onLoop()) {
            throw new IllegalStateException("close() waits for the event loops, so not on one");
        }
        synchronized (starting) {
            closed = true;
        }
        EventLoop.beforeBlocking();
        Throwable failure = null;
        boolean interrupted = false;
        for (EventLoop loop : accepting) {
            failure = attempt(() -> endAcceptLoop(loop), failure);
            interrupted |= !isJoined(loop::join);
        }
        List<EventLoop> all = loops;
        for (EventLoop loop : all) {
            failure = attempt(loop::stop, failure);
        }
        for (EventLoop loop : all) {
            interrupted |= !isJoined(loop::join);
        }
        Supervisor overseer = supervisor;
        if (overseer != null) {
            failure = attempt(overseer::stop, failure);
            interrupted |= !isJoined(overseer::join);
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (failure != null) {
            throw new IllegalStateException("not all of the event loop group could be closed", failure);
        }
    }

    /** Something that ends, and can be waited for. */
    @FunctionalInterface
    private interface Joinable {
        void join(Duration limit) throws InterruptedException;
    }

    /** Waits for an end; {@return false if the calling thread was interrupted} */
    private static boolean isJoined(Joinable ending) {
        try {
            ending.join(CLOSE_PATIENCE);
            return true;
        } catch (InterruptedException e) {
            return false;
        }
    }

    /** Does one part of a clean-up, whose other parts are done whatever becomes of it; {@return the first failure} */
    private static @Nullable Throwable attempt(Runnable part, @Nullable Throwable earlier) {
        try {
            part.run();
        } catch (Throwable t) {
            return earlier == null ? t : earlier;
        }
        return earlier;
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
        synchronized (starting) {
            if (closed) {
                throw new IllegalStateException("the event loop group is closed");
            }
            if (loops.isEmpty()) {
                try {
                    loops = open();
                } catch (TransportException e) {
                    throw noLoop(e);
                }
            }
            return loops;
        }
    }

    /** {@return what users are told when the system refuses what a loop needs: no descriptor is left, above all} */
    private static SocketException noLoop(TransportException refused) {
        SocketException told = new SocketException("no event loop can be opened: " + refused.getMessage());
        told.initCause(refused);
        return told;
    }

    private List<EventLoop> open() throws IOException {
        List<EventLoop> fresh = new ArrayList<>(loopCount);
        Supervisor overseer = null;
        try {
            overseer = openSupervisor();
            for (int i = 0; i < loopCount; i++) {
                fresh.add(openLoop(i, overseer));
            }
            overseer.start(fresh);
            fresh.forEach(EventLoop::start);
            List<EventLoop> all = List.copyOf(fresh);
            supervisor = overseer;
            return all;
        } catch (Throwable t) { // also errors: nothing that was opened stays behind
            Throwable ignored = null;
            for (EventLoop loop : fresh) {
                ignored = attempt(loop::stop, ignored);
            }
            if (overseer != null) {
                attempt(overseer::stop, ignored);
            }
            throw t;
        }
    }

    private Supervisor openSupervisor() throws IOException {
        PollerWatch watch = chosen.backend().openWatch();
        try {
            return new Supervisor(watch, name);
        } catch (Throwable t) {
            watch.close();
            throw t;
        }
    }

    private EventLoop openLoop(int index, Supervisor overseer) throws IOException {
        Poller poller = chosen.backend().openPoller();
        try {
            return new EventLoop(poller, name + "-loop-" + index, isVirtual(), overseer, budget);
        } catch (Throwable t) {
            poller.close();
            throw t;
        }
    }

    private boolean isVirtual() {
        return !platformThreads && chosen.backend().isWatchable();
    }

    /** {@return a new loop to accept on, not started; its thread keeps the JVM alive} */
    EventLoop openAcceptLoop() throws IOException {
        started();
        Poller poller;
        try {
            poller = chosen.backend().openPoller();
        } catch (TransportException e) {
            throw noLoop(e);
        }
        EventLoop loop;
        try {
            loop = new EventLoop(poller, name + "-accept-" + acceptLoops.getAndIncrement(), false, budget);
            accepting.add(loop);
        } catch (Throwable t) {
            poller.close();
            throw t;
        }
        if (closed) { // meanwhile: close() may not have seen it
            endAcceptLoop(loop);
            started(); // says so
        }
        return loop;
    }

    /** Ends a loop that was opened to accept on, and closes what listens there. */
    void endAcceptLoop(EventLoop loop) {
        loop.stop();
        accepting.remove(loop);
    }

    /** Collects the settings of a group. Not thread-safe. */
    public static final class Builder {
        private Backend backend = Backend.AUTO;
        private BackendChoice.@Nullable Chosen chosen;
        private int loops = Math.max(1, Runtime.getRuntime().availableProcessors() / 2);

        private boolean platformThreads;
        private long memoryBudgetBytes;

        private Builder() {}

        /**
         * Chooses the backend; {@link Backend#AUTO} by default, which takes epoll, or NIO where that cannot be had, and
         * with {@link #platformThreads} io_uring before both. {@link Backend#IO_URING} says what it needs.
         */
        public Builder backend(Backend backend) {
            this.backend = java.util.Objects.requireNonNull(backend, "backend");
            return this;
        }

        /** For tests: a backend of their own. */
        Builder backend(BackendChoice.Chosen own) {
            chosen = own;
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
         * Sets how much buffer memory the connections of the group may hold together: bytes received and not yet
         * released, and bytes written and not yet sent, but not memory that is {@linkplain Writer#writeDirect lent}.
         * By default a quarter of the maximal heap, but no less than 32 MiB, no more than 256 MiB, and no more than a
         * quarter of all {@linkplain dev.netpoll.buffer.BufferMemory buffer memory}.
         *
         * <p>Above it, a connection that holds more than 8 KiB waits: nothing more is received from its peer, which is
         * slowed down as by {@link ConnectionOptions.Builder#inboundMarks}; and new connections are let in one by one,
         * some in a second. They go on when memory has come back. Those that wait for the rest of a message get it,
         * although the budget is used up, as no two may wait for each other: messages of up to a sixteenth of the
         * budget go on together, as long as what they hold is no more than a quarter of it; larger ones go on one
         * after the other. So a message above a sixteenth may have to wait until each of the larger ones before it has
         * had its turn: let {@link Framing#maxFrameLength} refuse what is far above.
         *
         * <p>Both last a second at most, or until nothing comes for 150 ms, if somebody else waits; whose peer was too
         * slow for that goes on when nobody else wants to, and once more in its turn when its bytes wait for it. If
         * those who went on and wait again hold more than the budget together, those that hold most are closed, and
         * {@link BudgetStats#closed()} counts them. What the program holds, in slices or while it handles messages,
         * counts: if that is about twice the budget, nobody begins to go on before some of it is back. If it is not
         * within 5 s, those are closed, one in a second, of whose messages the program keeps most in slices: they might
         * wait for themselves. So a group may hold three times its budget for a while. Peers that stop in the middle of
         * messages which together are less than the budget keep what they hold, and new connections waiting, until an
         * {@linkplain Server.Builder#idleTimeout idle time-out} ends them.
         *
         * <p>Not counted is what each connection may hold in any case: 8 KiB on each side, and the rest of the blocks
         * in which the bytes lie, which is up to 64 KiB for output that waits for a slow peer. Each one that waits may
         * have received 8 KiB more. The limit of all {@linkplain dev.netpoll.buffer.BufferMemory buffer memory} counts
         * everything; at that limit connections wait for each other, so leave room: a quarter of it for each group is
         * a good budget. What a program writes is never refused because of the budget, and counts from its flush on:
         * who writes large answers to slow peers flushes in pieces, and waits for each.
         * {@link EventLoopGroup#budgetStats()} tells.
         *
         * @throws IllegalArgumentException if it is less than 1 MiB, or more than all buffer memory
         */
        public Builder memoryBudget(long bytes) {
            if (bytes < MEMORY_BUDGET_MIN) {
                throw new IllegalArgumentException("memoryBudget must be at least 1 MiB: " + bytes);
            }
            if (bytes > MemoryBudget.most()) {
                throw new IllegalArgumentException("memoryBudget must be at most what -D" + SegmentPool.MAX_PROPERTY
                        + " allows, " + MemoryBudget.most() + ": " + bytes);
            }
            memoryBudgetBytes = bytes;
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

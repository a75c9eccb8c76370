// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import dev.netpoll.internal.base.StackRoom;
import dev.netpoll.internal.connection.Acceptor;
import dev.netpoll.internal.connection.AcceptorStart;
import dev.netpoll.internal.connection.ConnectionConfig;
import dev.netpoll.internal.connection.Pace;
import dev.netpoll.internal.connection.SocketConnection;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.poll.ListenOptions;
import dev.netpoll.internal.poll.ListenSocket;
import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Accepts connections on any number of addresses and runs handlers for them.
 *
 * <p>Without onRequest, the connections are for the program to read, and to close, also after the peer's end: it gets
 * them in onPrepare or onConnect, and may set a handler later. Without these either, they close themselves when
 * the peer has finished.
 *
 * <p><b>Threads.</b> Any thread. While it listens, a thread of its own accepts and keeps the JVM alive.
 */
public final class Server implements AutoCloseable {
    /** How long callbacks of forced connections are waited for. */
    private static final Duration FORCED_PATIENCE = Duration.ofSeconds(1);

    /** How long connections that are closed when the grace is over may send on. */
    private static final Duration SENDING_PATIENCE = Duration.ofMillis(500);

    /** How long the accepting loop may take to start, which takes it moments. */
    private static final Duration START_PATIENCE = Duration.ofSeconds(10);

    private final EventLoopGroup group;
    private final ConnectionConfig config;
    private final ListenOptions listenOptions;
    private final int maxConnections;
    private final ConnectionConfig.Ending ending = new ConnectionConfig.Ending();
    private final AtomicInteger connections = new AtomicInteger();
    private final Object listening = new Object();
    private final CompletableFuture<Boolean> end = new CompletableFuture<>();

    /** The acceptors and their addresses; guarded by {@code listening}, read by connections that end. */
    private volatile List<Listening> listeners = List.of();

    private @Nullable EventLoop acceptLoop; // guarded by listening
    private volatile boolean stopping;
    private volatile boolean forced;

    private record Listening(Acceptor acceptor, SocketAddress address) {}

    private Server(Builder builder) {
        ConnectionOptions options = builder.options.build();
        group = builder.group != null ? builder.group : EventLoopGroup.shared();
        config = new ConnectionConfig(
                builder.onPrepare,
                builder.onConnect,
                builder.onRequest,
                builder.onDisconnect,
                builder.onError,
                builder.dispatch.executorOrNull(),
                builder.dispatch.isAdaptive() ? new Pace() : null,
                options,
                builder.onPrepare == null && builder.onConnect == null,
                ending,
                this::connectionEnded,
                builder.framing == null ? null : builder.framing.layout(options));
        listenOptions = new ListenOptions(builder.backlog, builder.reusePort, true);
        maxConnections = builder.maxConnections;
    }

    /** {@return a builder} */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Listens on an address: TCP, or a {@link java.net.UnixDomainSocketAddress}. May be called several times. The path
     * of a Unix socket that nobody listens on any more is replaced; any other file is not. A path that starts with
     * {@code @} is a name in Linux's abstract namespace (not with the NIO backend).
     *
     * @return the bound address, with the real port where port 0 was asked for
     * @throws BindException if the address cannot be had; its message names the system's error
     * @throws SocketException if the host name of the address was not resolved, or something else is wrong with it, or
     *     no descriptor is left for an event loop
     * @throws UnsupportedOperationException if connections to that address have no such
     *     {@linkplain ConnectionOptions.Builder#socketOption socket option}
     * @throws IllegalStateException after {@link #shutdown} or the group's close, and on an event loop
     */
    public SocketAddress listen(SocketAddress address) throws IOException {
        refuseOnLoop("listen");
        StackRoom.needMuch();
        Objects.requireNonNull(address, "address");
        if (address instanceof InetSocketAddress inet && inet.isUnresolved()) {
            throw new SocketException("cannot listen on " + address + ": unresolved address");
        }
        EventLoop.beforeBlocking();
        synchronized (listening) {
            try {
                if (stopping) {
                    throw new IllegalStateException("the server was shut down");
                }
                EventLoop loop = acceptLoop;
                if (loop == null || !loop.isRunning()) { // its group may be closed, and says so
                    loop = group.openAcceptLoop();
                    acceptLoop = loop;
                }
                return accept(loop, Acceptor.bind(group.internalBackend(), address, listenOptions, config.options()));
            } finally {
                if (listeners.isEmpty() && acceptLoop != null) {
                    EventLoop unused = acceptLoop;
                    acceptLoop = null;
                    group.endAcceptLoop(unused);
                }
            }
        }
    }

    /** Starts to accept from a socket, or closes it. */
    private SocketAddress accept(EventLoop loop, ListenSocket socket) throws IOException {
        SocketAddress address = socket.localAddress();
        Acceptor acceptor;
        AcceptorStart start;
        List<Listening> more;
        try { // as long as nobody else knows the socket
            acceptor = new Acceptor(loop, socket, this::nextLoop, config, connections, maxConnections);
            start = new AcceptorStart(loop, acceptor, socket);
            more = new ArrayList<>(listeners);
            more.add(new Listening(acceptor, address));
            more = List.copyOf(more);
            loop.start();
            loop.execute(start);
        } catch (Throwable t) {
            socket.close();
            throw t;
        }
        try {
            start.await(START_PATIENCE.toNanos());
        } finally {
            if (start.hasStarted()) {
                listeners = more; // also if an Error ended the wait: it accepts until the server ends
            }
        }
        if (!start.hasStarted()) {
            throw new IOException("cannot start to accept on " + address, start.failure());
        }
        acceptor.connectionEnded(); // one may have ended while the acceptor could not be found
        return address;
    }

    private EventLoop nextLoop() {
        try {
            return group.next();
        } catch (IOException e) {
            throw new AssertionError("the loops were started before listening", e);
        }
    }

    /** {@return the addresses listened on, in the order of the calls} */
    public List<SocketAddress> addresses() {
        return listeners.stream().map(Listening::address).toList();
    }

    /** {@return the number of connections that are open or still run close callbacks} */
    public int connectionCount() {
        return connections.get();
    }

    /**
     * {@return what adaptive dispatch has done}
     *
     * @throws IllegalStateException if the server has another {@link Dispatch}
     */
    public DispatchStats dispatchStats() {
        Pace pace = config.pace();
        if (pace == null) {
            throw new IllegalStateException("the server does not dispatch adaptively");
        }
        return new DispatchStats(pace.isInline(), pace.loopRuns(), pace.threadRuns(), pace.reliefs(), pace.switches());
    }

    /** {@return the group whose loops serve the connections} */
    public EventLoopGroup group() {
        return group;
    }

    /**
     * Ends the server. First it stops accepting, lets requests that run or have begun to arrive finish, and closes idle
     * connections. When the grace is over it closes the rest, as by {@link Connection#close}: what was flushed is still
     * sent. It aborts what is left half a second later, and waits a second for callbacks. Blocks until all is over, or
     * the calling thread is interrupted; a callback that never returns keeps nobody waiting. Repeated and concurrent
     * calls wait for the same end; the earliest deadline counts. A request is over when its handler returns: who
     * answers later, from another thread, has the handler wait for that. Requests that arrive meanwhile are served as
     * well, so a client that sends one after the other without a pause uses up the grace, and so does a handler that
     * calls this. A connection without a request handler counts as idle: let those end first who read it.
     *
     * <p>A TCP client that goes on sending after its connection was closed is answered by a reset, and may lose answers
     * that are still on their way; this cannot be seen here, so true does not say that they were received.
     *
     * @param grace how long requests may go on; zero or more
     * @return whether no request was cut short and every connection ended in time
     * @throws IllegalStateException on an event loop
     */
    public boolean shutdown(Duration grace) {
        refuseOnLoop("shutdown");
        StackRoom.needMuch();
        Objects.requireNonNull(grace, "grace");
        if (grace.isNegative()) {
            throw new IllegalArgumentException("grace must not be negative: " + grace);
        }
        EventLoop.beforeBlocking();
        stopAccepting();
        ending.drain();
        forEachConnection(connection -> connection.lifecycle().drain());
        tryEnd();
        try {
            if (!await(grace)) {
                ending.force();
                forEachConnection(this::force);
                if (!await(SENDING_PATIENCE)) {
                    forced = true;
                    forEachConnection(SocketConnection::abort);
                    await(FORCED_PATIENCE);
                    end.complete(false); // callbacks that go on for ever keep nobody waiting
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return end.getNow(false);
    }

    private void force(SocketConnection connection) {
        if (!connection.closesIfIdle()) {
            forced = true; // first: the last to end looks at it
            connection.close();
        }
    }

    private void stopAccepting() {
        synchronized (listening) {
            try {
                stopping = true;
                EventLoop loop = acceptLoop;
                if (loop != null) {
                    group.endAcceptLoop(loop);
                    loop.join(FORCED_PATIENCE); // nothing is accepted afterwards
                    acceptLoop = null;
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void forEachConnection(Consumer<SocketConnection> action) {
        Consumer<EventLoop.Resident> ours = resident -> {
            if (resident instanceof SocketConnection connection && connection.belongsTo(config)) {
                action.accept(connection);
            }
        };
        for (EventLoop loop : group.loopsIfStarted()) {
            try {
                loop.execute(() -> loop.forEachResident(ours));
            } catch (RejectedExecutionException e) {
                // the loop has ended, and its connections with it
            }
        }
    }

    private boolean await(Duration limit) throws InterruptedException {
        try {
            end.get(Math.clamp(limit.toSeconds(), 0, 1L << 30) * 1000 + limit.toMillisPart(), TimeUnit.MILLISECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (ExecutionException e) {
            throw new AssertionError(e);
        }
    }

    private void connectionEnded() {
        connections.decrementAndGet();
        List<Listening> current = listeners;
        for (int i = 0; i < current.size(); i++) { // an iterator would take memory
            current.get(i).acceptor().connectionEnded();
        }
        tryEnd();
    }

    private void tryEnd() {
        if (stopping && connections.get() == 0) {
            end.complete(!forced);
        }
    }

    /**
     * Waits until the server was shut down, by whomever.
     *
     * @throws IllegalStateException on an event loop
     */
    public void awaitShutdown() throws InterruptedException {
        refuseOnLoop("awaitShutdown");
        EventLoop.beforeBlocking();
        try {
            end.get();
        } catch (ExecutionException e) {
            throw new AssertionError(e);
        }
    }

    /** Shuts down without grace: {@code shutdown(Duration.ZERO)}. */
    @Override
    public void close() {
        shutdown(Duration.ZERO);
    }

    private static void refuseOnLoop(String what) {
        if (EventLoop.onLoop()) {
            throw new IllegalStateException(what + "() waits for event loops, so not on one");
        }
    }

    /** Collects the settings of a server. Not thread-safe. */
    public static final class Builder {
        private @Nullable ConnectionHandler onPrepare;
        private @Nullable ConnectionHandler onConnect;
        private @Nullable ConnectionHandler onRequest;
        private @Nullable ConnectionHandler onDisconnect;
        private ErrorHandler onError = ErrorHandler.LOGGING;
        private @Nullable Framing framing;
        private Dispatch dispatch = Dispatch.adaptive();
        private @Nullable EventLoopGroup group;
        private ConnectionOptions.Builder options = ConnectionOptions.builder();
        private int maxConnections = Integer.MAX_VALUE;
        private int backlog;
        private boolean reusePort;

        private Builder() {}

        /**
         * Runs for each accepted connection before it is registered: set options, attach, add callbacks, or close it to
         * reject it. It can neither read nor write yet; a thread that it is handed to may once onConnect would run.
         */
        public Builder onPrepare(ConnectionHandler handler) {
            onPrepare = Objects.requireNonNull(handler, "handler");
            return this;
        }

        /** Runs once when a connection is ready; may read and write. No request is handled before it returns. */
        public Builder onConnect(ConnectionHandler handler) {
            onConnect = Objects.requireNonNull(handler, "handler");
            return this;
        }

        /**
         * Runs when bytes have arrived, one run at a time on a connection. A run that consumed some and left some is
         * followed by another at once, one that consumed nothing by another when more arrive (or when as many are there
         * as it {@linkplain Connection#demand demanded}: who waits for more than {@link
         * ConnectionOptions#inboundHighMark} must, as no more than that comes unasked). When the run ends, what was
         * consumed is released, and what was written and not flushed is flushed.
         */
        public Builder onRequest(ConnectionHandler handler) {
            onRequest = Objects.requireNonNull(handler, "handler");
            return this;
        }

        /** Lets onRequest run once for each whole frame, as {@link Framing} says; without framing by default. */
        public Builder framing(Framing framing) {
            this.framing = Objects.requireNonNull(framing, "framing");
            return this;
        }

        /** Runs once when the peer finished sending or was lost, after onConnect, possibly beside onRequest. */
        public Builder onDisconnect(ConnectionHandler handler) {
            onDisconnect = Objects.requireNonNull(handler, "handler");
            return this;
        }

        /** Is told of what callbacks throw; {@link ErrorHandler#LOGGING} by default. */
        public Builder onError(ErrorHandler handler) {
            onError = Objects.requireNonNull(handler, "handler");
            return this;
        }

        /** Who runs the callbacks; {@link Dispatch#adaptive()} by default. */
        public Builder dispatch(Dispatch dispatch) {
            this.dispatch = Objects.requireNonNull(dispatch, "dispatch");
            return this;
        }

        /** The event loops; {@link EventLoopGroup#shared()} by default. The caller closes a group it made. */
        public Builder group(EventLoopGroup group) {
            this.group = Objects.requireNonNull(group, "group");
            return this;
        }

        /**
         * Options of accepted connections, replacing all that were set; {@link ConnectionOptions#defaults()} by
         * default.
         */
        public Builder options(ConnectionOptions options) {
            this.options = options.toBuilder();
            return this;
        }

        /** Shorthand for {@link ConnectionOptions.Builder#readTimeout}. */
        public Builder readTimeout(Duration timeout) {
            options.readTimeout(timeout);
            return this;
        }

        /** Shorthand for {@link ConnectionOptions.Builder#writeTimeout}. */
        public Builder writeTimeout(Duration timeout) {
            options.writeTimeout(timeout);
            return this;
        }

        /** Shorthand for {@link ConnectionOptions.Builder#idleTimeout}. */
        public Builder idleTimeout(Duration timeout) {
            options.idleTimeout(timeout);
            return this;
        }

        /** At how many open connections accepting pauses; unlimited by default. */
        public Builder maxConnections(int count) {
            if (count < 1) {
                throw new IllegalArgumentException("maxConnections must be positive: " + count);
            }
            maxConnections = count;
            return this;
        }

        /** Length of the kernel's accept queue; the system's maximum by default. */
        public Builder backlog(int length) {
            if (length < 1) {
                throw new IllegalArgumentException("backlog must be positive: " + length);
            }
            backlog = length;
            return this;
        }

        /** Whether other sockets may listen on the same address too (SO_REUSEPORT); not by default. */
        public Builder reusePort(boolean reuse) {
            reusePort = reuse;
            return this;
        }

        /**
         * {@return the server} It owns nothing before {@link #listen}.
         * @throws IllegalArgumentException if no frame of the framing is within its limit
         */
        public Server build() {
            return new Server(this);
        }
    }
}

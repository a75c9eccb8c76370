// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.endpoint;

import dev.netpoll.DispatchStats;
import dev.netpoll.Protocol;
import dev.netpoll.internal.base.StackRoom;
import dev.netpoll.internal.connection.ConnectionConfig;
import dev.netpoll.internal.connection.Pace;
import dev.netpoll.internal.connection.SocketConnection;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Listens for one server, counts its connections, and ends them.
 *
 * <pre>
 *   OPEN --shutdown: accepting stops, connections drain--> STOPPING --the last connection has ended--> ENDED
 *        grace over: connections close, then abort; those left a second later are abandoned
 * </pre>
 *
 * <p><b>Place.</b> Behind {@link dev.netpoll.Server}.
 *
 * <p><b>Threads.</b> Any except loops, as most calls wait for loops. Loops may call {@link #connectionEnded}.
 */
public final class Listener {
    /** How long to wait for callbacks of forced connections. */
    private static final Duration FORCED_PATIENCE = Duration.ofSeconds(1);

    /** How long connections that are closed at the end of the grace may continue to send. */
    private static final Duration SENDING_PATIENCE = Duration.ofMillis(500);

    /** How long the accepting loop may take to start, which normally takes moments. */
    private static final Duration START_PATIENCE = Duration.ofSeconds(10);

    private final LoopGroup group;
    private final ConnectionConfig config;
    private final ListenOptions options;
    private final int maxConnections;
    private final ConnectionConfig.Shutdown ending = new ConnectionConfig.Shutdown();
    private final AtomicInteger connections = new AtomicInteger();
    private final Object listening = new Object();
    private final CompletableFuture<Boolean> end = new CompletableFuture<>();

    /** The acceptors and their addresses. Written under {@code listening}, read by ending connections. */
    private volatile List<Listening> listeners = List.of();

    private @Nullable EventLoop acceptLoop; // guarded by listening
    private volatile boolean stopping;
    private volatile boolean forced;

    private record Listening(Acceptor acceptor, SocketAddress address) {}

    /** Creates one that listens nowhere yet. */
    public Listener(LoopGroup group, Protocol protocol, int backlog, boolean reusePort, int maxConnections) {
        this.group = group;
        this.maxConnections = maxConnections;
        options = new ListenOptions(backlog, reusePort, true);
        boolean unowned = protocol.onPrepare() == null && protocol.onConnect() == null;
        config = new ConnectionConfig(protocol, unowned, ending, this::connectionEnded);
    }

    /** {@return the addresses listened on, in the order of the calls} */
    public List<SocketAddress> addresses() {
        return listeners.stream().map(Listening::address).toList();
    }

    /** {@return the number of connections that are open or still run close callbacks} */
    public int connectionCount() {
        return connections.get();
    }

    /** {@return statistics of adaptive dispatch} */
    public DispatchStats dispatchStats() {
        Pace pace = config.pace();
        if (pace == null) {
            throw new IllegalStateException("the server does not dispatch adaptively");
        }
        return new DispatchStats(pace.isInline(), pace.loopRuns(), pace.threadRuns(), pace.reliefs(), pace.switches());
    }

    // ---- listening ----

    /** Listens on one more address; {@return it, with the real port} */
    public SocketAddress listen(SocketAddress address) throws IOException {
        refuseOnLoop("listen");
        StackRoom.needMuch();
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
                if (loop == null || !loop.isRunning()) { // throws if the group is closed
                    loop = group.openAcceptLoop();
                    acceptLoop = loop;
                }
                return accept(loop, Acceptor.bind(group.mechanism(), address, options, config.options()));
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
        try { // while nobody else knows the socket
            acceptor = new Acceptor(loop, socket, this::nextLoop, config, connections, maxConnections);
            start = new AcceptorStart(loop, acceptor, socket);
            more = new ArrayList<>(listeners);
            more.add(new Listening(acceptor, address));
            more = List.copyOf(more);
            loop.start();
            loop.execute(start);
        } catch (RejectedExecutionException e) {
            socket.close();
            throw hasEnded(e);
        } catch (Throwable t) {
            socket.close();
            throw t;
        }
        try {
            start.await(START_PATIENCE.toNanos());
        } finally {
            if (start.hasStarted()) {
                listeners = more; // even if an Error ended the wait: it accepts until the server ends
            }
        }
        if (!start.hasStarted()) {
            if (start.failure() instanceof RejectedExecutionException e) {
                throw hasEnded(e);
            }
            throw new IOException("cannot start to accept on " + address, start.failure());
        }
        acceptor.connectionEnded(); // one may have ended before the acceptor was listed
        return address;
    }

    private static IllegalStateException hasEnded(RejectedExecutionException cause) {
        return new IllegalStateException("the event loop has ended: its group is closed, or it failed", cause);
    }

    private EventLoop nextLoop() {
        try {
            return group.next();
        } catch (IOException e) {
            throw new AssertionError("the loops were started before listening", e);
        }
    }

    // ---- end ----

    /** Ends the server; {@return true if no request was cut short and every connection ended in time} */
    public boolean shutdown(Duration grace) {
        refuseOnLoop("shutdown");
        StackRoom.needMuch();
        if (grace.isNegative()) {
            throw new IllegalArgumentException("grace must not be negative: " + grace);
        }
        EventLoop.beforeBlocking();
        stopAccepting();
        ending.drain();
        forEachConnection(connection -> connection.drain());
        tryEnd();
        try {
            if (!await(grace)) {
                ending.force();
                forEachConnection(this::force);
                if (!await(SENDING_PATIENCE)) {
                    forced = true;
                    forEachConnection(connection -> connection.shutDown(true));
                    await(FORCED_PATIENCE);
                    end.complete(false); // callbacks that never return keep nobody waiting
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return end.getNow(false);
    }

    private void force(SocketConnection connection) {
        if (!connection.closesIfIdle()) {
            forced = true; // first: the last connection to end reads it
            connection.shutDown(false);
        }
    }

    private void stopAccepting() {
        synchronized (listening) {
            try {
                EventLoop loop = acceptLoop;
                if (loop != null) {
                    group.endAcceptLoop(loop);
                    loop.join(FORCED_PATIENCE); // accepts nothing afterwards
                    acceptLoop = null;
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } finally {
                stopping = true; // not before: until then the last connection that ends may not be the last
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

    private static void refuseOnLoop(String what) {
        if (EventLoop.onLoop()) {
            throw new IllegalStateException(what + "() waits for event loops, so not on one");
        }
    }

    /** A connection has ended, and its close callbacks have run. Any thread. */
    private void connectionEnded() {
        connections.decrementAndGet();
        List<Listening> current = listeners;
        for (int i = 0; i < current.size(); i++) { // an iterator would allocate
            current.get(i).acceptor().connectionEnded();
        }
        tryEnd();
    }

    private void tryEnd() {
        if (stopping && connections.get() == 0) {
            end.complete(!forced);
        }
    }

    /** Waits until the server has been shut down. */
    public void awaitShutdown() throws InterruptedException {
        refuseOnLoop("awaitShutdown");
        EventLoop.beforeBlocking();
        try {
            end.get();
        } catch (ExecutionException e) {
            throw new AssertionError(e);
        }
    }
}

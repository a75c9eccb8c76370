// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.endpoint;

import dev.netpoll.ConnectionOptions;
import dev.netpoll.internal.base.Log;
import dev.netpoll.internal.base.RateLimit;
import dev.netpoll.internal.connection.ConnectionConfig;
import dev.netpoll.internal.connection.SocketConnection;
import dev.netpoll.internal.connection.SocketSetup;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.loop.Threads;
import dev.netpoll.internal.loop.Timer;
import dev.netpoll.internal.memory.MemoryWaiter;
import dev.netpoll.internal.poll.Mechanism;
import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.BindException;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.UnixDomainSocketAddress;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Accepts the connections of one listening socket and hands them out to event loops.
 *
 * <p><b>Place.</b> Lives on the server's accepting loop, which serves no connections, so that busy ones can't starve
 * it.
 *
 * <p><b>Threads.</b> Loop, except {@link #connectionEnded()}.
 *
 * <p><b>Limits.</b> At {@code maxConnections} open connections, and for a moment after the process ran out of
 * descriptors or memory, accepting pauses; the kernel queues new connections. While the group's memory is used up, it
 * lets connections in one by one, a few per second.
 */
public final class Acceptor extends EventLoop.Resident implements AcceptEvents {
    private static final long BACK_OFF_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** While the group's memory is used up, one connection is let in per interval: accepting never stops. */
    private static final long DOOR_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    /** How often a full acceptor checks for room: a thread that ended a connection may have had no stack to signal. */
    private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final long LOG_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final RateLimit logs = new RateLimit(LOG_NANOS);
    private final EventLoop loop;
    private final ListenSocket socket;
    private final Supplier<EventLoop> loops;
    private final ConnectionConfig config;
    private final AtomicInteger connections;
    private final int maxConnections;
    /** Armed while accepting fails. */
    private final Timer backOff = new Resumption();

    /** Armed while the acceptor waits for connections to end, or for memory. */
    private final Timer look = new Resumption();

    private final class Resumption extends Timer {
        @Override
        protected void expired(long now) {
            resume();
        }
    }

    private final MemoryWaiter memory = new MemoryWaiter() {
        @Override
        protected void memoryReturned() {
            loop.signal(Acceptor.this);
        }
    };

    /** Accepted, but not yet a connection: after an Error it is dropped when accepting resumes. */
    private @Nullable Transport dropping;

    /** Created, but not yet given to its loop: after an Error that is done when accepting resumes. */
    private @Nullable SocketConnection starting;

    private volatile boolean full;
    private boolean closed;

    /**
     * Creates an acceptor.
     *
     * @param loop the accepting loop
     * @param loops chooses the loop of the next connection
     * @param connections counts the open connections of the server; the acceptor counts up
     */
    public Acceptor(
            EventLoop loop,
            ListenSocket socket,
            Supplier<EventLoop> loops,
            ConnectionConfig config,
            AtomicInteger connections,
            int maxConnections) {
        this.loop = loop;
        this.socket = socket;
        this.loops = loops;
        this.config = config;
        this.connections = connections;
        this.maxConnections = maxConnections;
    }

    /**
     * Binds a socket to listen on.
     *
     * @param connections the configuration of the connections
     * @throws BindException if the address is not available
     * @throws SocketException if something else is wrong with it
     * @throws UnsupportedOperationException if connections to that address have no such socket option
     * @throws IllegalArgumentException if the value of a socket option is out of range
     */
    public static ListenSocket bind(
            Mechanism mechanism, SocketAddress address, ListenOptions options, ConnectionOptions connections)
            throws IOException {
        ListenSocket socket = bind(mechanism, address, options);
        try {
            checkOptions(mechanism, address, connections);
            return socket;
        } catch (Throwable t) {
            socket.close();
            throw t;
        }
    }

    private static ListenSocket bind(Mechanism mechanism, SocketAddress address, ListenOptions options)
            throws IOException {
        try {
            return mechanism.bind(address, options);
        } catch (TransportException e) {
            String message = "cannot listen on " + address + ": " + Errno.describe(e.errno());
            SocketException failure = switch (e.errno()) {
                case Errno.EADDRINUSE, Errno.EADDRNOTAVAIL, Errno.EACCES -> new BindException(message);
                default -> new SocketException(message);
            };
            failure.initCause(e);
            throw failure;
        }
    }

    /**
     * Tries the user's options on a socket of that kind, so that listening fails at once if no connection could have
     * them, instead of every connection being closed.
     */
    private static void checkOptions(Mechanism mechanism, SocketAddress address, ConnectionOptions options)
            throws IOException {
        if (options.socketOptions().isEmpty()) {
            return;
        }
        Transport probe = mechanism.open(address, null);
        try {
            SocketSetup.apply(probe, options, address instanceof UnixDomainSocketAddress);
        } finally {
            probe.close(false);
        }
    }

    /** Starts to accept. */
    public void start() throws TransportException {
        loop.add(this);
        // Finding a logger takes a while, so another thread does it; but early, as it needs descriptors.
        Threads.startVirtual("netpoll-logger", Log::find);
        try {
            loop.poller().listen(socket, this);
        } catch (TransportException e) {
            close();
            throw e;
        }
    }

    /** Stops accepting and closes the socket. Idempotent. */
    public void close() {
        if (!closed) {
            try {
                finishInterrupted();
            } finally {
                closed = true;
                try {
                    loop.disarm(backOff);
                    loop.disarm(look);
                    loop.budget().turns().cancel(memory);
                    loop.remove(this);
                } finally {
                    socket.close();
                }
            }
        }
    }

    @Override
    protected void evict() {
        close();
    }

    /** <i>Loop.</i> A connection has ended, or there may be memory again. */
    @Override
    protected void signalled() {
        resume();
    }

    @Override
    public void accepted(Transport transport) {
        boolean begun = false;
        boolean sound = false;
        try {
            finishInterrupted(); // the one before, whose place this one needs
            begun = true;
            begin(transport);
            sound = true;
        } finally {
            if (!sound) { // an Error, perhaps in the clean-up itself
                boolean _ = loop.signal(this);
            }
            if (!begun) {
                transport.close(true);
            }
        }
    }

    private void begin(Transport transport) {
        dropping = transport;
        int count = connections.incrementAndGet();
        SocketConnection connection;
        try {
            if (loop.budget().isExceeded()) { // serve this one; the next ones wait
                loop.arm(look, System.nanoTime() + DOOR_NANOS);
                loop.budget().turns().await(memory);
                socket.pause();
            }
            if (count >= maxConnections) {
                socket.pause();
                resumeUnlessFull(); // one may have ended before its thread could see "full"
            }
            connection = new SocketConnection(loops.get(), transport, config);
        } catch (Throwable t) { // the loops have ended, or there is no memory
            drop(transport);
            logDropped(t);
            return;
        }
        starting = connection;
        dropping = null;
        connection.startAccepted(socket.localAddress());
        starting = null;
    }

    private void drop(Transport transport) {
        transport.close(true);
        dropping = null;
        config.ended().run();
    }

    /** Finishes what an Error interrupted. */
    private void finishInterrupted() {
        SocketConnection half = starting;
        if (half != null) {
            half.startToEnd();
            starting = null;
        }
        Transport left = dropping;
        if (left != null) {
            drop(left);
        }
    }

    /** Logs a dropped connection, but rarely: the group may be closed, and peers must not fill the log. */
    private void logDropped(Throwable why) {
        if (logs.tryPass()) {
            Log.log(System.Logger.Level.WARNING, "an accepted connection was dropped", why);
        }
    }

    @Override
    public void acceptFailed(int errno) {
        loop.arm(backOff, System.nanoTime() + BACK_OFF_NANOS); // first: nothing else ends the pause
        socket.pause();
        if (logs.tryPass()) {
            log(errno);
        }
    }

    private void log(int errno) {
        String message = "accepting on " + socket.localAddress() + " failed: " + Errno.describe(errno)
                + "; it is tried again every " + TimeUnit.NANOSECONDS.toMillis(BACK_OFF_NANOS) + " ms";
        if (!Log.tryLog(System.Logger.Level.WARNING, message, null, null)) {
            logs.reset(); // without descriptors a logger may not even load its classes
        }
    }

    /** A connection of the server has ended, and the count was decremented. Any thread. */
    public void connectionEnded() {
        if (full) {
            boolean _ = loop.signal(this); // otherwise the server never accepts again
        }
    }

    /** Resumes accepting if allowed. If that fails for lack of memory, it retries later. */
    private void resume() {
        boolean done = false;
        try {
            finishInterrupted();
            resumeUnlessFull();
            done = true;
        } finally {
            if (!done && !closed) {
                loop.arm(backOff, System.nanoTime() + BACK_OFF_NANOS);
            }
        }
    }

    private void resumeUnlessFull() {
        full = true; // first: a thread that decrements the count from now on sees it
        if (closed) {
            return;
        }
        if (connections.get() >= maxConnections) {
            loop.arm(look, System.nanoTime() + LOOK_NANOS);
            return;
        }
        full = false;
        if (!backOff.isArmed()) {
            socket.resume();
        }
    }
}

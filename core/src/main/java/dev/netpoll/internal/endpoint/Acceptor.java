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
 * <p><b>Place.</b> Lives on the accepting loop of a server, a loop of its own, so that busy connections can't starve
 * it.
 *
 * <p><b>Threads.</b> Loop, except {@link #connectionEnded()}.
 *
 * <p><b>Limits.</b> At {@code maxConnections} open connections, and for a moment after the process ran out of
 * descriptors or memory, accepting pauses; the kernel's queue keeps what arrives. While the group's memory is used up,
 * connections are let in one by one, some in a second.
 */
public final class Acceptor extends EventLoop.Resident implements AcceptEvents {
    private static final long BACK_OFF_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** While the group's memory is used up, one connection is let in after so long: the door is never shut. */
    private static final long DOOR_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    /** How often a full one looks whether it may go on: who ended a connection may have had no stack left to say so. */
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

    /** Armed while it waits for connections to end, or for memory. */
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

    /** Accepted, and no connection yet: if an Error comes, it is dropped when accepting goes on. */
    private @Nullable Transport dropping;

    /** Made, and not given to its loop yet: if an Error comes, that is done when accepting goes on. */
    private @Nullable SocketConnection starting;

    private volatile boolean full;
    private boolean closed;

    /**
     * Makes an acceptor.
     *
     * @param loop the accepting loop
     * @param loops names the loop of the next connection
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
     * @param connections what connections are to be set up with
     * @throws BindException if the address cannot be had
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
     * Tries the options that the user named on a socket of that kind, so that what no connection could have is refused
     * when listening begins, and not by closing every connection.
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
        // Finding a logger takes a while, so it is done beside the start; but early, as it needs descriptors itself.
        Threads.startVirtual("netpoll-logger", Log::find);
        try {
            loop.poller().listen(socket, this);
        } catch (TransportException e) {
            close();
            throw e;
        }
    }

    /** Stops to accept and closes the socket; idempotent. */
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
        boolean sound = false;
        try {
            begin(transport);
            sound = true;
        } finally {
            if (!sound) { // an Error, also of what was to clean up
                boolean _ = loop.signal(this);
            }
        }
    }

    private void begin(Transport transport) {
        dropping = transport;
        int count = connections.incrementAndGet();
        SocketConnection connection;
        try {
            if (loop.budget().isExceeded()) { // this one is served, the next ones wait
                loop.arm(look, System.nanoTime() + DOOR_NANOS);
                loop.budget().turns().await(memory);
                socket.pause();
            }
            if (count >= maxConnections) {
                socket.pause();
                resumeUnlessFull(); // one may have ended before it could see that we are full
            }
            connection = new SocketConnection(loops.get(), transport, config);
        } catch (Throwable t) { // the loops are gone, or there is no memory
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

    /** Goes on with what an Error has interrupted. */
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

    /** For instance because the group was closed before the server: peers are not to fill the log. */
    private void logDropped(Throwable why) {
        if (logs.tryPass()) {
            Log.log(System.Logger.Level.WARNING, "an accepted connection was dropped", why);
        }
    }

    @Override
    public void acceptFailed(int errno) {
        loop.arm(backOff, System.nanoTime() + BACK_OFF_NANOS); // first: nobody else ends the pause
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

    /** A connection of the server has ended and was counted down. Any thread. */
    public void connectionEnded() {
        if (full) {
            boolean _ = loop.signal(this); // else the server accepts no more
        }
    }

    /** Goes on to accept if it may. If that fails for want of memory, it is tried again. */
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
        full = true; // first: whoever counts down from now on sees it
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

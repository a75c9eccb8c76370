// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import dev.netpoll.internal.endpoint.Listener;
import java.io.IOException;
import java.net.BindException;
import java.net.SocketAddress;
import java.net.SocketException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Accepts connections on any number of addresses and runs the callbacks of a {@link Protocol} for them.
 *
 * <p>Without onRequest, the connections are for the program to read, and to close, also after the peer's end: it gets
 * them in onPrepare or onConnect, and may set a handler later. Without these either, they close themselves when
 * the peer has finished.
 *
 * <p><b>Threads.</b> Any thread. While it listens, a thread of its own accepts and keeps the JVM alive.
 */
public final class Server implements AutoCloseable {
    private final EventLoopGroup group;
    private final Listener listener;

    private Server(Builder builder) {
        group = builder.group != null ? builder.group : EventLoopGroup.shared();
        listener = new Listener(
                group.loopGroup(), new Protocol(builder), builder.backlog, builder.reusePort, builder.maxConnections);
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
        return listener.listen(Objects.requireNonNull(address, "address"));
    }

    /** {@return the addresses listened on, in the order of the calls} */
    public List<SocketAddress> addresses() {
        return listener.addresses();
    }

    /** {@return the number of connections that are open or still run close callbacks} */
    public int connectionCount() {
        return listener.connectionCount();
    }

    /**
     * {@return what adaptive dispatch has done}
     *
     * @throws IllegalStateException if the server has another {@link Dispatch}
     */
    public DispatchStats dispatchStats() {
        return listener.dispatchStats();
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
        return listener.shutdown(Objects.requireNonNull(grace, "grace"));
    }

    /**
     * Waits until the server was shut down, by whomever.
     *
     * @throws IllegalStateException on an event loop
     */
    public void awaitShutdown() throws InterruptedException {
        listener.awaitShutdown();
    }

    /** Shuts down without grace: {@code shutdown(Duration.ZERO)}. */
    @Override
    public void close() {
        shutdown(Duration.ZERO);
    }

    /** Collects the settings of a server. Not thread-safe. */
    public static final class Builder extends ProtocolSettings<Builder> {
        private @Nullable EventLoopGroup group;
        private int maxConnections = Integer.MAX_VALUE;
        private int backlog;
        private boolean reusePort;

        private Builder() {}

        @Override
        Builder self() {
            return this;
        }

        /** The event loops; {@link EventLoopGroup#shared()} by default. The caller closes a group it made. */
        public Builder group(EventLoopGroup group) {
            this.group = Objects.requireNonNull(group, "group");
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
         *
         * @throws IllegalArgumentException if no frame of the framing is within its limit
         */
        public Server build() {
            return new Server(this);
        }
    }
}

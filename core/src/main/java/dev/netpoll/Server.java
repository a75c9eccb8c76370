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
 * {@snippet file="dev/netpoll/examples/Snippets.java" region="server"}
 *
 * <p>Without onRequest, the program reads and closes the connections, also after the peer's end: it gets them in
 * onPrepare or onConnect, and may set a handler later. Without these either, they close themselves when the peer has
 * finished.
 *
 * <p><b>Threads.</b> Any thread. While the server listens, a separate thread accepts connections and keeps the JVM
 * alive.
 *
 * @since 0.1
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
     * Listens on an address: TCP, or a {@link java.net.UnixDomainSocketAddress}. May be called several times. It
     * replaces the file of a Unix socket on which nobody listens any more, but no other file. A path that starts with
     * {@code @} is a name in Linux's abstract namespace.
     *
     * @implNote epoll and io_uring accept Unix paths of up to 107 bytes, and abstract names of up to 107 bytes behind
     *     the {@code @}. NIO accepts the paths that the JDK accepts (106 bytes on Linux) and refuses abstract names
     *     with EAFNOSUPPORT. If the heap is full while a connection is accepted, epoll and io_uring accept it later or
     *     close it; the JDK's channel may lose it, so that its peer waits and its descriptor stays open.
     * @return the bound address, with the real port if {@code address} has port 0
     * @throws BindException if the address is unavailable; its message names the system's error
     * @throws SocketException if the host name of the address was not resolved, if the address is wrong in another way,
     *     or if no descriptor is left for an event loop
     * @throws UnsupportedOperationException if connections to that address have no such {@linkplain
     *     ConnectionOptions.Builder#socketOption socket option}
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
     * {@return the statistics of adaptive dispatch}
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
     * Ends the server. First it stops accepting, lets running and begun requests finish, and closes idle connections.
     * When the grace is over, it closes the rest as {@link Connection#close} does: flushed bytes are still sent. Half a
     * second later it aborts what is left, and waits a second for callbacks. Blocks until all is over, or until the
     * calling thread is interrupted; a callback that never returns does not block it for ever.
     *
     * <p>Repeated and concurrent calls wait for the same end; the earliest deadline counts. A request is over when its
     * handler returns. If another thread answers later, the handler must wait for that answer. The server also serves
     * requests that arrive meanwhile. So a client that sends one after the other without a pause uses up the grace, and
     * so does a handler that calls this method. A connection without a request handler counts as idle: first let its
     * readers finish.
     *
     * <p>TCP answers a client that sends on a closed connection with a reset, and the client may lose answers that are
     * still on their way. The server cannot see this, so true does not mean that clients received their answers.
     *
     * @param grace how long requests may continue; zero or more
     * @return whether no request was cut short and every connection ended in time
     * @throws IllegalStateException on an event loop
     */
    public boolean shutdown(Duration grace) {
        return listener.shutdown(Objects.requireNonNull(grace, "grace"));
    }

    /**
     * Waits until any thread has shut the server down.
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

        /** The number of open connections at which accepting pauses; unlimited by default. */
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
         * {@return the server} It owns no thread and no socket before {@link #listen}.
         *
         * @throws IllegalArgumentException if the framing's limit lets no frame through
         */
        public Server build() {
            return new Server(this);
        }
    }
}

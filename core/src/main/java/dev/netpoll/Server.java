// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors
package dev.netpoll;

import java.io.IOException;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.List;

/** Accepts connections on any number of addresses and runs handlers for them. Any thread. */
public final class Server implements AutoCloseable {
    /** {@return a builder} */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Listens on an address: TCP, or a {@link java.net.UnixDomainSocketAddress}. May be called several times. A path or
     * name of a Unix socket that starts with {@code @} is in Linux's abstract namespace (epoll backend only).
     *
     * @return the bound address, with the real port where port 0 was asked for
     * @throws java.net.BindException if the address cannot be had
     * @throws IllegalStateException after {@link #shutdown}
     */
    public SocketAddress listen(SocketAddress address) throws IOException {
        throw new UnsupportedOperationException("not yet");
    }

    /** {@return the addresses listened on, in the order of the calls} */
    public List<SocketAddress> addresses() {
        throw new UnsupportedOperationException("not yet");
    }

    /** {@return the number of connections that are open or still run close callbacks} */
    public int connectionCount() {
        throw new UnsupportedOperationException("not yet");
    }

    /** {@return the group whose loops serve the connections} */
    public EventLoopGroup group() {
        throw new UnsupportedOperationException("not yet");
    }

    /**
     * Ends the server in two phases. First it stops accepting, lets requests that run or have begun to arrive finish, and
     * closes idle connections; at the deadline it closes the rest, and waits a moment for their callbacks. Blocks until
     * all is over. Repeated and concurrent calls wait for the same end; the earliest deadline counts.
     *
     * @return whether every connection ended without being forced
     * @throws IllegalStateException on an event loop
     */
    public boolean shutdown(Duration grace) {
        throw new UnsupportedOperationException("not yet");
    }

    /** Waits until the server was shut down from elsewhere. */
    public void awaitShutdown() throws InterruptedException {
        throw new UnsupportedOperationException("not yet");
    }

    /** Shuts down without grace: {@code shutdown(Duration.ZERO)}. */
    @Override
    public void close() {
        shutdown(Duration.ZERO);
    }

    /** Collects the settings of a server. Not thread-safe. */
    public static final class Builder {
        private Builder() {}

        /** Runs for each accepted connection before it is registered; set options, attach, or close it to reject it. */
        public Builder onPrepare(ConnectionHandler handler) {
            throw new UnsupportedOperationException("not yet");
        }

        /** Runs once when a connection is ready; may read and write. No request is handled before it returns. */
        public Builder onConnect(ConnectionHandler handler) {
            throw new UnsupportedOperationException("not yet");
        }

        /**
         * Runs when bytes have arrived, one run at a time on a connection. A run that leaves bytes unread is followed by
         * another when more arrive. What was consumed is released when the run ends.
         */
        public Builder onRequest(ConnectionHandler handler) {
            throw new UnsupportedOperationException("not yet");
        }

        /** Runs once when the peer finished sending or was lost, after onConnect, possibly beside onRequest. */
        public Builder onDisconnect(ConnectionHandler handler) {
            throw new UnsupportedOperationException("not yet");
        }

        /** Is told of what callbacks throw; by default it is logged. */
        public Builder onError(ErrorHandler handler) {
            throw new UnsupportedOperationException("not yet");
        }

        /** Who runs the callbacks; {@link Dispatch#virtual()} by default. */
        public Builder dispatch(Dispatch dispatch) {
            throw new UnsupportedOperationException("not yet");
        }

        /** The event loops; {@link EventLoopGroup#shared()} by default. The caller closes a group it made. */
        public Builder group(EventLoopGroup group) {
            throw new UnsupportedOperationException("not yet");
        }

        /** Options of accepted connections; {@link ConnectionOptions#defaults()} by default. */
        public Builder options(ConnectionOptions options) {
            throw new UnsupportedOperationException("not yet");
        }

        /** Shorthand for {@link ConnectionOptions.Builder#readTimeout}. */
        public Builder readTimeout(Duration timeout) {
            throw new UnsupportedOperationException("not yet");
        }

        /** Shorthand for {@link ConnectionOptions.Builder#writeTimeout}. */
        public Builder writeTimeout(Duration timeout) {
            throw new UnsupportedOperationException("not yet");
        }

        /** Shorthand for {@link ConnectionOptions.Builder#idleTimeout}. */
        public Builder idleTimeout(Duration timeout) {
            throw new UnsupportedOperationException("not yet");
        }

        /** At how many open connections accepting pauses; unlimited by default. */
        public Builder maxConnections(int count) {
            throw new UnsupportedOperationException("not yet");
        }

        /** Length of the kernel's accept queue; the system's maximum by default. */
        public Builder backlog(int length) {
            throw new UnsupportedOperationException("not yet");
        }

        /** Whether other sockets may listen on the same address too (SO_REUSEPORT); not by default. */
        public Builder reusePort(boolean reuse) {
            throw new UnsupportedOperationException("not yet");
        }

        /** {@return the server} It owns nothing before {@link #listen}. */
        public Server build() {
            throw new UnsupportedOperationException("not yet");
        }
    }
}

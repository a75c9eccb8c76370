// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors
package dev.netpoll;

import java.io.IOException;
import java.net.SocketAddress;
import java.time.Duration;

/**
 * Opens connections. Immutable; any thread.
 *
 * <p>A dialed connection has no handler: read from it in blocking style, or set one with {@link Connection#onRequest}.
 * The caller closes it, also after the peer did.
 */
public final class Dialer {
    /** {@return a dialer with the defaults} */
    public static Dialer create() {
        return builder().build();
    }

    /** {@return a builder} */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Connects and waits until the connection is established. A host name is resolved, and all its addresses are tried
     * in turn; the time-out covers everything.
     *
     * @throws ConnectTimeoutException if it takes longer than the connect time-out
     * @throws ConnectFailedException if every address failed; it tells of the first, the others are suppressed in it
     * @throws java.net.UnknownHostException if the name cannot be resolved
     * @throws IllegalStateException on an event loop
     */
    public Connection dial(SocketAddress address) throws IOException {
        throw new UnsupportedOperationException("not yet");
    }

    /** Connects as {@link #dial(SocketAddress)} does, with another time-out: positive, or {@link Connection#NO_TIMEOUT}. */
    public Connection dial(SocketAddress address, Duration timeout) throws IOException {
        throw new UnsupportedOperationException("not yet");
    }

    /** Collects the settings of a dialer. Not thread-safe. */
    public static final class Builder {
        private Builder() {}

        /** Limits resolution and connect together; 5 seconds by default. */
        public Builder connectTimeout(Duration timeout) {
            throw new UnsupportedOperationException("not yet");
        }

        /** The address to dial from; chosen by the system by default. */
        public Builder localAddress(SocketAddress address) {
            throw new UnsupportedOperationException("not yet");
        }

        /** Handles what the peer sends, instead of a caller that reads. */
        public Builder onRequest(ConnectionHandler handler) {
            throw new UnsupportedOperationException("not yet");
        }

        /** Runs once when the peer finished sending or was lost. */
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

        /** The event loops; {@link EventLoopGroup#shared()} by default. */
        public Builder group(EventLoopGroup group) {
            throw new UnsupportedOperationException("not yet");
        }

        /** Options of the connections; {@link ConnectionOptions#defaults()} by default. */
        public Builder options(ConnectionOptions options) {
            throw new UnsupportedOperationException("not yet");
        }

        /** {@return the dialer} */
        public Dialer build() {
            throw new UnsupportedOperationException("not yet");
        }
    }
}

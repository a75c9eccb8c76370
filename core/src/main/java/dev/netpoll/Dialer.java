// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import dev.netpoll.internal.base.StackRoom;
import dev.netpoll.internal.connection.ConnectionConfig;
import dev.netpoll.internal.connection.DialAttempt;
import dev.netpoll.internal.connection.Pace;
import dev.netpoll.internal.loop.EventLoop;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketException;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Opens connections. Immutable; any thread.
 *
 * <p>A dialed connection has no handler: read from it in blocking style, or set one with {@link Connection#onRequest}.
 * The caller closes it, also after the peer did; with a handler it closes itself when the peer has finished and all is
 * handled.
 */
public final class Dialer {
    private final EventLoopGroup group;
    private final ConnectionConfig config;
    private final Duration connectTimeout;
    private final @Nullable SocketAddress localAddress;

    private Dialer(Builder builder) {
        group = builder.group != null ? builder.group : EventLoopGroup.shared();
        config = new ConnectionConfig(
                builder.onPrepare,
                null,
                builder.onRequest,
                builder.onDisconnect,
                builder.onError,
                builder.dispatch.executorOrNull(),
                builder.dispatch.isAdaptive() ? new Pace() : null,
                builder.options,
                false,
                new ConnectionConfig.Ending(),
                () -> {},
                builder.framing == null ? null : builder.framing.layout(builder.options));
        connectTimeout = builder.connectTimeout;
        localAddress = builder.localAddress;
    }

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
     * @throws ConnectionClosedException if {@link Builder#onPrepare} failed or closed the connection
     * @throws java.net.UnknownHostException if the name cannot be resolved
     * @throws SocketException if the first dial of a group finds no descriptors for its event loops
     * @throws java.io.InterruptedIOException if the thread is interrupted; its interrupt status is set
     * @throws IllegalStateException on an event loop, and after the group was closed
     */
    public Connection dial(SocketAddress address) throws IOException {
        return dial(address, connectTimeout);
    }

    /**
     * Connects as {@link #dial(SocketAddress)} does, with another time-out: positive, or {@link Connection#NO_TIMEOUT}.
     */
    public Connection dial(SocketAddress address, Duration timeout) throws IOException {
        return dial(address, timeout, null);
    }

    /**
     * Connects as {@link #dial(SocketAddress, Duration)} does, and attaches an object to the connection before any
     * callback of it runs. A handler may run before the caller has the connection, so this is how it learns what the
     * connection is for.
     *
     * @param attachment what {@link Connection#attachment} returns, or null
     */
    public Connection dial(SocketAddress address, Duration timeout, @Nullable Object attachment) throws IOException {
        StackRoom.needMuch();
        Objects.requireNonNull(address, "address");
        ConnectionOptions.positive(timeout, "timeout");
        if (localAddress instanceof InetSocketAddress local && local.isUnresolved()) {
            throw new SocketException("cannot dial from " + local + ": unresolved address");
        }
        if (EventLoop.onLoop()) {
            throw new IllegalStateException(
                    "dial() would block the event loop; use Dispatch.virtual() for handlers that dial");
        }
        return new DialAttempt(group.internalBackend(), group.next(), config, localAddress, timeout, attachment)
                .dial(address);
    }

    /** Collects the settings of a dialer. Not thread-safe. */
    public static final class Builder {
        private @Nullable ConnectionHandler onPrepare;
        private @Nullable ConnectionHandler onRequest;
        private @Nullable ConnectionHandler onDisconnect;
        private ErrorHandler onError = ErrorHandler.LOGGING;
        private @Nullable Framing framing;
        private Dispatch dispatch = Dispatch.adaptive();
        private @Nullable EventLoopGroup group;
        private ConnectionOptions options = ConnectionOptions.defaults();
        private Duration connectTimeout = Duration.ofSeconds(5);
        private @Nullable SocketAddress localAddress;

        private Builder() {}

        /** Limits resolution and connect together: positive, or {@link Connection#NO_TIMEOUT}; 5 seconds by default. */
        public Builder connectTimeout(Duration timeout) {
            connectTimeout = ConnectionOptions.positive(timeout, "connectTimeout");
            return this;
        }

        /** The address to dial from; chosen by the system by default. */
        public Builder localAddress(SocketAddress address) {
            localAddress = Objects.requireNonNull(address, "address");
            return this;
        }

        /**
         * Runs once for each connection when it is established, before any other callback of it and before dial
         * returns: set options, attach, add callbacks; it may neither read nor write. If it fails or closes the
         * connection, dial fails. See {@link Dialer#dial(SocketAddress, Duration, Object)} for what differs from dial
         * to dial.
         */
        public Builder onPrepare(ConnectionHandler handler) {
            onPrepare = Objects.requireNonNull(handler, "handler");
            return this;
        }

        /**
         * Handles what the peer sends, instead of a caller that reads. It may run before dial returns; what it needs to
         * know is {@linkplain Dialer#dial(SocketAddress, Duration, Object) attached} or prepared in {@link #onPrepare}.
         */
        public Builder onRequest(ConnectionHandler handler) {
            onRequest = Objects.requireNonNull(handler, "handler");
            return this;
        }

        /**
         * Lets a request handler run once for each whole frame, as {@link Framing} says; without framing by default. A
         * caller that reads itself is not affected.
         */
        public Builder framing(Framing framing) {
            this.framing = Objects.requireNonNull(framing, "framing");
            return this;
        }

        /** Runs once when the peer finished sending or was lost. */
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

        /** The event loops; {@link EventLoopGroup#shared()} by default. */
        public Builder group(EventLoopGroup group) {
            this.group = Objects.requireNonNull(group, "group");
            return this;
        }

        /** Options of the connections; {@link ConnectionOptions#defaults()} by default. */
        public Builder options(ConnectionOptions options) {
            this.options = Objects.requireNonNull(options, "options");
            return this;
        }

        /**
         * {@return the dialer}
         *
         * @throws IllegalArgumentException if no frame of the framing is within its limit
         */
        public Dialer build() {
            return new Dialer(this);
        }
    }
}

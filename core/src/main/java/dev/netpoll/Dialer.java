// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import dev.netpoll.internal.endpoint.Dials;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.SocketException;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Opens connections. Immutable; any thread.
 *
 * {@snippet file="dev/netpoll/examples/Snippets.java" region="dialer"}
 *
 * <p>A dialed connection has no handler: read from it in blocking style, or set one with {@link Connection#onRequest}.
 * The caller closes it, also after the peer did. With a handler it closes itself when the peer has finished and the
 * handler has handled everything.
 *
 * @since 0.1
 */
public final class Dialer {
    private final Dials dials;
    private final Duration connectTimeout;

    private Dialer(Builder builder) {
        EventLoopGroup group = builder.group != null ? builder.group : EventLoopGroup.shared();
        dials = new Dials(group.loopGroup(), new Protocol(builder), builder.localAddress);
        connectTimeout = builder.connectTimeout;
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
     * Connects and waits until the connection is established. Resolves a host name and tries all its addresses in turn;
     * the time-out covers everything.
     *
     * @implNote epoll and io_uring accept Unix paths of up to 107 bytes, and abstract names ({@code @name}) of up to
     *     107 bytes behind the {@code @}. NIO accepts the paths that the JDK accepts (106 bytes on Linux) and refuses
     *     abstract names with EAFNOSUPPORT.
     * @throws ConnectTimeoutException if it takes longer than the connect time-out
     * @throws ConnectFailedException if every address failed; it reports the first failure, and the others are
     *     suppressed in it
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
     * Connects as {@link #dial(SocketAddress, Duration)} does, and attaches an object to the connection before any of
     * its callbacks runs. A handler may run before the caller has the connection; the attachment tells the handler what
     * the connection is for.
     *
     * @param attachment what {@link Connection#attachment} returns, or null
     */
    public Connection dial(SocketAddress address, Duration timeout, @Nullable Object attachment) throws IOException {
        Objects.requireNonNull(address, "address");
        ConnectionOptions.positive(timeout, "timeout");
        return dials.dial(address, timeout, attachment);
    }

    /** Collects the settings of a dialer. Not thread-safe. */
    public static final class Builder extends ProtocolSettings<Builder> {
        private @Nullable EventLoopGroup group;
        private Duration connectTimeout = Duration.ofSeconds(5);
        private @Nullable SocketAddress localAddress;

        private Builder() {}

        @Override
        Builder self() {
            return this;
        }

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

        /** The event loops; {@link EventLoopGroup#shared()} by default. The caller closes a group it made. */
        public Builder group(EventLoopGroup group) {
            this.group = Objects.requireNonNull(group, "group");
            return this;
        }

        /**
         * {@return the dialer}
         *
         * @throws IllegalArgumentException if the framing's limit lets no frame through
         */
        public Dialer build() {
            return new Dialer(this);
        }
    }
}

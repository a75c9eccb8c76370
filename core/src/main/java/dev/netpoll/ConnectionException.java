// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import java.io.IOException;
import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * A connection failed or ended. It holds the attempted operation, both addresses, and the system's name of the error if
 * there is one.
 *
 * @since 0.1
 */
public abstract sealed class ConnectionException extends IOException
        permits ConnectFailedException,
                ConnectTimeoutException,
                ConnectionClosedException,
                ConnectionResetException,
                FrameTooLargeException,
                OutputCutException,
                PeerClosedException,
                ReadTimeoutException,
                WriteTimeoutException {
    private static final long serialVersionUID = 1;

    private final String operation;
    private final transient @Nullable SocketAddress localAddress;
    private final transient @Nullable SocketAddress remoteAddress;
    private final @Nullable String errno;

    ConnectionException(
            String message,
            String operation,
            @Nullable SocketAddress localAddress,
            @Nullable SocketAddress remoteAddress,
            @Nullable String errno) {
        super(operation + " " + remoteAddress + ": " + message);
        this.operation = operation;
        this.localAddress = localAddress;
        this.remoteAddress = remoteAddress;
        this.errno = errno;
    }

    /** {@return what was tried: {@code connect}, {@code read}, {@code write}} */
    public String operation() {
        return operation;
    }

    /** {@return the local address, or null if there was none} */
    public @Nullable SocketAddress localAddress() {
        return localAddress;
    }

    /** {@return the peer's address, or null if there was none} */
    public @Nullable SocketAddress remoteAddress() {
        return remoteAddress;
    }

    /** {@return the name of the system's error, such as {@code ECONNREFUSED}, or null if the system reported none} */
    public @Nullable String errno() {
        return errno;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * This side closed the connection: by a call, by a time-out, or because its peer had ended and its handler had nothing
 * left to do. The message gives the reason. {@link #errno()} names an error if the peer was lost.
 *
 * @since 0.1
 */
public final class ConnectionClosedException extends ConnectionException {
    private static final long serialVersionUID = 1;

    /** Used by this library; see the superclass for the parts. */
    public ConnectionClosedException(
            String message,
            String operation,
            @Nullable SocketAddress localAddress,
            @Nullable SocketAddress remoteAddress,
            @Nullable String errno) {
        super(message, operation, localAddress, remoteAddress, errno);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * The connection broke: the peer reset it, or vanished.
 *
 * @since 0.1
 */
public final class ConnectionResetException extends ConnectionException {
    private static final long serialVersionUID = 1;

    private final long bytesSent;

    /** Used by this library; see the superclass for the parts. */
    public ConnectionResetException(
            String message,
            String operation,
            @Nullable SocketAddress localAddress,
            @Nullable SocketAddress remoteAddress,
            @Nullable String errno,
            long bytesSent) {
        super(message, operation, localAddress, remoteAddress, errno);
        this.bytesSent = bytesSent;
    }

    /**
     * {@return how many bytes of the failed flush the kernel had taken; 0 also if no flush failed}
     *
     * <p>When a flush failed with 0, the peer has seen nothing of it, so the request may be repeated on another
     * connection. A failed read says nothing about what was sent before: look at {@link #operation()}.
     */
    public long bytesSent() {
        return bytesSent;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * The kernel did not take the flushed bytes in time, because the peer does not read fast enough.
 *
 * @since 0.1
 */
public final class WriteTimeoutException extends ConnectionException {
    private static final long serialVersionUID = 1;

    private final long bytesSent;

    /** Used by this library; see the superclass for the parts. */
    public WriteTimeoutException(
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
     * {@return how many bytes of the failed flush the kernel had taken} With 0 the peer has seen nothing of it, so the
     * request may be repeated on another connection.
     */
    public long bytesSent() {
        return bytesSent;
    }
}

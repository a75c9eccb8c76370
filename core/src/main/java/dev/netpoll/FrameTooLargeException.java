// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * A call requested more bytes at once than the connection's {@link ConnectionOptions#maxFrameLength} allows, or a frame
 * has a length that its {@link Framing} does not allow.
 *
 * @since 0.1
 */
public final class FrameTooLargeException extends ConnectionException {
    private static final long serialVersionUID = 1;

    /** Used by this library; see the superclass for the parts. */
    public FrameTooLargeException(
            String message,
            String operation,
            @Nullable SocketAddress localAddress,
            @Nullable SocketAddress remoteAddress,
            @Nullable String errno) {
        super(message, operation, localAddress, remoteAddress, errno);
    }
}

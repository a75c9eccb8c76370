// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * The connection accepts no more output: an earlier flush was interrupted, timed out or failed in the middle of its
 * bytes, or bytes that a flush had accepted could not be sent. The message says which. Reading still works. The
 * connection is no longer {@linkplain Connection#isActive active}, and its user closes it.
 *
 * <p>{@link Connection#shutdownOutput} and {@link Connection#detach} also throw it behind a write of {@link
 * Connection#asByteChannel()} that was given up in the middle. That connection stays active: its user may write the
 * rest.
 *
 * @since 0.1
 */
public final class OutputCutException extends ConnectionException {
    private static final long serialVersionUID = 1;

    /** Used by this library; see the superclass for the parts. */
    public OutputCutException(
            String message,
            String operation,
            @Nullable SocketAddress localAddress,
            @Nullable SocketAddress remoteAddress,
            @Nullable String errno) {
        super(message, operation, localAddress, remoteAddress, errno);
    }
}

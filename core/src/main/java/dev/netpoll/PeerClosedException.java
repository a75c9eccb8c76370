// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * The peer finished sending before the requested bytes had arrived. What did arrive stays readable.
 *
 * @since 0.1
 */
public final class PeerClosedException extends ConnectionException {
    private static final long serialVersionUID = 1;

    /** Used by this library; see the superclass for the parts. */
    public PeerClosedException(
            String message,
            String operation,
            @Nullable SocketAddress localAddress,
            @Nullable SocketAddress remoteAddress,
            @Nullable String errno) {
        super(message, operation, localAddress, remoteAddress, errno);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.transport;

import java.net.SocketAddress;

/** A bound, listening socket. Event loop only, except {@link #localAddress()}. */
public interface ListenSocket {
    /** {@return the bound address, with the real port if 0 was requested} */
    SocketAddress localAddress();

    /** Stops accepting until {@link #resume()}; the kernel queues new connections. Idempotent. */
    void pause();

    /** Continues to accept. Idempotent. */
    void resume();

    /** Stops listening and closes the socket; removes a Unix socket path that it created. Idempotent. */
    void close();
}

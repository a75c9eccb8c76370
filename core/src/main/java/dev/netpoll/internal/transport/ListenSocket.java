// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.transport;

import java.net.SocketAddress;

/** A bound, listening socket. Event loop only, except {@link #localAddress()}. */
public interface ListenSocket {
    /** {@return the bound address, with the real port where 0 was asked for} */
    SocketAddress localAddress();

    /** Stops accepting until {@link #resume()}; the kernel's queue keeps what arrives. Idempotent. */
    void pause();

    /** Continues to accept. Idempotent. */
    void resume();

    /** Stops listening and closes the socket; removes the path of a Unix socket it made. Idempotent. */
    void close();
}

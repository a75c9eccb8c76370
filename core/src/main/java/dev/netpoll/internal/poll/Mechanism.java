// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.SocketAddress;

/**
 * One way to use the operating system's sockets: epoll, NIO. Stateless; one instance serves every event loop group.
 *
 * <p><b>Threads.</b> Any thread.
 *
 * <p><b>Fails.</b> A failed call throws {@link TransportException} with the error number, and closes every descriptor
 * that it has opened.
 */
public interface Mechanism {
    /** {@return the short lower-case name for output and configuration: {@code epoll}, {@code nio}} */
    String name();

    /** Opens the poller of one event loop; the loop closes it. */
    Poller openPoller() throws IOException;

    /** Opens a watch over pollers of this backend. */
    PollerWatch openWatch() throws IOException;

    /** {@return whether a watch can wait for the pollers, so that a resting loop needs no thread} */
    boolean isWatchable();

    /** Opens, binds and listens. The result accepts nothing until {@link Poller#listen}. */
    ListenSocket bind(SocketAddress address, ListenOptions options) throws IOException;

    /**
     * Opens an unconnected stream socket of the remote address's family.
     *
     * @param local the address to bind to first, or null
     */
    Transport open(SocketAddress remote, @org.jspecify.annotations.Nullable SocketAddress local) throws IOException;

    /**
     * Takes over a connected socket from the caller: from now on the transport owns its descriptor. If this throws, the
     * caller still owns the socket.
     */
    Transport adopt(RawSocket socket) throws IOException;

    /** {@return whether it adopts channels instead of descriptors} */
    default boolean adoptsChannels() {
        return false;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.endpoint;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.DetachedSocket;
import dev.netpoll.Dispatch;
import dev.netpoll.Protocol;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.internal.connection.ConnectionConfig;
import dev.netpoll.internal.connection.SocketConnection;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.poll.Mechanism;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.SocketException;

/**
 * Creates a connection from a socket that other code opened. Used by one thread.
 *
 * <p>Two steps: if the constructor throws, the socket is untouched and still belongs to the caller; if {@link #start}
 * throws, the socket and the bytes received from it are lost.
 */
public final class Adoption {
    private final SocketConnection connection;
    private final LinkBuffer unread;

    /** Takes over the socket. If this throws, the socket is untouched. */
    public Adoption(LoopGroup group, DetachedSocket socket, ConnectionOptions options) throws IOException {
        unread = socket.unread();
        EventLoop loop = group.next();
        if (unread.pendingBytes() > 0) { // this also rejects a closed buffer
            throw new IllegalArgumentException("bytes were written to the buffer of unread bytes and not flushed");
        }
        ConnectionConfig config = new ConnectionConfig(
                Protocol.builder().dispatch(Dispatch.virtual()).options(options).build());
        Mechanism mechanism = group.mechanism();
        if ((socket.channel() != null) != mechanism.adoptsChannels()) {
            throw new SocketException(socket + " is of another kind than the sockets of the " + mechanism.name()
                    + " backend: NIO takes channels, the others take descriptors");
        }
        try {
            Transport transport = mechanism.adopt(new RawSocket(socket.fd(), socket.channel()));
            connection = connection(loop, transport, config);
        } catch (TransportException e) {
            SocketException refused = new SocketException("not a connected stream socket for the " + mechanism.name()
                    + " backend: " + socket + ": " + e.getMessage());
            refused.initCause(e);
            throw refused;
        }
    }

    /** {@return whether adoption was refused because the socket belongs to a connection of this library} */
    public static boolean isOfConnection(Throwable refusal) {
        return refusal.getCause() instanceof TransportException cause && cause.errno() == Errno.EBUSY;
    }

    private static SocketConnection connection(EventLoop loop, Transport transport, ConnectionConfig config)
            throws TransportException {
        boolean made = false;
        try {
            SocketConnection connection = new SocketConnection(loop, transport, config);
            made = true;
            return connection;
        } finally {
            if (!made) {
                transport.detach(); // nobody uses it yet, so this does not wait
            }
        }
    }

    /** Starts the connection, with the bytes received earlier; {@return the connection} */
    public Connection start() throws IOException {
        try {
            SocketAddress local = connection.localAddress();
            connection.setUp(local != null ? local : connection.remoteAddress()); // one may not be known
            connection.seed(unread);
            connection.start();
            return connection;
        } catch (Throwable t) {
            try (unread) {
                connection.endBeforeStart();
            }
            throw t;
        }
    }
}

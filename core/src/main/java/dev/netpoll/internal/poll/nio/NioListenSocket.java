// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.nio;

import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.Crash;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.TransportException;
import dev.netpoll.internal.transport.UnixPaths;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import org.jspecify.annotations.Nullable;

/** A listening channel. */
final class NioListenSocket implements ListenSocket, NioPollable {
    /** The most connections per turn, so that other sockets of the loop get their share. */
    private static final int MAX_ACCEPTS = 64;

    private final ServerSocketChannel channel;
    private final SocketAddress address;

    /** Identifies the file that binding created, or null. */
    private final @Nullable Object pathKey;

    private @Nullable NioPoller poller;
    private @Nullable SelectionKey key;
    private @Nullable AcceptEvents events;
    private boolean paused;

    NioListenSocket(ServerSocketChannel channel, SocketAddress address, @Nullable Object pathKey) {
        this.channel = channel;
        this.address = address;
        this.pathKey = pathKey;
    }

    void listen(NioPoller target, AcceptEvents receiver) throws TransportException {
        events = receiver;
        poller = target;
        key = target.register(channel, paused ? 0 : SelectionKey.OP_ACCEPT, this);
    }

    @Override
    public void ready(int operations) {
        AcceptEvents receiver = events;
        if (receiver == null) {
            return;
        }
        for (int i = 0; i < MAX_ACCEPTS && channel.isOpen() && !paused; i++) {
            try {
                NioMechanism.needHeap();
                SocketChannel accepted = channel.accept();
                if (accepted == null) {
                    return;
                }
                receiver.accepted(transport(accepted));
            } catch (IOException e) {
                int errno = NioErrno.of(e, Errno.EIO);
                if (!concernsOneConnection(errno)) {
                    receiver.acceptFailed(errno);
                    return;
                }
            }
        }
    }

    private NioTransport transport(SocketChannel accepted) throws IOException {
        try {
            boolean unix = address instanceof UnixDomainSocketAddress;
            NioMechanism.prepareAccepted(accepted, unix);
            return new NioTransport(accepted, !unix);
        } catch (Throwable t) {
            NioMechanism.closeQuietly(accepted);
            throw t;
        }
    }

    /** Reports the failure, so that the receiver retries after a while; the queue keeps the other connections. */
    @Override
    public void crashed(Throwable thrown) {
        AcceptEvents receiver = events;
        try {
            if (receiver != null && channel.isOpen()) {
                receiver.acceptFailed(Crash.errno(thrown));
            }
        } catch (Throwable again) {
            // The next turn finds the queue as it is.
        }
        Crash.log("listening socket of the nio backend", thrown);
    }

    private static boolean concernsOneConnection(int errno) {
        return switch (errno) {
            case Errno.ECONNABORTED,
                    Errno.ECONNRESET,
                    Errno.EPERM,
                    Errno.EPROTO,
                    Errno.ENETDOWN,
                    Errno.ENETUNREACH,
                    Errno.EHOSTUNREACH,
                    Errno.ETIMEDOUT -> true;
            default -> false;
        };
    }

    @Override
    public SocketAddress localAddress() {
        return address;
    }

    @Override
    public void pause() {
        paused = true;
        interest(0);
    }

    @Override
    public void resume() {
        paused = false;
        interest(SelectionKey.OP_ACCEPT);
    }

    private void interest(int operations) {
        SelectionKey registered = key;
        if (registered != null && registered.isValid()) {
            registered.interestOps(operations);
        }
    }

    @Override
    public void close() {
        if (channel.isOpen()) {
            // Remove the path first: while this socket listens, nobody can have bound it anew.
            try {
                if (address instanceof UnixDomainSocketAddress unix) {
                    UnixPaths.deleteIfSame(unix.getPath(), pathKey);
                }
            } finally {
                NioMechanism.closeQuietly(channel);
            }
            NioPoller owner = poller;
            if (owner != null) {
                owner.flushCancelled(); // so that the address is free when this returns
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CLOSING;
import static dev.netpoll.internal.connection.ConnectionState.DETACHING;
import static dev.netpoll.internal.connection.ConnectionState.FLUSHING;
import static dev.netpoll.internal.connection.ConnectionState.SENDING;

import dev.netpoll.DetachedSocket;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.memory.BufferAccess;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.poll.RawSocket;
import dev.netpoll.internal.poll.TransportException;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * Takes the socket out of a connection: DETACHING keeps what arrives until the loop has let go of the socket, then the
 * caller, the connection's only user, takes all that was not read.
 */
final class Detachment {
    private static final BufferAccess<LinkBuffer> BUFFERS = BufferAccess.of(LinkBuffer.class);

    private final SocketConnection connection;
    private final CompletableFuture<RawSocket> handedOver = new CompletableFuture<>();

    Detachment(SocketConnection connection) {
        this.connection = connection;
    }

    DetachedSocket run() throws IOException {
        begin();
        if (connection.inLoop()) {
            handOver();
        } else {
            connection.onLoop(this::handOver);
        }
        RawSocket raw;
        try {
            raw = handedOver.join();
        } catch (CompletionException e) {
            connection.onLoop(() -> connection.lifecycle().release(false));
            throw ConnectionErrors.closed(connection, "detach");
        }
        LinkBuffer unread =
                BUFFERS.wrap(SegmentPool.shared(), connection.inbound().takeAll());
        connection.outbound().leaveIfOwner();
        connection.add(CLOSED);
        connection.lifecycle().settle();
        return new DetachedSocket(raw.fd(), raw.channel(), unread);
    }

    private void begin() throws IOException {
        if (EventLoop.onLoop() && !connection.inLoop()) {
            throw new IllegalStateException("detach() waits for the connection's event loop, so not on another one");
        }
        if (connection.inbound().hasWaiter()) {
            throw new IllegalStateException("another thread is reading; detach() needs the connection for itself");
        }
        if (connection.inLoop()) {
            connection.outbound().hurryGathered();
        } else {
            connection.outbound().hurryKept();
            connection.outbound().awaitLeft();
        }
        if (connection.outbound().unsent() > 0) {
            throw outputOnItsWay();
        }
        if (!connection.add(CLOSING | DETACHING, CLOSING | SENDING | FLUSHING)) {
            if (connection.has(CLOSING)) {
                throw ConnectionErrors.closed(connection, "detach");
            }
            throw outputOnItsWay();
        }
    }

    private static IllegalStateException outputOnItsWay() {
        return new IllegalStateException("flushed output is still on its way; wait until it is sent, then detach");
    }

    private void handOver() {
        try {
            if (connection.has(CLOSED)) {
                throw new TransportException("detach", connection.errno());
            }
            RawSocket raw = connection.transport().detach();
            connection.stopTimer();
            connection.loop().remove(connection);
            handedOver.complete(raw);
        } catch (TransportException | RuntimeException e) {
            handedOver.completeExceptionally(e);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CLOSING;
import static dev.netpoll.internal.connection.ConnectionState.DETACHING;
import static dev.netpoll.internal.connection.ConnectionState.SENDING;

import dev.netpoll.DetachedSocket;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.memory.BufferAccess;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.poll.RawSocket;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * Takes the socket out of a connection.
 *
 * <ul>
 *   <li>D1 The caller is the user of both sides from before DETACHING until the loop has answered, so nobody reads,
 *       writes or frees meanwhile.
 *   <li>D2 One task of the loop lets go of the socket, takes all that was not read, and sets CLOSED. An abort comes
 *       before it, and then it finds CLOSED and hands nothing over; or after it, and then finds nothing to free.
 *   <li>D3 Nothing that a flush has accepted is dropped: if it is not sent in time, detaching fails and changes nothing.
 * </ul>
 */
final class Detachment {
    private static final BufferAccess<LinkBuffer> BUFFERS = BufferAccess.of(LinkBuffer.class);

    private final SocketConnection connection;
    private final CompletableFuture<DetachedSocket> handedOver = new CompletableFuture<>();

    Detachment(SocketConnection connection) {
        this.connection = connection;
    }

    DetachedSocket run() throws IOException {
        if (EventLoop.onLoop() && !connection.inLoop()) {
            throw new IllegalStateException("detach() waits for the connection's event loop, so not on another one");
        }
        boolean readsAlready = connection.inbound().isUser();
        boolean writesAlready = connection.outbound().isUser();
        if (!connection.inbound().tryEnter()) {
            throw new IllegalStateException("another thread is reading; detach() needs the connection for itself");
        }
        try {
            if (!connection.outbound().tryEnter()) {
                throw new IllegalStateException("another thread is writing; detach() needs the connection for itself");
            }
            try {
                return detach();
            } finally {
                if (!writesAlready || connection.has(CLOSED)) {
                    connection.outbound().dropPending();
                }
            }
        } finally {
            if (!readsAlready) {
                connection.inbound().exit();
            }
        }
    }

    private DetachedSocket detach() throws IOException {
        awaitOutput();
        if (!connection.add(CLOSING | DETACHING, CLOSING | SENDING)) {
            if (connection.has(CLOSING)) {
                throw ConnectionErrors.closed(connection, "detach");
            }
            throw outputOnItsWay();
        }
        connection.outbound().wake();
        if (connection.inLoop()) {
            handOver();
        } else if (!connection.loop().borrow(this::handOver)) {
            connection.onLoop(this::handOver);
            EventLoop.beforeBlocking();
        }
        try {
            return handedOver.join();
        } catch (CompletionException e) {
            throw ConnectionErrors.closed(connection, "detach");
        }
    }

    private void awaitOutput() throws IOException {
        if (connection.inLoop()) {
            connection.outbound().hurryGathered();
        } else {
            connection.outbound().awaitLeft();
        }
        if (connection.outbound().unsent() > 0) {
            throw outputOnItsWay();
        }
    }

    private static IllegalStateException outputOnItsWay() {
        return new IllegalStateException("flushed output is still on its way; wait until it is sent, then detach");
    }

    /** <i>Loop.</i> D2 */
    private void handOver() {
        try {
            if (connection.has(CLOSED)) {
                throw ConnectionErrors.closed(connection, "detach");
            }
            RawSocket raw = connection.transport().detach();
            LinkBuffer unread = BUFFERS.wrap(
                    SegmentPool.shared(), connection.inbound().takeAll());
            DetachedSocket result = new DetachedSocket(raw.fd(), raw.channel(), unread);
            connection.lifecycle().leaveLoop();
            handedOver.complete(result);
        } catch (Throwable t) {
            connection.remove(DETACHING);
            connection.lifecycle().release(true);
            handedOver.completeExceptionally(t);
        } finally {
            connection.lifecycle().settle();
        }
    }
}

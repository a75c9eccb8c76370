// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.ABORTING;
import static dev.netpoll.internal.connection.ConnectionState.BROKEN;
import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CLOSING;
import static dev.netpoll.internal.connection.ConnectionState.CUT;
import static dev.netpoll.internal.connection.ConnectionState.DETACHING;
import static dev.netpoll.internal.connection.ConnectionState.SENDING;

import dev.netpoll.DetachedSocket;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.internal.base.StackRoom;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.memory.BufferAccess;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.transport.RawSocket;
import java.io.IOException;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Takes the socket out of a connection. The object is also the task that the loop runs for this.
 *
 * <ul>
 *   <li>D1 The caller is the user of both sides from before DETACHING until the loop has answered, so nobody reads,
 *       writes or frees meanwhile.
 *   <li>D2 One task of the loop lets go of the socket, takes all unread bytes, and sets CLOSED. If an abort comes
 *       first, the task finds CLOSED and hands nothing over; if it comes later, the abort finds nothing to free.
 *   <li>D3 Bytes that a flush accepted are never dropped: if they are not sent in time, detaching fails and changes
 *       nothing.
 *   <li>D4 Everything the answer needs is allocated before DETACHING, and waiting for it allocates nothing: so the
 *       answer reaches the caller, or the socket is closed.
 *   <li>D5 The loop sets {@code detached}, then looks at {@code abandoned}; a caller who gets an exception sets
 *       {@code abandoned}, then looks at {@code detached}. So one of them closes a socket that would reach nobody.
 * </ul>
 */
final class Detachment implements Runnable {
    private static final BufferAccess<LinkBuffer> BUFFERS = BufferAccess.of(LinkBuffer.class);

    private final SocketConnection connection;
    private final LinkBuffer unread = BUFFERS.wrap(SegmentPool.shared(), null);
    private final Thread caller = Thread.currentThread();

    /** The loop writes this and the next field before {@code answered}. */
    private volatile @Nullable DetachedSocket detached;

    private @Nullable Throwable failure;

    private volatile boolean answered;

    /** Whether the caller is the reader already, as in a run. Written before the loop gets the task. */
    private boolean ownViews;

    /** Whether the caller of {@link #detach} gets an exception instead, whatever the loop does (D5). */
    private volatile boolean abandoned;

    Detachment(SocketConnection connection) {
        this.connection = connection;
    }

    DetachedSocket detach() throws IOException {
        StackRoom.needMuch();
        boolean returns = false;
        try {
            DetachedSocket result = detachAsUser();
            returns = true;
            return result;
        } finally {
            if (!returns) {
                abandoned = true;
                closeAbandoned();
            }
        }
    }

    /** D5 */
    private void closeAbandoned() {
        DetachedSocket reachesNobody = abandoned ? detached : null;
        if (reachesNobody != null) {
            reachesNobody.close();
        }
    }

    private DetachedSocket detachAsUser() throws IOException {
        if (EventLoop.onLoop() && !connection.inLoop()) {
            throw new IllegalStateException("detach() waits for the connection's event loop, so not on another one");
        }
        boolean readsAlready = connection.inbound().isUser();
        ownViews = readsAlready;
        boolean writesAlready = connection.outbound().isUser();
        if (!connection.inbound().tryEnter()) {
            throw inUse("reading");
        }
        try {
            if (!connection.outbound().tryEnter()) {
                throw inUse("writing");
            }
            try {
                return detachAlone();
            } finally {
                if (!writesAlready || connection.has(CLOSED)) {
                    connection.outbound().dropPending();
                }
            }
        } finally {
            if (!readsAlready) {
                connection.inbound().leave();
            }
        }
    }

    /** A loop that ends the connection uses its sides for a moment; report the end then. */
    private IllegalStateException inUse(String doing) throws IOException {
        if (!connection.has(DETACHING)) {
            checkOpen();
        }
        return new IllegalStateException("another thread is " + doing + "; detach() needs the connection for itself");
    }

    private DetachedSocket detachAlone() throws IOException {
        checkOpen();
        awaitOutput();
        if (connection.outbound().isUnfinished()) {
            throw ConnectionErrors.unfinished(connection, "detach");
        }
        if (!connection.add(CLOSING | DETACHING, CLOSING | SENDING | CUT)) {
            checkOpen();
            if (connection.has(CUT)) {
                throw ConnectionErrors.cut(connection, "detach");
            }
            throw outputOnItsWay();
        }
        try {
            if (connection.inLoop()) {
                run();
            } else if (!connection.loop().borrow(this)) {
                connection.onLoop(this);
                EventLoop.beforeBlocking();
            }
        } catch (Throwable t) { // either the loop does not have the task, or it finds ABORTING or answers
            connection.closeFor(EndReason.DETACHING_FAILED, true);
            throw t;
        }
        awaitAnswer();
        DetachedSocket result = detached;
        if (result == null) {
            throw failed();
        }
        return result;
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

    /** The loop always answers: it runs each task that it accepted. */
    private void awaitAnswer() {
        boolean interrupted = false;
        while (!answered) {
            LockSupport.park(this);
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            caller.interrupt();
        }
    }

    private IOException failed() {
        if (failure instanceof Error e) {
            throw e;
        }
        IOException over = connection.has(BROKEN)
                ? ConnectionErrors.broken(connection, "detach", 0)
                : ConnectionErrors.closed(connection, "detach");
        if (failure != null) {
            over.initCause(failure);
        }
        return over;
    }

    private void checkOpen() throws IOException {
        if (connection.has(CLOSING)) {
            throw ConnectionErrors.closed(connection, "detach");
        }
        if (connection.has(BROKEN)) {
            throw ConnectionErrors.broken(connection, "detach", 0);
        }
    }

    /** <i>Loop.</i> D2 */
    @Override
    public void run() {
        try {
            if (!connection.has(CLOSED | ABORTING)) {
                handOver();
            }
        } catch (Throwable t) {
            failure = t;
        } finally {
            answered = true;
            LockSupport.unpark(caller);
            if (detached == null) {
                connection.add(ABORTING);
                connection.remove(DETACHING);
                connection.release();
            } else {
                connection.settle();
            }
        }
    }

    private void handOver() throws IOException {
        RawSocket raw = connection.transport().detach();
        try {
            DetachedSocket result = new DetachedSocket(raw.fd(), raw.channel(), unread);
            BUFFERS.add(unread, connection.inbound().takeAll(ownViews));
            connection.leaveLoop();
            detached = result;
            closeAbandoned();
        } catch (Throwable t) { // releasing removes it from the loop
            try (unread) {
                connection.transport().discard(raw);
            }
            throw t;
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors
package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.BROKEN;
import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CLOSING;
import static dev.netpoll.internal.connection.ConnectionState.DISCONNECTED;
import static dev.netpoll.internal.connection.ConnectionState.DISCONNECTING;
import static dev.netpoll.internal.connection.ConnectionState.DRAINING;
import static dev.netpoll.internal.connection.ConnectionState.ENDED;
import static dev.netpoll.internal.connection.ConnectionState.PEER_ENDED;
import static dev.netpoll.internal.connection.ConnectionState.READY;
import static dev.netpoll.internal.connection.ConnectionState.RUNNING;
import static dev.netpoll.internal.connection.ConnectionState.SENDING;

import dev.netpoll.ConnectionHandler;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.memory.BufferAccess;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.poll.RawSocket;
import dev.netpoll.internal.poll.TransportException;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * The life of one connection: start, runs of the callbacks, and the end. The state word and its rules are described in
 * {@link ConnectionState}; {@link #settle} is the one place that decides what happens next, and everybody who changed
 * something it depends on calls it.
 *
 * <p>It is a {@link Runnable} so that starting a run of the handler allocates nothing.
 */
public final class Lifecycle implements Runnable {
    private static final BufferAccess<LinkBuffer> BUFFERS = BufferAccess.of(LinkBuffer.class);

    private final SocketConnection connection;
    private final CallbackRunner callbacks;
    private final CloseCallbacks closeCallbacks = new CloseCallbacks();
    private volatile @Nullable ConnectionHandler handler;

    /** Whether the handler was not run, or returned, because too much output waits. Loop only, inline only. */
    private boolean throttled;

    /** Whether the connection waits for the bytes it owes before it closes. Loop only. */
    private boolean lingering;

    Lifecycle(SocketConnection connection) {
        this.connection = connection;
        this.callbacks = new CallbackRunner(connection);
        this.handler = connection.config().request();
    }

    // ---- start ----

    /** Starts an accepted or adopted connection: onPrepare, registration, onConnect. Any thread, once. */
    public void start() {
        connection.add(RUNNING);
        ConnectionHandler prepare = connection.config().prepare();
        if (prepare == null) {
            connection.onLoop(this::register);
            return;
        }
        callbacks.dispatch(() -> {
            callbacks.call(prepare);
            connection.outbound().leaveIfOwner();
            connection.inbound().leaveIfOwner();
            connection.onLoop(this::register);
        });
    }

    /** Starts a dialed connection, which is registered already; loop. */
    void startDialed() {
        connection.add(RUNNING);
        run();
    }

    private void register() {
        if (connection.has(CLOSING)) { // rejected by onPrepare
            connection.remove(RUNNING);
            release(false);
            return;
        }
        connection.loop().add(connection);
        try {
            connection.loop().poller().register(connection.transport(), connection);
        } catch (TransportException e) {
            connection.noteErrno(e.errno());
            connection.add(CLOSING);
            connection.remove(RUNNING);
            release(false);
            return;
        }
        connection.timer().start();
        if (connection.config().connect() == null) {
            run();
        } else {
            callbacks.dispatch(this);
        }
    }

    // ---- runs of onConnect and onRequest, by the holder of RUNNING ----

    void setHandler(ConnectionHandler replacement) {
        handler = replacement;
        if (connection.has(READY)) {
            connection.onLoop(this::runHandler);
        }
    }

    /** Starts a run of the handler unless one is running, or the time for runs has not come or is over. */
    void runHandler() {
        if (handler == null) {
            return;
        }
        boolean inline = connection.config().inline();
        if (inline && !connection.inLoop()) {
            connection.onLoop(this::runHandler);
            return;
        }
        if (inline) {
            throttled = !connection.outbound().isWritable();
            if (throttled) {
                return;
            }
        }
        int state = connection.state();
        while ((state & (READY | RUNNING | CLOSING)) == READY) {
            if (connection.advance(state, RUNNING)) {
                callbacks.dispatch(this);
                return;
            }
            state = connection.state();
        }
    }

    /** One or more runs, until none is due. The caller holds RUNNING. */
    @Override
    public void run() {
        ConnectionHandler current;
        do {
            current = null;
            if (connection.has(READY)) {
                current = handler;
                if (current != null && connection.inbound().beginRun() && !connection.has(CLOSING)) {
                    callbacks.call(current);
                }
            } else {
                ConnectionHandler connect = connection.config().connect();
                if (connect != null && !connection.has(CLOSING)) {
                    callbacks.call(connect);
                }
                connection.add(READY, CLOSING);
            }
        } while (endRun(current));
        settle();
    }

    /** Ends a run and gives RUNNING back; true if this thread holds it again, because another run is due. */
    private boolean endRun(@Nullable ConnectionHandler ran) {
        connection.timer().touch();
        connection.outbound().leaveIfOwner();
        ConnectionHandler next = handler;
        if (next == null) {
            connection.inbound().endUnhandled();
        } else {
            connection.inbound().endRun(next != ran);
        }
        if (connection.config().inline() && !connection.outbound().isWritable()) {
            throttled = true;
        }
        connection.remove(RUNNING);
        ConnectionHandler latest = handler; // one that was set meanwhile found us running
        boolean due = latest != null && (latest != next || connection.inbound().isDue());
        if (!due || throttled) {
            return false;
        }
        int state = connection.state();
        return (state & (READY | RUNNING | CLOSING)) == READY && connection.advance(state, RUNNING);
    }

    /** The output has drained; loop. */
    void drained() {
        if (lingering) {
            release(false);
        } else if (throttled) {
            throttled = false;
            runHandler();
            settle();
        } else if (connection.has(DRAINING | PEER_ENDED)) {
            settle();
        }
    }

    // ---- what happens next ----

    /** Decides what happens next, after something has changed. Any thread. */
    void settle() {
        sayGoodbye();
        int state = connection.state();
        if ((state & (RUNNING | DISCONNECTING)) != 0) {
            return; // they settle at their end
        }
        if ((state & CLOSING) != 0) {
            if ((state & CLOSED) != 0) {
                end();
            }
            return;
        }
        if ((state & READY) == 0) {
            return;
        }
        if (handler != null && connection.inbound().isDue()) {
            runHandler(); // what has arrived is handled first
            return;
        }
        boolean peerEnded = (state & PEER_ENDED) != 0 && closesItself((state & BROKEN) != 0);
        if ((peerEnded || (state & DRAINING) != 0) && isIdle(peerEnded)) {
            close(false);
        }
    }

    private boolean closesItself(boolean broken) {
        ConnectionConfig config = connection.config();
        return (config.accepted() || handler != null)
                && (broken || !config.options().allowHalfOpen());
    }

    private boolean isIdle(boolean peerEnded) {
        if (throttled && !connection.has(BROKEN | CLOSED)) {
            return false;
        }
        if (peerEnded || handler == null) {
            return true;
        }
        return connection.inbound().isConsumed()
                && !connection.has(SENDING)
                && connection.transport().peek() <= 0;
    }

    private void sayGoodbye() {
        ConnectionHandler disconnect = connection.config().disconnect();
        if (disconnect == null
                || !connection.has(PEER_ENDED)
                || !connection.has(READY)
                || !connection.add(DISCONNECTED | DISCONNECTING, DISCONNECTED)) {
            return;
        }
        callbacks.dispatch(() -> {
            callbacks.call(disconnect);
            connection.remove(DISCONNECTING);
            settle();
        });
    }

    // ---- end ----

    /** Asks to close as soon as nothing is being worked on; any thread. */
    public void drain() {
        connection.add(DRAINING);
        connection.onLoop(this::settle);
    }

    void close(boolean abort) {
        boolean first = connection.add(CLOSING);
        if (first) {
            connection.inbound().wake();
            connection.outbound().wake();
        }
        if (first || (abort && !connection.has(CLOSED))) {
            if (connection.inLoop()) {
                closeOnLoop(abort);
            } else {
                connection.onLoop(() -> closeOnLoop(abort));
            }
        }
    }

    private void closeOnLoop(boolean abort) {
        if (abort || !connection.outbound().owesBytes()) {
            release(abort);
        } else if (!lingering) {
            lingering = true;
            connection.transport().pauseReading();
            connection.timer().linger(connection.outbound().timeoutNanos());
        }
    }

    /** Releases the socket; loop. */
    void release(boolean abort) {
        if (!connection.has(CLOSED)) {
            connection.localAddress(); // the transport remembers it for close callbacks and messages
            connection.transport().close(abort);
            leaveLoop();
        }
        settle();
    }

    private void leaveLoop() {
        connection.timer().stop();
        connection.loop().remove(connection);
        connection.add(CLOSED);
        connection.outbound().closedOnLoop();
        connection.inbound().wake();
    }

    private void end() {
        if (!connection.add(ENDED)) {
            return;
        }
        connection.inbound().end();
        connection.outbound().end();
        CloseCallbacks.Entry last = closeCallbacks.take();
        if (last == null) {
            connection.config().ended().run();
            return;
        }
        callbacks.dispatch(() -> {
            for (CloseCallbacks.Entry e = last; e != null; e = e.next()) {
                callbacks.call(e.callback());
            }
            connection.config().ended().run();
        });
    }

    /** Something failed on the loop that should not: gives the connection up. */
    void fault(Throwable error) {
        callbacks.report(error);
        connection.closeFor("internal error", true);
    }

    void addCloseCallback(ConnectionHandler callback) {
        if (!closeCallbacks.add(callback)) {
            callbacks.call(callback);
        }
    }

    // ---- detach ----

    RawSocket detach() throws IOException {
        if (EventLoop.onLoop() && !connection.inLoop()) {
            throw new IllegalStateException("detach() waits for the connection's event loop, so not on another one");
        }
        if (connection.has(SENDING)) {
            throw new IllegalStateException("flushed output is still on its way; wait until it is sent, then detach");
        }
        if (!connection.add(CLOSING)) {
            throw ConnectionErrors.closed(connection, "detach");
        }
        connection.inbound().wake();
        connection.outbound().wake();
        CompletableFuture<RawSocket> result = new CompletableFuture<>();
        connection.loop().executeOrRun(() -> detachOnLoop(result));
        try {
            return result.join();
        } catch (CompletionException e) {
            connection.loop().executeOrRun(() -> release(false));
            throw ConnectionErrors.closed(connection, "detach");
        }
    }

    private void detachOnLoop(CompletableFuture<RawSocket> result) {
        try {
            if (connection.has(CLOSED)) {
                throw new TransportException("detach", connection.errno());
            }
            RawSocket raw = connection.transport().detach();
            connection.timer().stop();
            connection.loop().remove(connection);
            result.complete(raw);
        } catch (TransportException | RuntimeException e) {
            result.completeExceptionally(e);
        }
    }

    /** After {@link #detach}: takes what was received and not read, and ends the connection. */
    LinkBuffer endDetached() {
        LinkBuffer unread =
                BUFFERS.wrap(SegmentPool.shared(), connection.inbound().takeAll());
        connection.add(CLOSED);
        connection.inbound().wake();
        connection.outbound().leaveIfOwner();
        settle();
        return unread;
    }
}

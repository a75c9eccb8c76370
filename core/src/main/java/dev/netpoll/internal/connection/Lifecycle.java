// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.BROKEN;
import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CLOSING;
import static dev.netpoll.internal.connection.ConnectionState.DETACHING;
import static dev.netpoll.internal.connection.ConnectionState.DISCONNECTED;
import static dev.netpoll.internal.connection.ConnectionState.DISCONNECTING;
import static dev.netpoll.internal.connection.ConnectionState.DRAINING;
import static dev.netpoll.internal.connection.ConnectionState.ENDED;
import static dev.netpoll.internal.connection.ConnectionState.PEER_ENDED;
import static dev.netpoll.internal.connection.ConnectionState.PEER_GONE;
import static dev.netpoll.internal.connection.ConnectionState.READY;
import static dev.netpoll.internal.connection.ConnectionState.RUNNING;

import dev.netpoll.ConnectionHandler;
import dev.netpoll.internal.loop.Activation;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.loop.Relief;
import dev.netpoll.internal.loop.Spares;
import dev.netpoll.internal.poll.TransportException;
import java.io.IOException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The life of one connection: start, runs of the callbacks, and the end. The state word and its rules are described in
 * {@link ConnectionState}; {@link #settle} is the one place that decides what happens next, and everybody who changed
 * something it depends on calls it.
 *
 * <p>It is itself what is run, so that starting a run of the handler allocates nothing.
 */
public final class Lifecycle implements Activation {
    private final SocketConnection connection;
    /** For {@link CloseCallbacks}. */
    volatile @Nullable CloseCallbacks closeCallbacks;

    private volatile @Nullable ConnectionHandler handler;

    /** The handler that ran last. Holder of RUNNING only. */
    private @Nullable ConnectionHandler lastRan;

    /** Whether the handler was not run, or returned, because too much output waits. Loop only, inline only. */
    private boolean throttled;

    /** Whether the last run found that too much output waits, so that it must go on. Loop only, inline only. */
    private boolean heldBack;

    /** Whether the connection waits for the bytes it owes before it closes. Loop only. */
    private boolean lingering;

    Lifecycle(SocketConnection connection) {
        this.connection = connection;
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
        CallbackRunner.dispatch(connection, () -> {
            if (!connection.has(CLOSING)) {
                CallbackRunner.call(connection, prepare);
            }
            leaveSides();
            connection.onLoop(this::register);
        });
    }

    private void leaveSides() {
        connection.outbound().leaveIfOwner();
        connection.inbound().leaveIfOwner();
    }

    /**
     * Starts a dialed connection, which is registered already: onPrepare, then it is ready; loop.
     *
     * @param started told on the loop, when it is ready, whether onPrepare let it live
     */
    void startDialed(Consumer<Boolean> started) {
        connection.add(RUNNING);
        connection.startTimer();
        ConnectionHandler prepare = connection.config().prepare();
        if (prepare == null) {
            openDialed(true, started);
            return;
        }
        CallbackRunner.dispatch(connection, () -> {
            if (!connection.has(CLOSING)) {
                CallbackRunner.call(connection, prepare);
            }
            boolean lives = !connection.has(CLOSING);
            leaveSides();
            connection.onLoop(() -> openDialed(lives, started));
        });
    }

    private void openDialed(boolean lives, Consumer<Boolean> started) {
        try {
            open();
        } finally {
            started.accept(lives);
        }
    }

    /** It is ready: runs of the handler may begin. The caller, on the loop, holds RUNNING. */
    private void open() {
        connection.add(READY, CLOSING);
        sayGoodbye();
        if (endRun(true)) {
            dispatchRun();
        } else {
            settle();
        }
    }

    private void register() {
        if (connection.has(DETACHING) && connection.inLoop()) { // its socket is taken out before anything came in
            connection.remove(RUNNING);
            return;
        }
        if (connection.has(CLOSING) || !connection.inLoop()) { // rejected by onPrepare, or the loop has ended
            giveUp();
            return;
        }
        connection.loop().add(connection);
        try {
            connection.loop().poller().register(connection.transport(), connection);
        } catch (TransportException e) {
            connection.noteErrno(e.errno());
            giveUp();
            return;
        }
        connection.startTimer();
        connection.config().ending().apply(connection);
        if (connection.config().connect() == null) {
            open();
        } else {
            CallbackRunner.dispatch(connection, this);
        }
    }

    private void giveUp() {
        connection.add(CLOSING);
        connection.remove(RUNNING);
        release(false);
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
        if (handler == null || connection.has(CLOSING)) {
            return;
        }
        boolean inline = connection.config().inline();
        if (inline && !connection.inLoop()) {
            connection.onLoop(this::runHandler);
            return;
        }
        if (inline && holdBack()) {
            return;
        }
        int state = connection.state();
        while ((state & (READY | RUNNING | CLOSING)) == READY) {
            if (connection.advance(state, RUNNING)) {
                if (heldBack || connection.inbound().isFrameWhole()) {
                    dispatchRun();
                } else {
                    connection.remove(RUNNING);
                    settle(); // also finds that the rest of the frame came meanwhile
                }
                return;
            }
            state = connection.state();
        }
    }

    /** Has the run begin where the handler runs. The caller holds RUNNING. */
    private void dispatchRun() {
        ConnectionConfig config = connection.config();
        if (connection.inLoop() && (config.inline() || config.pace() != null)) {
            connection.loop().add(this);
        } else {
            CallbackRunner.dispatch(connection, this);
        }
    }

    @Override
    public boolean isInline() {
        Pace pace = connection.config().pace();
        return pace == null || pace.isInline();
    }

    @Override
    public void relieved(Relief cause) {
        Pace pace = connection.config().pace();
        if (pace != null) {
            pace.relieved(cause);
        }
        connection.outbound().sendKept();
    }

    @Override
    public boolean beforeBlocking() {
        try {
            return connection.outbound().hurryKept();
        } catch (IOException e) {
            return true; // the transport remembers it, and tells the loop
        }
    }

    /** Sets {@link #throttled}; {@return whether too much output waits for the handler to run} */
    private boolean holdBack() {
        throttled = true; // first: output that is gone from now on tells us
        throttled = !connection.outbound().isWritable();
        return throttled;
    }

    /** One or more runs, until none is due. The caller holds RUNNING. */
    @Override
    public void run(@Nullable Spares spares) {
        boolean begun;
        do {
            connection.lend(spares);
            if (connection.has(READY)) {
                begun = runRequest();
            } else {
                begun = true;
                ConnectionHandler connect = connection.config().connect();
                if (connect != null && !connection.has(CLOSING)) {
                    CallbackRunner.call(connection, connect);
                }
                connection.add(READY, CLOSING);
                sayGoodbye(); // it may cancel the run that follows
            }
        } while (endRun(begun));
        connection.outbound().sendKept();
        settle();
    }

    /** The handler has been told that too much output waits: it may return, and is run again when that is gone. */
    void foundUnwritable() {
        heldBack = connection.has(RUNNING)
                && connection.inLoop()
                && connection.config().inline();
    }

    private boolean runRequest() {
        ConnectionHandler current = handler;
        boolean goesOn = heldBack;
        if (current == null
                || connection.has(CLOSING)
                || !(goesOn || connection.inbound().isFrameWhole())
                || !connection.inbound().beginRun(goesOn || current != lastRan)) {
            return false;
        }
        lastRan = current;
        heldBack = false;
        FrameLayout frames = connection.config().frames();
        if (frames != null && connection.inbound().isFrameRefused()) {
            CallbackRunner.report(connection, connection.inbound().refusal(frames));
            connection.closeFor("the length of a frame is not allowed", false);
        } else if (goesOn || connection.inbound().hasBytes()) {
            Pace pace = connection.config().pace();
            if (pace == null) {
                CallbackRunner.call(connection, current);
            } else {
                callHandler(current, pace);
            }
        }
        return true;
    }

    private void callHandler(ConnectionHandler current, Pace pace) {
        EventLoop loop = connection.loop();
        if (!loop.inLoop()) {
            loop.stir();
            long begin = pace.now();
            CallbackRunner.call(connection, current);
            pace.ranOnThread(begin);
        } else {
            boolean timed = Pace.isSample(loop.runs());
            long begin = timed ? pace.now() : 0;
            long loan = loop.lend(this);
            CallbackRunner.call(connection, current);
            if (loop.reclaim(loan) && timed) {
                pace.ranInline(begin);
            }
        }
    }

    /** Ends a run and gives RUNNING back; true if this thread holds it again, because another run is due. */
    private boolean endRun(boolean begun) {
        ConnectionHandler next = handler;
        if (begun) {
            connection.touch();
            connection.outbound().leaveIfOwner();
            if (connection.config().inline()) {
                holdBack();
            }
            if (next == null) {
                connection.inbound().endUnhandled();
            } else if (connection.inbound().isFramed() && !heldBack) {
                connection.inbound().endFrame();
            } else {
                connection.inbound().endRun(next != lastRan || heldBack);
            }
        }
        connection.lend(null);
        connection.remove(RUNNING);
        ConnectionHandler latest = handler; // one that was set meanwhile found us running
        boolean due = latest != null
                && (heldBack || latest != next || connection.inbound().isDue());
        if (!due || throttled) {
            return false;
        }
        int state = connection.state();
        return (state & (READY | RUNNING | CLOSING)) == READY && connection.advance(state, RUNNING);
    }

    /** The output has drained; loop. */
    void drained() {
        if (lingering) {
            closeOnLoop(false);
        } else if (throttled) {
            runHandler();
            settle();
        } else if (connection.has(DRAINING | PEER_ENDED)) {
            settle();
        }
    }

    // ---- what happens next ----

    /** Decides what happens next, after something has changed. Any thread. */
    void settle() {
        int state;
        do {
            sayGoodbye();
            state = connection.state();
            if ((state & (RUNNING | DISCONNECTING)) != 0) {
                return; // they settle at their end
            }
            if ((state & CLOSING) != 0) {
                if ((state & CLOSED) == 0 || (state & ENDED) != 0) {
                    return;
                }
                if (!isGoodbyeDue(state) && connection.advance(state, ENDED)) { // I5
                    end();
                    return;
                }
            }
        } while ((state & CLOSING) != 0);
        if ((state & READY) == 0) {
            return;
        }
        if (handler != null && connection.inbound().isDue()) {
            runHandler(); // what has arrived is handled first
            return;
        }
        // A peer that hung up behind bytes that nobody wants has ended, too.
        boolean gone = (state & PEER_ENDED) != 0
                || ((state & PEER_GONE) != 0 && connection.inbound().isStalled());
        boolean peerEnded = gone && closesItself((state & BROKEN) != 0);
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
                && connection.outbound().unsent() == 0
                && connection.transport().peek() <= 0;
    }

    private boolean isGoodbyeDue(int state) {
        return connection.config().disconnect() != null
                && (state & PEER_ENDED) != 0
                && (state & (READY | DISCONNECTED)) == READY;
    }

    private void sayGoodbye() {
        ConnectionHandler disconnect = connection.config().disconnect();
        if (disconnect == null
                || !isGoodbyeDue(connection.state())
                || !connection.add(DISCONNECTED | DISCONNECTING, DISCONNECTED | ENDED)) {
            return;
        }
        CallbackRunner.dispatch(connection, () -> {
            CallbackRunner.call(connection, disconnect);
            if (!connection.has(RUNNING)) {
                leaveSides();
            }
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
        connection.stopTimer();
        if (connection.inLoop()) {
            connection.loop().remove(connection);
        }
        connection.add(CLOSED);
        connection.connectEnds();
        connection.outbound().closedOnLoop();
        connection.inbound().wake();
    }

    private void end() {
        connection.inbound().end();
        connection.outbound().end();
        connection.loop().unassign();
        Orphans.adopt(connection);
        CloseCallbacks last = CloseCallbacks.take(this);
        if (last == null) {
            connection.config().ended().run();
            return;
        }
        CallbackRunner.dispatch(connection, () -> {
            for (CloseCallbacks e = last; e != null; e = e.next()) {
                CallbackRunner.call(connection, e.callback());
            }
            connection.config().ended().run();
        });
    }

    /** Something failed on the loop that should not: gives the connection up. */
    void fault(Throwable error) {
        CallbackRunner.report(connection, error);
        connection.closeFor("internal error", true);
    }

    void addCloseCallback(ConnectionHandler callback) {
        if (!CloseCallbacks.add(this, callback)) {
            CallbackRunner.call(connection, callback);
        }
    }
}

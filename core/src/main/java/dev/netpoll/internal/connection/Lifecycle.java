// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.ABORTING;
import static dev.netpoll.internal.connection.ConnectionState.BROKEN;
import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CLOSING;
import static dev.netpoll.internal.connection.ConnectionState.DETACHING;
import static dev.netpoll.internal.connection.ConnectionState.DISCONNECTING;
import static dev.netpoll.internal.connection.ConnectionState.DRAINING;
import static dev.netpoll.internal.connection.ConnectionState.ENDED;
import static dev.netpoll.internal.connection.ConnectionState.HANDED_END;
import static dev.netpoll.internal.connection.ConnectionState.HANDED_GOODBYE;
import static dev.netpoll.internal.connection.ConnectionState.HANDED_PREPARE;
import static dev.netpoll.internal.connection.ConnectionState.HANDED_RUN;
import static dev.netpoll.internal.connection.ConnectionState.HANDLER_SET;
import static dev.netpoll.internal.connection.ConnectionState.LINGERING;
import static dev.netpoll.internal.connection.ConnectionState.LIVE;
import static dev.netpoll.internal.connection.ConnectionState.PEER_ENDED;
import static dev.netpoll.internal.connection.ConnectionState.PEER_GONE;
import static dev.netpoll.internal.connection.ConnectionState.PREPARED;
import static dev.netpoll.internal.connection.ConnectionState.PREPARING;
import static dev.netpoll.internal.connection.ConnectionState.READY;
import static dev.netpoll.internal.connection.ConnectionState.RUNNING;
import static dev.netpoll.internal.connection.ConnectionState.STARTING;
import static dev.netpoll.internal.connection.ConnectionState.START_TRIED;

import dev.netpoll.ConnectionHandler;
import dev.netpoll.internal.base.StackRoom;
import dev.netpoll.internal.loop.Activation;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.loop.Fairness;
import dev.netpoll.internal.loop.Relief;
import dev.netpoll.internal.loop.Spares;
import dev.netpoll.internal.poll.Errno;
import dev.netpoll.internal.poll.TransportException;
import java.io.IOException;
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

    /** Whether runs were late, for {@link Pace}. Holder of RUNNING only. */
    private short record;

    Lifecycle(SocketConnection connection) {
        this.connection = connection;
        this.handler = connection.config().request();
    }

    // ---- start ----

    /**
     * Starts an accepted or adopted connection: onPrepare, registration, onConnect. Any thread, once. Allocates
     * nothing: from here on the loop sees to it that it lives or ends.
     */
    public void start() {
        connection.add(RUNNING | STARTING);
        connection.signal();
    }

    /** As {@link #start} for one that only has to end. After an Error it may be called again. */
    void startToEnd() {
        connection.add(CLOSING | ABORTING);
        start();
    }

    /** <i>Loop.</i> The first look at it. If an Error interrupts that, the second gives it up. */
    void startOnLoop() {
        if (!connection.add(START_TRIED)) {
            giveUp();
        } else if (!connection.loop().isRunning()) {
            giveUp(); // the loop is about to end
        } else if (connection.config().prepare() == null) {
            register();
        } else {
            enter();
        }
        connection.remove(STARTING);
    }

    /** onPrepare comes first, on whatever thread; until it has ended, and if it never does, the loop can close. */
    private void enter() {
        if (connection.has(CLOSING) || !connection.inLoop()) {
            giveUp();
            return;
        }
        try {
            connection.loop().add(connection);
        } catch (Throwable t) {
            startFailed(t);
            return;
        }
        CallbackRunner.handOut(connection, HANDED_PREPARE);
    }

    /** <i>Loop.</i> A signal came before it lives: its end may be due, though onPrepare has not ended. */
    void signalledEarly() {
        int state = connection.state();
        boolean detaches = (state & (DETACHING | ABORTING)) == DETACHING;
        if ((state & (CLOSING | CLOSED)) == CLOSING && !detaches) {
            release((state & ABORTING) != 0);
        }
    }

    /** Calls what was handed out; see {@link CallbackRunner}. */
    void perform(int handed) {
        switch (handed) {
            case HANDED_PREPARE -> prepare();
            case HANDED_RUN -> run(null);
            case HANDED_GOODBYE -> Goodbye.call(connection);
            case HANDED_END -> CloseCallbacks.callAll(this, connection);
            default -> throw new AssertionError(handed);
        }
    }

    private void prepare() {
        ConnectionHandler prepare = connection.config().prepare();
        try {
            if (prepare != null && !connection.has(CLOSING)) {
                connection.add(PREPARING);
                CallbackRunner.call(connection, prepare);
            }
        } finally {
            connection.remove(PREPARING);
            connection.add(PREPARED);
            connection.signal();
        }
    }

    /** <i>Loop.</i> onPrepare has ended. */
    void prepared() {
        if (connection.has(LIVE)) {
            openDialed();
        } else {
            register();
        }
    }

    /** Starts a dialed connection, which is registered already; loop. Tells when it is ready, or why it will not be. */
    void startDialed(SocketConnection.ConnectEvents ready) {
        connection.add(RUNNING);
        connection.startTimer();
        if (connection.config().prepare() == null) {
            open();
            ready.connected(0);
        } else {
            connection.await(ready);
            CallbackRunner.handOut(connection, HANDED_PREPARE);
        }
    }

    /** The onPrepare of a dialed connection has ended; loop. */
    private void openDialed() {
        SocketConnection.ConnectEvents ready = connection.await(null); // an end that comes now is no failure to connect
        int errno = connection.has(CLOSING) || !connection.inLoop() ? Errno.ECONNABORTED : 0;
        try {
            if (errno == 0) {
                open();
            } else {
                giveUp();
            }
        } catch (Throwable t) {
            errno = Errno.ECONNABORTED;
            startFailed(t);
        }
        if (ready != null) {
            ready.connected(errno);
        }
    }

    /** It is ready: runs of the handler may begin. The caller, on the loop, holds RUNNING. */
    private void open() {
        connection.add(READY, CLOSING);
        Goodbye.say(connection);
        if (handler == null || !connection.inbound().hold()) {
            connection.remove(RUNNING);
            settle();
        } else if (endRun(true)) {
            dispatchRun();
        } else {
            settle();
        }
    }

    private void register() {
        int state = connection.state(); // once: detaching sets two bits
        if ((state & (DETACHING | ABORTING)) == DETACHING) { // its socket is taken out before anything came in
            connection.remove(RUNNING);
            settle();
            return;
        }
        if ((state & CLOSING) != 0 || !connection.inLoop()) { // rejected by onPrepare, or the loop has ended
            giveUp();
            return;
        }
        try {
            if (connection.config().prepare() == null) { // else it was added before
                connection.loop().add(connection);
            }
            connection.inbound().updatePaused(); // what an adopted one brings along may be enough
            connection.loop().poller().register(connection.transport(), connection);
            connection.add(LIVE);
            connection.startTimer();
            connection.config().ending().apply(connection);
            if (connection.config().connect() == null) {
                open();
            } else {
                CallbackRunner.handOut(connection, HANDED_RUN);
            }
            connection.remove(STARTING);
            connection.signalled(); // what was asked for before it lived
        } catch (TransportException e) {
            connection.noteErrno(e.errno());
            giveUp();
        } catch (Throwable t) {
            giveUp();
            CallbackRunner.reportLater(connection, t);
        }
    }

    /** It cannot even be handed to its loop. */
    void startFailed(Throwable error) {
        try {
            giveUp();
        } finally {
            CallbackRunner.reportLater(connection, error);
        }
    }

    /** It never came to live, and ends. */
    public void giveUp() {
        connection.add(CLOSING);
        connection.remove(RUNNING);
        release(connection.has(ABORTING));
    }

    // ---- runs of onConnect and onRequest, by the holder of RUNNING ----

    void setHandler(ConnectionHandler replacement) {
        connection.add(HANDLER_SET); // first: what has a handler closes itself, but not before that has run
        handler = replacement;
        connection.add(HANDLER_SET); // again: a run that began in between has taken it to mean the handler before
        if (connection.has(READY)) {
            connection.signal();
        }
    }

    /** {@return whether there is a handler, which is run when bytes are due} Any thread. */
    boolean hasHandler() {
        return handler != null;
    }

    /** A thread that read without a run has left the inbound side, and may have kept a run out. */
    void readerLeft() {
        if (isRunDue()) {
            connection.signal();
        }
    }

    /** <i>Holder of RUNNING.</i> The run that begins is that of the handler set last. */
    private void forgetHandlerSet() {
        if (connection.has(HANDLER_SET)) {
            connection.remove(HANDLER_SET);
        }
    }

    /** {@return whether a run is due, though it may have to wait for something} The first of a handler always is. */
    private boolean isRunDue() {
        return handler != null
                && (connection.has(HANDLER_SET) || connection.inbound().isDue());
    }

    /** {@return whether a run of the handler may begin as far as its output is concerned} */
    private boolean isOutputClear() {
        return connection.config().pace() == null || !connection.outbound().isStuck();
    }

    /** Starts a run of the handler unless one is running, or the time for runs has not come or is over. */
    void runHandler() {
        if (handler == null || connection.has(CLOSING) || !isOutputClear()) {
            return;
        }
        boolean inline = connection.config().inline();
        if (inline && !connection.inLoop()) {
            connection.signal();
            return;
        }
        if (inline && holdBack()) {
            return;
        }
        int state = connection.state();
        while ((state & (READY | RUNNING | CLOSING)) == READY) {
            if (connection.advance(state, RUNNING)) {
                startRun();
                return;
            }
            state = connection.state();
        }
    }

    /** The caller has RUNNING. */
    private void startRun() {
        try {
            forgetHandlerSet();
            if (heldBack || connection.inbound().isFrameWhole()) {
                dispatchRun();
                return;
            }
        } catch (Throwable t) {
            connection.remove(RUNNING);
            throw t;
        }
        connection.remove(RUNNING);
        settle(); // also finds that the rest of the frame came meanwhile
    }

    /** Has the run begin where the handler runs. The caller holds RUNNING. */
    private void dispatchRun() {
        if (connection.inLoop() && isOfLoop()) {
            connection.loop().add(this);
        } else {
            CallbackRunner.handOut(connection, HANDED_RUN);
        }
    }

    /** {@return whether runs begin on the loop} */
    private boolean isOfLoop() {
        return connection.config().inline() || connection.config().pace() != null;
    }

    @Override
    public boolean isInline() {
        Pace pace = connection.config().pace();
        return pace == null || (pace.isInline(record) && connection.loop().hasReserve());
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
        return connection.outbound().hurry();
    }

    /** Sets {@link #throttled}; {@return whether too much output waits for the handler to run} */
    private boolean holdBack() {
        throttled = true; // first: output that is gone from now on tells us
        throttled = !connection.outbound().isWritable();
        return throttled;
    }

    /** One or more runs, until none is due or the loop goes on in its next turn. The caller holds RUNNING. */
    @Override
    public void run(@Nullable Spares spares) {
        boolean holds = true;
        long since = 0;
        try {
            do {
                for (int left = Fairness.RUNS; holds && left > 0; left--) {
                    connection.lend(spares);
                    holds = connection.inbound().hold() ? runOnce() : yieldToReader();
                }
                connection.outbound().sendKept();
                if (connection.outbound().isWrecked()) {
                    connection.giveUp(); // here is stack to say so
                }
                if (!holds) {
                    settle();
                    return;
                }
                since = Fairness.giveWay(connection.loop(), this, connection.inLoop() && isOfLoop(), since);
            } while (since != Fairness.LATER);
        } catch (Throwable t) { // not the user's: what callbacks throw is contained below
            failRun(t, holds);
        }
    }

    /** {@return whether another run is due, for which the caller holds RUNNING} */
    private boolean runOnce() {
        boolean begun = true;
        if (connection.has(READY)) {
            begun = runRequest();
        } else {
            ConnectionHandler connect = connection.config().connect();
            if (connect != null && !connection.has(CLOSING)) {
                CallbackRunner.call(connection, connect);
            }
            connection.add(READY, CLOSING);
            Goodbye.say(connection); // it may cancel the run that follows
        }
        return endRun(begun);
    }

    /** Another thread reads. When it has left, {@link #readerLeft} asks for the run again. */
    private boolean yieldToReader() {
        connection.lend(null);
        boolean fresh = handler != lastRan; // its first run is due in any case
        if (fresh) {
            connection.add(HANDLER_SET);
        }
        connection.remove(RUNNING);
        boolean due = fresh || connection.inbound().isDue();
        return due && !connection.inbound().isUsed() && handler != null && takeRunning();
    }

    private boolean takeRunning() {
        int state = connection.state();
        return (state & (READY | RUNNING | CLOSING)) == READY && connection.advance(state, RUNNING);
    }

    /** An Error came between two callbacks: gives RUNNING back first, then the connection up. */
    private void failRun(Throwable error, boolean holds) {
        connection.lend(null);
        if (connection.inbound().isUser()) {
            connection.inbound().letGo();
        }
        if (holds) {
            connection.remove(RUNNING);
        }
        try {
            fault(error);
        } finally {
            settle(); // it may have been closed meanwhile, and waits for the end of the run
        }
    }

    /** <i>Loop.</i> A handler has been told that too much output waits: it may return, and is run again afterwards. */
    void foundUnwritable() {
        heldBack = connection.has(RUNNING);
    }

    private boolean runRequest() {
        forgetHandlerSet(); // before looking, so that who is set from now on is seen later
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
            connection.closeFor(EndReason.FRAME_REFUSED, false);
            CallbackRunner.report(connection, connection.inbound().refusal(frames));
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
            record = pace.ranOnThread(begin, record);
        } else {
            boolean timed = Pace.isSample(loop.runs());
            long begin = timed ? pace.now() : 0;
            long loan = loop.lend(this);
            boolean held = false;
            try {
                CallbackRunner.call(connection, current);
            } finally {
                held = loop.reclaim(loan);
            }
            if (!held) {
                record = Pace.late(record);
            } else if (timed) {
                pace.ranInline(begin);
            }
        }
    }

    /** Ends a run and gives RUNNING back; true if this thread holds it again, because another run is due. */
    private boolean endRun(boolean begun) {
        ConnectionHandler next = handler;
        boolean ended = false;
        try {
            if (begun) {
                connection.touch();
                IOException failure = connection.outbound().flushAtEnd();
                if (connection.config().inline()) {
                    holdBack();
                }
                endInbound(next);
                if (failure != null) {
                    CallbackRunner.fail(connection, failure);
                }
            }
            ended = true;
        } finally {
            connection.inbound().letGo();
            connection.lend(null);
            if (ended) {
                connection.remove(RUNNING);
            } // else failRun does
        }
        ConnectionHandler latest = handler; // one that was set meanwhile found us running
        boolean due = latest != null
                && isOutputClear()
                && (heldBack || latest != next || connection.inbound().isDue());
        return due && !throttled && takeRunning();
    }

    private void endInbound(@Nullable ConnectionHandler next) {
        if (next == null) {
            connection.inbound().endUnhandled();
        } else if (connection.inbound().isFramed() && !heldBack) {
            connection.inbound().endFrame();
        } else {
            connection.inbound().endRun(next != lastRan || heldBack);
        }
    }

    /** The output has drained; loop. */
    void drained() {
        if (connection.has(LINGERING)) {
            closeOnLoop(false);
        } else {
            if (throttled) {
                runHandler();
            }
            if (connection.has(DRAINING | PEER_ENDED) || isRunDue()) {
                settle();
            }
        }
    }

    /** <i>Loop.</i> Goes on with what other threads have asked for. */
    void signalled() {
        if (connection.has(CLOSING) && !connection.has(CLOSED)) {
            closeOnLoop(connection.has(ABORTING));
        }
        if (throttled || connection.has(HANDLER_SET)) {
            runHandler();
        }
        settle();
    }

    // ---- what happens next ----

    /** Decides what happens next, after something has changed. Any thread. */
    void settle() {
        int state;
        do {
            Goodbye.say(connection);
            state = connection.state();
            if ((state & (RUNNING | DISCONNECTING | ENDED)) != 0) {
                return; // they settle at their end
            }
            if ((state & CLOSING) != 0 && (state & CLOSED) == 0) {
                return; // the loop settles when it has closed the socket
            }
            if (isOver(state) && !Goodbye.isDue(connection, state) && connection.advance(state, ENDED)) { // I5
                ConnectionEnd.come(connection);
                return;
            }
        } while (isOver(state));
        if ((state & READY) == 0) {
            return;
        }
        if (isRunDue()) {
            if (!connection.inbound().isUsedByOther()) { // B4
                runHandler(); // what has arrived is handled first; or when the output is gone, see drained()
            }
            return;
        }
        if (isEndDue(state)) {
            closeAlone(state);
        }
    }

    /** Closes while no run can begin, if that is still due then: one may have begun, and ended, since the look. */
    private void closeAlone(int state) {
        boolean closes = false;
        if (connection.advance(state, RUNNING)) {
            try {
                closes = !isRunDue() && isEndDue(connection.state()) && connection.add(CLOSING);
            } finally {
                connection.remove(RUNNING);
            }
        }
        if (closes) {
            wakeAll();
            goOnClosing(false);
        } else {
            settle();
        }
    }

    /** {@return whether nobody wants anything any more, and it closes itself} */
    private boolean isEndDue(int state) {
        // A peer that hung up behind bytes that nobody wants has ended, too.
        boolean gone = (state & PEER_ENDED) != 0
                || ((state & PEER_GONE) != 0 && connection.inbound().isStalled());
        boolean peerEnded = gone && !connection.has(HANDLER_SET) && closesItself((state & BROKEN) != 0);
        return (peerEnded || (state & DRAINING) != 0) && isIdle(peerEnded);
    }

    /** {@return whether nothing can happen any more: it is closed, or it broke and nobody here closes it} */
    private boolean isOver(int state) {
        return (state & CLOSED) != 0 && ((state & CLOSING) != 0 || ((state & BROKEN) != 0 && !closesItself(true)));
    }

    private boolean closesItself(boolean broken) {
        ConnectionConfig config = connection.config();
        return (config.unowned() || handler != null)
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

    // ---- end ----

    /** Asks to close as soon as nothing is being worked on; any thread. */
    public void drain() {
        connection.add(DRAINING);
        connection.signal();
    }

    /**
     * A user asks for the end; any thread. The loop closes, and not this thread, also if it is the loop's: a handler's
     * stack may be nearly used up. Allocates nothing.
     */
    void ask(boolean abort) {
        StackRoom.needSome();
        if (begin(abort)) {
            connection.signal();
        }
    }

    /** The end is due; any thread. On the loop it comes at once. Allocates nothing. */
    void close(boolean abort) {
        if (begin(abort)) {
            goOnClosing(abort);
        }
    }

    private void goOnClosing(boolean abort) {
        if (connection.inLoop() && connection.has(LIVE)) {
            closeOnLoop(abort);
        } else {
            connection.signal();
        }
    }

    /** {@return whether the socket has yet to be closed} */
    private boolean begin(boolean abort) {
        boolean first = connection.add(abort ? CLOSING | ABORTING : CLOSING);
        if (!first && connection.has(CLOSED)) { // not if it was only asked for: an Error may have come between then
            return false;
        }
        wakeAll();
        return true;
    }

    private void wakeAll() {
        connection.inbound().wake();
        connection.outbound().wake();
    }

    private void closeOnLoop(boolean abort) {
        if (connection.has(DETACHING) && !abort) {
            return; // the socket is about to be handed over
        }
        if (abort || !connection.outbound().owesBytes()) {
            release(abort);
        } else if (connection.add(LINGERING)) {
            connection.transport().pauseReading();
            connection.timer().linger(connection.outbound().timeoutNanos());
        }
    }

    /**
     * Releases the socket; loop. A run that an executor was given and has not begun finds nothing to do any more. So
     * the end does not wait for it: the executor may never run it.
     */
    void release(boolean abort) {
        try {
            if (!connection.has(CLOSED)) {
                closeTransport(abort);
            }
        } finally {
            if (connection.has(CLOSING) && connection.remove(HANDED_PREPARE | HANDED_RUN)) {
                connection.remove(RUNNING);
            }
            settle();
        }
    }

    private void closeTransport(boolean abort) {
        try {
            connection.localAddress(); // the transport remembers it for close callbacks and messages
        } finally {
            try {
                connection.transport().close(abort);
            } finally {
                leaveLoop();
            }
        }
    }

    /** <i>Loop.</i> The socket is gone. As long as CLOSED is not set, closing is tried again, and so this. */
    void leaveLoop() {
        connection.stopTimer();
        if (connection.inLoop()) {
            connection.loop().remove(connection);
        }
        connection.unassign();
        connection.add(CLOSED);
        try {
            connection.connectEnds();
        } finally {
            try {
                connection.outbound().closedOnLoop();
            } finally {
                connection.inbound().wake();
            }
        }
    }

    /** Something failed on the loop that should not: gives the connection up, then tells. */
    void fault(Throwable error) {
        connection.closeFor(EndReason.INTERNAL_ERROR, true);
        CallbackRunner.reportLater(connection, error);
    }

    void addCloseCallback(ConnectionHandler callback) {
        if (!CloseCallbacks.add(this, callback)) {
            CallbackRunner.call(connection, callback);
        }
    }
}

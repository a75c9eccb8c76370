// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.BROKEN;
import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CLOSING;
import static dev.netpoll.internal.connection.ConnectionState.HANDED_RUN;
import static dev.netpoll.internal.connection.ConnectionState.HANDLER_SET;
import static dev.netpoll.internal.connection.ConnectionState.READY;
import static dev.netpoll.internal.connection.ConnectionState.RUNNING;

import dev.netpoll.ConnectionHandler;
import dev.netpoll.internal.loop.Activation;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.loop.Fairness;
import dev.netpoll.internal.loop.Relief;
import dev.netpoll.internal.loop.Spares;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Decides when the handler of a connection is run, and runs it: onConnect first, then onRequest, one run at a time.
 *
 * <p>A run is due when the peer's bytes are there that the last one left to be waited for ({@link Inbound#isDue}), or
 * when a handler was set that has not run. It waits while the output of the one before is not gone, while another
 * thread reads (B4), or while inline handlers have too much output waiting. The thread that finds a run due takes
 * RUNNING in the state word, and its holder has the reading side until it gives RUNNING back; see
 * {@link ConnectionState}.
 *
 * <p>It is itself what is run, so that starting a run allocates nothing.
 */
abstract class Runs implements Activation {
    final SocketConnection connection;

    private volatile @Nullable ConnectionHandler handler;

    /** The handler that ran last. Holder of RUNNING only. */
    private @Nullable ConnectionHandler lastRan;

    /** Whether the handler was not run, or returned, because too much output waits. Loop only, inline only. */
    private boolean throttled;

    /** Whether the last run found that too much output waits, so that it must go on. Loop only, inline only. */
    private boolean heldBack;

    /** Whether runs were late, for {@link Pace}. Holder of RUNNING only. */
    private short record;

    Runs(SocketConnection connection) {
        this.connection = connection;
        this.handler = connection.config().request();
    }

    /** Decides what happens next, after something has changed. */
    abstract void settle();

    /** Something failed that should not: gives the connection up, then tells. */
    abstract void fault(Throwable error);

    // ---- the handler ----

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
    final boolean isRunDue() {
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

    // ---- for what happens next ----

    /** It is ready: runs of the handler may begin. The caller, on the loop, holds RUNNING. */
    final void open() {
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

    /** The output has drained: what waited for that may go on. */
    final void goOnThrottled() {
        if (throttled) {
            runHandler();
        }
    }

    /** {@return whether the handler waits until output is gone, which it will be} */
    final boolean isThrottled() {
        return throttled && !connection.has(BROKEN | CLOSED);
    }
}

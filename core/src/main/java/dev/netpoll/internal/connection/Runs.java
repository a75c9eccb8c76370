// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.CLOSING;
import static dev.netpoll.internal.connection.ConnectionState.ENDED;
import static dev.netpoll.internal.connection.ConnectionState.HANDED_RUN;
import static dev.netpoll.internal.connection.ConnectionState.HANDLER_SET;
import static dev.netpoll.internal.connection.ConnectionState.READY;
import static dev.netpoll.internal.connection.ConnectionState.RUNNING;

import dev.netpoll.ConnectionHandler;
import dev.netpoll.FrameTooLargeException;
import dev.netpoll.internal.loop.Activation;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.loop.Fairness;
import dev.netpoll.internal.loop.Relief;
import dev.netpoll.internal.loop.Spares;
import dev.netpoll.internal.transport.Transport;
import org.jspecify.annotations.Nullable;

/**
 * Runs the callbacks of a connection: onConnect first, then the handler, one run at a time, as {@link Due} decides.
 *
 * <p>The thread that finds a run due takes RUNNING in the state word, and holds the reading side until it gives RUNNING
 * back; see {@link ConnectionState}. The loop and executors run this object itself, so that starting a run allocates
 * nothing.
 */
abstract class Runs extends Due implements Activation, Runnable {
    /** Whether runs were late, for {@link Pace}. Holder of RUNNING only. */
    private short record;

    Runs(EventLoop loop, Transport transport, ConnectionConfig config) {
        super(loop, transport, config);
    }

    /** Decides what happens next, after something has changed. */
    abstract void settle();

    /** Calls the callback that was handed out; see {@link CallbackRunner}. */
    abstract void perform(int handed);

    @Override
    final boolean isHeldByRun() {
        return inbound.isHeld();
    }

    // ---- starting a run ----

    /** Starts a run of the handler, unless one is running or the connection is not READY or is CLOSING. */
    @Override
    final void runHandler() {
        if (!hasHandler() || has(CLOSING | ENDED) || !isOutputClear()) {
            return;
        }
        boolean inline = config().inline();
        if (inline && !inLoop()) {
            signal();
            return;
        }
        if (inline && holdBack()) {
            return;
        }
        int state = state();
        while (mayRun(state)) {
            if (advance(state, RUNNING)) {
                startRun();
                return;
            }
            state = state();
        }
    }

    /** The caller has RUNNING. */
    private void startRun() {
        try {
            forgetHandlerSet();
            if (canBegin() || isInputEndDue()) {
                dispatchRun();
                return;
            }
        } catch (Throwable t) {
            remove(RUNNING);
            throw t;
        }
        remove(RUNNING);
        settle(); // also notices if the rest of the frame came meanwhile
    }

    /** Dispatches the run to where the handler runs. The caller holds RUNNING. */
    private void dispatchRun() {
        if (inLoop() && isOfLoop()) {
            loop().addDue(this);
        } else {
            CallbackRunner.handOut(this, HANDED_RUN);
        }
    }

    /** {@return whether runs begin on the loop} */
    private boolean isOfLoop() {
        return config().inline() || config().pace() != null;
    }

    @Override
    public final boolean isInline() {
        Pace pace = config().pace();
        return pace == null || (pace.isInline(record) && loop().hasReserve());
    }

    @Override
    public final void relieved(Relief cause) {
        Pace pace = config().pace();
        if (pace != null) {
            pace.relieved(cause);
        }
        outbound.sendKept();
    }

    @Override
    public final boolean beforeBlocking() {
        return outbound.hurry();
    }

    // ---- a run ----

    /** One or more runs, until none is due or the loop continues them in its next turn. The caller holds RUNNING. */
    @Override
    public final void run(@Nullable Spares spares) {
        boolean holds = true;
        long since = 0;
        try {
            do {
                for (int left = Fairness.RUNS; holds && left > 0; left--) {
                    lend(spares);
                    holds = inbound.hold() ? runOnce() : yieldToReader();
                }
                outbound.sendKept();
                if (outbound.isWrecked()) {
                    giveUp(); // here is enough stack for it
                }
                if (!holds) {
                    settle();
                    return;
                }
                since = Fairness.giveWay(loop(), this, inLoop() && isOfLoop(), since);
            } while (since != Fairness.LATER);
        } catch (Throwable t) { // an internal failure: exceptions of callbacks are caught below
            failRun(t, holds);
        }
    }

    /** {@return whether another run is due, for which the caller holds RUNNING} */
    private boolean runOnce() {
        boolean begun = true;
        if (has(READY)) {
            begun = runRequest();
        } else {
            ConnectionHandler connect = config().connect();
            if (connect != null && !has(CLOSING)) {
                CallbackRunner.call(this, connect);
            }
            add(READY, CLOSING);
            Goodbye.say(this); // may cancel the run that follows
        }
        return finishRun(begun);
    }

    /** Another thread reads. When it leaves, {@link #readerLeft} asks for the run again. */
    private boolean yieldToReader() {
        lend(null);
        boolean first = isNew(handler()); // its first run is due in any case
        if (first) {
            add(HANDLER_SET);
        }
        remove(RUNNING);
        boolean due = first || inbound.hasCome() || isInputEndDue();
        return due && !inbound.isUsed() && hasHandler() && takeRunning();
    }

    private boolean takeRunning() {
        int state = state();
        return mayRun(state) && advance(state, RUNNING);
    }

    /** {@return whether a run may begin in that state} I6 */
    private static boolean mayRun(int state) {
        return (state & (READY | RUNNING | CLOSING | ENDED)) == READY;
    }

    /** An Error came between two callbacks: gives RUNNING back, then aborts the connection. */
    private void failRun(Throwable error, boolean holds) {
        lend(null);
        if (inbound.isUser()) {
            inbound.letGo();
        }
        if (holds) {
            remove(RUNNING);
        }
        try {
            fault(error);
        } finally {
            settle(); // a close may be waiting for the end of the run
        }
    }

    /** {@return whether a run has begun} */
    private boolean runRequest() {
        forgetHandlerSet(); // first: a handler set from now on is seen later
        ConnectionHandler current = handler();
        boolean goesOn = goesOn();
        if (current == null || has(CLOSING)) {
            return false;
        }
        if (!beginRun(current)) {
            return runInputEnd();
        }
        FrameTooLargeException refusal = refusal();
        if (refusal != null) {
            // as a handler: the error handler may block as well
            callHandler(_ -> CallbackRunner.end(this, EndReason.FRAME_REFUSED, refusal));
        } else if (goesOn || inbound.unread() > 0) {
            callHandler(current);
        }
        return true;
    }

    /** {@return whether it was due} */
    private boolean runInputEnd() {
        ConnectionHandler inputEnd = config().inputEnd();
        if (inputEnd == null || !isInputEndDue()) {
            return false;
        }
        beginInputEnd();
        callHandler(inputEnd);
        endInputEnd();
        return true;
    }

    private void callHandler(ConnectionHandler current) {
        Pace pace = config().pace();
        if (pace == null) {
            CallbackRunner.call(this, current);
        } else {
            callHandler(current, pace);
        }
    }

    private void callHandler(ConnectionHandler current, Pace pace) {
        EventLoop loop = loop();
        if (!loop.inLoop()) {
            loop.stir();
            long begin = pace.now();
            CallbackRunner.call(this, current);
            record = pace.ranOnThread(begin, record);
        } else {
            boolean timed = Pace.isSample(loop.runs());
            long begin = timed ? pace.now() : 0;
            long loan = loop.lend(this);
            boolean held = false;
            try {
                CallbackRunner.call(this, current);
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
    private boolean finishRun(boolean begun) {
        ConnectionHandler next = handler();
        boolean ended = false;
        try {
            if (begun) {
                touch();
                Exception failure = outbound.flushAtEnd();
                if (config().inline()) {
                    holdBack();
                }
                endRun(next);
                if (failure != null) {
                    callHandler(_ -> CallbackRunner.fail(this, failure)); // as above
                }
            }
            ended = true;
        } finally {
            inbound.letGo();
            lend(null);
            if (ended) {
                remove(RUNNING);
            } // else failRun does
        }
        return isDueAgain(next) && takeRunning();
    }

    // ---- for what happens next ----

    /** The connection is READY: runs of the handler may begin. The caller, on the loop, holds RUNNING. */
    final void open() {
        add(READY, CLOSING);
        Goodbye.say(this);
        if (!hasHandler() || !inbound.hold()) {
            remove(RUNNING);
            settle();
        } else if (finishRun(true)) {
            dispatchRun();
        } else {
            settle();
        }
    }

    /** Output has drained: starts a run that waited for that. */
    final void goOnThrottled() {
        if (isHeldForOutput()) {
            runHandler();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.ABORTING;
import static dev.netpoll.internal.connection.ConnectionState.BROKEN;
import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CLOSING;
import static dev.netpoll.internal.connection.ConnectionState.CUT;
import static dev.netpoll.internal.connection.ConnectionState.DETACHING;
import static dev.netpoll.internal.connection.ConnectionState.DISCONNECTING;
import static dev.netpoll.internal.connection.ConnectionState.DRAINING;
import static dev.netpoll.internal.connection.ConnectionState.ENDED;
import static dev.netpoll.internal.connection.ConnectionState.HANDED_PREPARE;
import static dev.netpoll.internal.connection.ConnectionState.HANDED_RUN;
import static dev.netpoll.internal.connection.ConnectionState.HANDLER_SET;
import static dev.netpoll.internal.connection.ConnectionState.LINGERING;
import static dev.netpoll.internal.connection.ConnectionState.LIVE;
import static dev.netpoll.internal.connection.ConnectionState.PEER_ENDED;
import static dev.netpoll.internal.connection.ConnectionState.PEER_GONE;
import static dev.netpoll.internal.connection.ConnectionState.READY;
import static dev.netpoll.internal.connection.ConnectionState.RUNNING;

import dev.netpoll.ConnectionHandler;
import dev.netpoll.internal.base.StackRoom;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.Transport;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Decides what happens next on a connection, and ends it. {@link #settle} makes these decisions, and nothing else does;
 * all code that changes something it depends on calls it. {@link ConnectionState} describes the state word and its
 * rules.
 *
 * <p>After ENDED the connection frees what it holds, then calls its close callbacks: see {@link CloseCallbacks}.
 */
abstract class Ending extends Runs {
    /** For {@link CloseCallbacks}. */
    volatile @Nullable CloseCallbacks closeCallbacks;

    /** Whether the loop counts this connection. Loop only. */
    private boolean assigned = true;

    Ending(EventLoop loop, Transport transport, ConnectionConfig config) {
        super(loop, transport, config);
    }

    /** <i>Loop.</i> Reports the result of a connect in progress to its caller, if one still waits. */
    abstract void connectEnds(int errno);

    // ---- what happens next ----

    @Override
    final void drained() {
        if (has(CLOSED)) {
            return;
        }
        if (has(LINGERING)) {
            closeOnLoop();
        } else {
            goOnThrottled();
            if (has(DRAINING | PEER_ENDED) || isRunDue()) {
                settle();
            }
        }
    }

    /** <i>Loop.</i> Does what other threads have asked for. */
    final void goOn() {
        if (has(CLOSING) && (!has(CLOSED) || isResident())) {
            closeOnLoop();
        }
        if (has(ENDED)) {
            leaveResidents();
        }
        goOnThrottled();
        if (has(HANDLER_SET)) {
            runHandler();
        }
        settle();
    }

    /** Decides what happens next, after something has changed. Any thread. */
    @Override
    final void settle() {
        int state;
        do {
            Goodbye.say(this);
            state = state();
            if ((state & (RUNNING | DISCONNECTING | ENDED)) != 0) {
                return; // they settle at their end
            }
            if ((state & CLOSING) != 0 && (state & CLOSED) == 0) {
                return; // the loop settles when it has closed the socket
            }
            if (isOver(state) && !Goodbye.isDue(this, state) && advance(state, ENDED)) { // I5
                if ((state & BROKEN) != 0) {
                    boolean _ = loop.signal(this); // it may be resident still; a loop that has ended has no residents
                }
                CloseCallbacks.comeToEnd(this);
                return;
            }
        } while (isOver(state));
        if ((state & READY) == 0) {
            return;
        }
        if (isRunDue()) {
            if (!inbound.isUsedByOther()) { // B3 of Delivery
                runHandler(); // handle what has arrived first; drained() retries if output holds the run back
            }
            return;
        }
        if (isEndDue(state) || isEndHeldBack(state)) {
            endAlone(state);
        }
    }

    /** Holds RUNNING so that no run can begin, and ends if that is still due: a run may have come and gone since. */
    private void endAlone(int state) {
        boolean closes = false;
        if (advance(state, RUNNING)) {
            try {
                int now = state(); // before the look for a run: bytes come before the end
                if (!isRunDue()) {
                    if (isEndHeldBack(now)) {
                        inbound.readToEnd();
                    } else {
                        closes = isEndDue(now) && beginToClose();
                    }
                }
            } finally {
                remove(RUNNING);
            }
        }
        if (closes) {
            wakeAll();
            goOnClosing();
        } else {
            settle();
        }
    }

    private boolean beginToClose() {
        if (!add(CLOSING)) {
            return false; // a user was first
        }
        EndReason inOrder = has(DRAINING) ? EndReason.SHUTDOWN : EndReason.PEER_FINISHED;
        recordEnd(has(BROKEN) ? EndReason.ofFailure(errno()) : inOrder);
        return true;
    }

    /** {@return whether the connection is idle and closes itself} */
    private boolean isEndDue(int state) {
        boolean peerEnded = (state & PEER_ENDED) != 0 && !has(HANDLER_SET) && closesItself((state & BROKEN) != 0);
        return (peerEnded || (state & DRAINING) != 0) && isIdle(peerEnded);
    }

    /** {@return whether the peer has ended, behind bytes that nobody is going to make room for} */
    private boolean isEndHeldBack(int state) {
        return (state & (PEER_GONE | PEER_ENDED | HANDLER_SET)) == PEER_GONE && hasHandler() && inbound.isStalled();
    }

    /** {@return whether nothing more can happen: it is closed, or it is broken and will not close itself} */
    private boolean isOver(int state) {
        return (state & CLOSED) != 0 && ((state & CLOSING) != 0 || ((state & BROKEN) != 0 && !closesItself(true)));
    }

    private boolean closesItself(boolean broken) {
        ConnectionConfig config = config();
        return (config.unowned() || hasHandler())
                && (broken || !config.options().allowHalfOpen());
    }

    private boolean isIdle(boolean peerEnded) {
        if (isThrottled()) {
            return false;
        }
        if (peerEnded || !hasHandler()) {
            return true;
        }
        return isConsumed() && outbound.unsent() == 0 && transport().peek() <= 0;
    }

    // ---- closing ----

    /** Closes the connection as soon as it is idle. Any thread. */
    public final void drain() {
        add(DRAINING);
        signal();
    }

    /** Its server shuts down and waits no longer: closes, by a reset if {@code abort}. Any thread. */
    public final void shutDown(boolean abort) {
        noteEnd(EndReason.SHUTDOWN);
        ask(abort);
    }

    /**
     * A user closes the connection; any thread. The loop does the work in a later step, even if this is its thread: a
     * handler's stack may be nearly used up. Allocates nothing.
     */
    final void ask(boolean abort) {
        StackRoom.needSome();
        if (begin(abort)) {
            signal();
        }
    }

    /** Closes the connection; any thread. On the loop it closes at once. Allocates nothing. */
    final void close(boolean abort) {
        if (begin(abort)) {
            goOnClosing();
        }
    }

    private void goOnClosing() {
        if (inLoop() && has(LIVE)) {
            closeOnLoop();
        } else {
            signal();
        }
    }

    /** {@return whether the socket is still to be closed} */
    private boolean begin(boolean abort) {
        boolean first = add(abort ? CLOSING | ABORTING : CLOSING);
        if (!first && has(ENDED)) { // less is not enough: an Error may have interrupted the close
            return false;
        }
        wakeAll();
        return true;
    }

    private void wakeAll() {
        inbound.wake();
        outbound.wake();
    }

    private void closeOnLoop() {
        boolean abort = has(ABORTING); // set by whichever thread
        if (has(DETACHING) && !abort) {
            return; // detaching is about to hand the socket over
        }
        if (!abort && !has(CLOSED) && !outbound.stopFlushes()) {
            return; // a thread is sending, and signals when it has
        }
        if (abort || !outbound.owesBytes()) {
            release();
        } else if (add(LINGERING)) {
            transport().pauseReading();
            timer().linger(outbound.timeoutNanos());
        }
    }

    /**
     * <i>Loop.</i> Releases the socket, by a reset if it is aborted, or if the peer must not take what it got for the
     * whole. A run that the executor has not begun finds nothing left to do. So the end does not wait for it: the
     * executor may never run it.
     */
    final void release() {
        try {
            if (!has(CLOSED)) {
                closeTransport(has(CUT | ABORTING) || outbound.leavesAPart());
            } else if (has(CLOSING)) {
                leaveResidents();
            }
        } finally {
            if (has(CLOSING) && remove(HANDED_PREPARE | HANDED_RUN)) {
                remove(RUNNING);
            }
            settle();
        }
    }

    private void closeTransport(boolean abort) {
        try {
            localAddress(); // the transport remembers it for close callbacks and messages
        } finally {
            try {
                transport().close(abort);
            } finally {
                leaveLoop();
            }
        }
    }

    /** <i>Loop.</i> The socket is gone. Until CLOSED is set, the loop retries closing, and this with it. */
    final void leaveLoop() {
        stopTimer();
        if (has(CLOSING)) { // otherwise it is broken, and runs may go on: the end of its server or group must find it
            leaveResidents();
        }
        if (assigned) {
            loop.unassign();
            assigned = false;
        }
        add(CLOSED);
        try {
            connectEnds(Errno.ECONNABORTED); // a connect in progress gets no other answer
        } finally {
            try {
                outbound.closedOnLoop();
            } finally {
                inbound.wake();
            }
        }
    }

    /** Leaves the residents of the loop, if the calling thread is the loop. Idempotent. */
    final void leaveResidents() {
        if (inLoop()) {
            loop().remove(this);
        }
    }

    // ---- giving up ----

    /** An internal failure on the loop: aborts the connection, then reports the failure. */
    @Override
    final void fault(Throwable error) {
        closeFor(EndReason.INTERNAL_ERROR, true);
        CallbackRunner.reportLater(this, error);
    }

    @Override
    final void giveUpMemory() {
        noteEnd(EndReason.MEMORY_HELD);
        giveUp();
    }

    @Override
    final void giveUp() {
        try {
            add(CLOSING | ABORTING);
            signal(); // first: this cannot fail
            wakeAll();
        } catch (Throwable again) {
            // the next use or close finds it wrecked
        }
    }

    @Override
    final void closeFor(EndReason reason, boolean abort) {
        noteEnd(reason);
        close(abort);
    }

    @Override
    public final void addCloseCallback(ConnectionHandler callback) {
        if (!CloseCallbacks.add(this, Objects.requireNonNull(callback, "callback"))) {
            CallbackRunner.call(this, callback);
        }
    }
}

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
import static dev.netpoll.internal.connection.ConnectionState.END_FAILED;
import static dev.netpoll.internal.connection.ConnectionState.HANDED_END;
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
 * What happens next, and the end. {@link #settle} is the one place that decides what happens next; all code that
 * changes something it depends on calls it. {@link ConnectionState} describes the state word and its rules.
 *
 * <p>What follows ENDED comes once: what the connection holds is freed, then its close callbacks are called. If memory
 * or stack do not suffice, nothing is told yet, and the loop does it again; what is freed by then is not freed twice.
 */
abstract class Ending extends Runs {
    /** For {@link CloseCallbacks}. */
    volatile @Nullable CloseCallbacks closeCallbacks;

    /** Whether the loop counts it. Loop only. */
    private boolean assigned = true;

    Ending(EventLoop loop, Transport transport, ConnectionConfig config) {
        super(loop, transport, config);
    }

    /** <i>Loop.</i> Tells who waits for a connect that is under way how it ended, if somebody still does. */
    abstract void connectEnds(int errno);

    // ---- what happens next ----

    @Override
    final void drained() {
        if (has(CLOSED)) {
            return;
        }
        if (has(LINGERING)) {
            closeOnLoop(false);
        } else {
            goOnThrottled();
            if (has(DRAINING | PEER_ENDED) || isRunDue()) {
                settle();
            }
        }
    }

    /** <i>Loop.</i> Goes on with what other threads have asked for. */
    final void goOn() {
        if (has(CLOSING) && !has(CLOSED)) {
            closeOnLoop(has(ABORTING));
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
                comeToEnd();
                return;
            }
        } while (isOver(state));
        if ((state & READY) == 0) {
            return;
        }
        if (isRunDue()) {
            if (!inbound.isUsedByOther()) { // B3 of Delivery
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
        if (advance(state, RUNNING)) {
            try {
                if (!isRunDue() && isEndDue(state())) {
                    noteEnd(reasonToClose());
                    closes = add(CLOSING);
                }
            } finally {
                remove(RUNNING);
            }
        }
        if (closes) {
            wakeAll();
            goOnClosing(false);
        } else {
            settle();
        }
    }

    private EndReason reasonToClose() {
        return has(BROKEN) ? EndReason.PEER_LOST : has(DRAINING) ? EndReason.SHUTDOWN : EndReason.PEER_FINISHED;
    }

    /** {@return whether nobody wants anything any more, and it closes itself} */
    private boolean isEndDue(int state) {
        // A peer that hung up behind bytes that nobody wants has ended, too.
        boolean gone = (state & PEER_ENDED) != 0 || ((state & PEER_GONE) != 0 && inbound.isStalled());
        boolean peerEnded = gone && !has(HANDLER_SET) && closesItself((state & BROKEN) != 0);
        return (peerEnded || (state & DRAINING) != 0) && isIdle(peerEnded);
    }

    /** {@return whether nothing can happen any more: it is closed, or it broke and nobody here closes it} */
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

    /** Asks to close as soon as nothing is being worked on; any thread. */
    public final void drain() {
        add(DRAINING);
        signal();
    }

    /**
     * A user asks for the end; any thread. The loop closes, and not this thread, also if it is the loop's: a handler's
     * stack may be nearly used up. Allocates nothing.
     */
    final void ask(boolean abort) {
        StackRoom.needSome();
        if (begin(abort)) {
            signal();
        }
    }

    /** The end is due; any thread. On the loop it comes at once. Allocates nothing. */
    final void close(boolean abort) {
        if (begin(abort)) {
            goOnClosing(abort);
        }
    }

    private void goOnClosing(boolean abort) {
        if (inLoop() && has(LIVE)) {
            closeOnLoop(abort);
        } else {
            signal();
        }
    }

    /** {@return whether the socket has yet to be closed} */
    private boolean begin(boolean abort) {
        boolean first = add(abort ? CLOSING | ABORTING : CLOSING);
        if (!first && has(CLOSED)) { // not if it was only asked for: an Error may have come between then
            return false;
        }
        wakeAll();
        return true;
    }

    private void wakeAll() {
        inbound.wake();
        outbound.wake();
    }

    private void closeOnLoop(boolean abort) {
        if (has(DETACHING) && !abort) {
            return; // the socket is about to be handed over
        }
        if (abort || !outbound.owesBytes()) {
            release(abort);
        } else if (add(LINGERING)) {
            transport().pauseReading();
            timer().linger(outbound.timeoutNanos());
        }
    }

    /**
     * Releases the socket; loop. A run that an executor was given and has not begun finds nothing to do any more. So
     * the end does not wait for it: the executor may never run it.
     */
    final void release(boolean abort) {
        try {
            if (!has(CLOSED)) {
                closeTransport(abort);
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

    /** <i>Loop.</i> The socket is gone. As long as CLOSED is not set, closing is tried again, and so this. */
    final void leaveLoop() {
        stopTimer();
        if (inLoop()) {
            loop().remove(this);
        }
        if (assigned) {
            loop.unassign();
            assigned = false;
        }
        add(CLOSED);
        try {
            connectEnds(Errno.ECONNABORTED); // one that is under way gets no other answer
        } finally {
            try {
                outbound.closedOnLoop();
            } finally {
                inbound.wake();
            }
        }
    }

    // ---- giving up ----

    /** Something failed on the loop that should not: gives the connection up, then tells. */
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
            // who uses it next, or closes it, finds it wrecked
        }
    }

    @Override
    final void closeFor(EndReason reason, boolean abort) {
        noteEnd(reason);
        close(abort);
    }

    // ---- the end ----

    /** ENDED was set by this thread. */
    private void comeToEnd() {
        try {
            tryToEnd();
        } catch (OutOfMemoryError | StackOverflowError e) {
            if (loop().isRunning()) {
                add(END_FAILED);
                signal();
            } else {
                tellEnd();
            }
        }
    }

    /** <i>Loop</i>, if END_FAILED is set. Throws if it has to be called once more. */
    final void comeToEndAgain() {
        remove(END_FAILED);
        try {
            tryToEnd();
        } catch (OutOfMemoryError | StackOverflowError e) {
            add(END_FAILED);
            throw e;
        }
    }

    private void tryToEnd() {
        boolean lacking = false;
        try {
            StackRoom.needMuch();
            inbound.detachRetained();
            inbound.end();
            outbound.end();
            outbound.leaveToCollector();
        } catch (OutOfMemoryError | StackOverflowError e) {
            lacking = true;
            throw e;
        } finally {
            if (!lacking) {
                tellEnd();
            }
        }
    }

    /** Allocates nothing. */
    private void tellEnd() {
        if (CloseCallbacks.endIfNone(this)) {
            config().ended().run();
        } else {
            CallbackRunner.handOut(this, HANDED_END);
        }
    }

    @Override
    public final void addCloseCallback(ConnectionHandler callback) {
        if (!CloseCallbacks.add(this, Objects.requireNonNull(callback, "callback"))) {
            CallbackRunner.call(this, callback);
        }
    }
}

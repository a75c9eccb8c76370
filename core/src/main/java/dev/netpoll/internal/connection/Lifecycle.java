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
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * The life of one connection: its start and its end; in between there are its {@link Runs}. {@link ConnectionState}
 * describes the state word and its rules. {@link #settle} is the one place that decides what happens next; all code
 * that changes something it depends on calls it.
 */
public final class Lifecycle extends Runs {
    /** For {@link CloseCallbacks}. */
    volatile @Nullable CloseCallbacks closeCallbacks;

    Lifecycle(SocketConnection connection) {
        super(connection);
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

    /** Sets the options of an accepted connection, and starts it; one of our addresses tells the family. */
    public void startAccepted(@Nullable SocketAddress local) {
        Throwable failure = null;
        try {
            connection.setUp(local);
        } catch (IOException e) {
            connection.closeFor(EndReason.OPTION_REFUSED, false); // gone already, most likely
        } catch (Throwable t) {
            failure = t;
        }
        if (failure == null) {
            start();
        } else {
            startToEnd();
            CallbackRunner.reportLater(connection, failure);
        }
    }

    /** As {@link #start} for one that only has to end. After an Error it may be called again. */
    public void startToEnd() {
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
            openOrConnect();
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
                openOrConnect();
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

    /** It lives: onConnect comes before all runs of the handler. The caller, on the loop, holds RUNNING. */
    private void openOrConnect() {
        if (connection.config().connect() == null) {
            open();
        } else {
            CallbackRunner.handOut(connection, HANDED_RUN);
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
            openOrConnect();
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

    /** The output has drained; loop. */
    void drained() {
        if (connection.has(LINGERING)) {
            closeOnLoop(false);
        } else {
            goOnThrottled();
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
        goOnThrottled();
        if (connection.has(HANDLER_SET)) {
            runHandler();
        }
        settle();
    }

    // ---- what happens next ----

    /** Decides what happens next, after something has changed. Any thread. */
    @Override
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
    @Override
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

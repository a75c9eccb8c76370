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
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The life of one connection: its start and its end; in between there are its {@link Runs}. {@link ConnectionState}
 * describes the state word and its rules. {@link #settle} is the one place that decides what happens next; all code
 * that changes something it depends on calls it.
 */
public abstract class Lifecycle extends Runs implements TransportEvents, Thread.UncaughtExceptionHandler {
    /** Told about the connect of a dialed connection, on the loop. */
    interface ConnectEvents {
        /** The connect succeeded, with errno 0, or failed. */
        void connected(int errno);
    }

    /** For {@link CloseCallbacks}. */
    volatile @Nullable CloseCallbacks closeCallbacks;

    /** Whether the loop counts it. Loop only. */
    private boolean assigned = true;

    /** Waits for the connect; null afterwards. Loop only. */
    private @Nullable ConnectEvents connecting;

    Lifecycle(EventLoop loop, Transport transport, ConnectionConfig config) {
        super(loop, transport, config);
    }

    // ---- connect ----

    /** <i>Loop.</i> Lets the transport connect. */
    final void connect(SocketAddress remote, ConnectEvents events) {
        connecting = events;
        loop.poller().connect(transport(), remote, this);
    }

    /** {@return who waited for the connect or what follows it} The argument does from now on; loop. */
    @Nullable
    final ConnectEvents await(@Nullable ConnectEvents events) {
        ConnectEvents before = connecting;
        connecting = events;
        return before;
    }

    /** <i>Loop.</i> {@return whether somebody waits for the connect} */
    final boolean isConnecting() {
        return connecting != null;
    }

    /** <i>Loop.</i> Tells who waits for the connect how it ended, if somebody still does. */
    final void connectEnds(int errno) {
        ConnectEvents events = connecting;
        connecting = null;
        if (events != null) {
            events.connected(errno);
        }
    }

    // ---- start ----

    /**
     * Starts an accepted or adopted connection: onPrepare, registration, onConnect. Any thread, once. Allocates
     * nothing: from here on the loop sees to it that it lives or ends.
     */
    public final void start() {
        add(RUNNING | STARTING);
        signal();
    }

    /** Sets the socket's options, as the configuration says; one of our addresses tells the family. */
    public final void setUp(@Nullable SocketAddress address) throws IOException {
        try {
            SocketSetup.apply(transport(), config().options(), address instanceof UnixDomainSocketAddress);
        } catch (TransportException e) {
            throw ConnectionErrors.option(this, "setting the socket's options", e);
        }
    }

    /** Sets the options of an accepted connection, and starts it; one of our addresses tells the family. */
    public final void startAccepted(@Nullable SocketAddress local) {
        Throwable failure = null;
        try {
            setUp(local);
        } catch (IOException e) {
            closeFor(EndReason.OPTION_REFUSED, false); // gone already, most likely
        } catch (Throwable t) {
            failure = t;
        }
        if (failure == null) {
            start();
        } else {
            startToEnd();
            CallbackRunner.reportLater(this, failure);
        }
    }

    /** As {@link #start} for one that only has to end. After an Error it may be called again. */
    public final void startToEnd() {
        add(CLOSING | ABORTING);
        start();
    }

    /** <i>Loop.</i> The first look at it. If an Error interrupts that, the second gives it up. */
    final void startOnLoop() {
        if (!add(START_TRIED)) {
            endBeforeStart();
        } else if (!loop().isRunning()) {
            endBeforeStart(); // the loop is about to end
        } else if (config().prepare() == null) {
            register();
        } else {
            enter();
        }
        remove(STARTING);
    }

    /** onPrepare comes first, on whatever thread; until it has ended, and if it never does, the loop can close. */
    private void enter() {
        if (has(CLOSING) || !inLoop()) {
            endBeforeStart();
            return;
        }
        try {
            loop().add(this);
        } catch (Throwable t) {
            startFailed(t);
            return;
        }
        CallbackRunner.handOut(this, HANDED_PREPARE);
    }

    /** <i>Loop.</i> A signal came before it lives: its end may be due, though onPrepare has not ended. */
    final void signalledEarly() {
        int state = state();
        boolean detaches = (state & (DETACHING | ABORTING)) == DETACHING;
        if ((state & (CLOSING | CLOSED)) == CLOSING && !detaches) {
            release((state & ABORTING) != 0);
        }
    }

    @Override
    final void perform(int handed) {
        switch (handed) {
            case HANDED_PREPARE -> prepare();
            case HANDED_RUN -> run(null);
            case HANDED_GOODBYE -> Goodbye.call(this);
            case HANDED_END -> CloseCallbacks.callAll(this);
            default -> throw new AssertionError(handed);
        }
    }

    private void prepare() {
        ConnectionHandler prepare = config().prepare();
        try {
            if (prepare != null && !has(CLOSING)) {
                add(PREPARING);
                CallbackRunner.call(this, prepare);
            }
        } finally {
            remove(PREPARING);
            add(PREPARED);
            signal();
        }
    }

    /** <i>Loop.</i> onPrepare has ended. */
    final void prepared() {
        if (has(LIVE)) {
            openDialed();
        } else {
            register();
        }
    }

    /** Starts a dialed connection, which is registered already; loop. Tells when it is ready, or why it will not be. */
    final void startDialed(ConnectEvents ready) {
        add(RUNNING);
        startTimer();
        if (config().prepare() == null) {
            openOrConnect();
            ready.connected(0);
        } else {
            await(ready);
            CallbackRunner.handOut(this, HANDED_PREPARE);
        }
    }

    /** The onPrepare of a dialed connection has ended; loop. */
    private void openDialed() {
        ConnectEvents ready = await(null); // an end that comes now is no failure to connect
        int errno = has(CLOSING) || !inLoop() ? Errno.ECONNABORTED : 0;
        try {
            if (errno == 0) {
                openOrConnect();
            } else {
                endBeforeStart();
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
        if (config().connect() == null) {
            open();
        } else {
            CallbackRunner.handOut(this, HANDED_RUN);
        }
    }

    private void register() {
        int state = state(); // once: detaching sets two bits
        if ((state & (DETACHING | ABORTING)) == DETACHING) { // its socket is taken out before anything came in
            remove(RUNNING);
            settle();
            return;
        }
        if ((state & CLOSING) != 0 || !inLoop()) { // rejected by onPrepare, or the loop has ended
            endBeforeStart();
            return;
        }
        try {
            if (config().prepare() == null) { // else it was added before
                loop().add(this);
            }
            inbound.updatePaused(); // what an adopted one brings along may be enough
            loop().poller().register(transport(), this);
            add(LIVE);
            startTimer();
            config().ending().apply(this);
            openOrConnect();
            remove(STARTING);
            signalled(); // what was asked for before it lived
        } catch (TransportException e) {
            noteErrno(e.errno());
            endBeforeStart();
        } catch (Throwable t) {
            endBeforeStart();
            CallbackRunner.reportLater(this, t);
        }
    }

    /** It cannot even be handed to its loop. */
    final void startFailed(Throwable error) {
        try {
            endBeforeStart();
        } finally {
            CallbackRunner.reportLater(this, error);
        }
    }

    /** It never came to live, and ends. */
    public final void endBeforeStart() {
        add(CLOSING);
        remove(RUNNING);
        release(has(ABORTING));
    }

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

    /** An executor runs what it was given; see {@link CallbackRunner}. */
    @Override
    public final void run() {
        CallbackRunner.take(this);
    }

    /** The thread of an executor dies, for want of memory, and may not have run what it was given: it is done now. */
    @Override
    public final void uncaughtException(Thread thread, Throwable error) {
        try {
            CallbackRunner.take(this);
        } catch (Throwable again) {
            giveUp();
        }
    }

    // ---- what happens next ----

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
                ConnectionEnd.come(this);
                return;
            }
        } while (isOver(state));
        if ((state & READY) == 0) {
            return;
        }
        if (isRunDue()) {
            if (!inbound.isUsedByOther()) { // B4
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
                closes = !isRunDue() && isEndDue(state()) && add(CLOSING);
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

    // ---- end ----

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
            inbound.wake();
            outbound.wake();
        } catch (Throwable again) {
            // who uses it next, or closes it, finds it wrecked
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

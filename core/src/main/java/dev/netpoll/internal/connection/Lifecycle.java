// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.ABORTING;
import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CLOSING;
import static dev.netpoll.internal.connection.ConnectionState.DETACHING;
import static dev.netpoll.internal.connection.ConnectionState.HANDED_END;
import static dev.netpoll.internal.connection.ConnectionState.HANDED_GOODBYE;
import static dev.netpoll.internal.connection.ConnectionState.HANDED_PREPARE;
import static dev.netpoll.internal.connection.ConnectionState.HANDED_RUN;
import static dev.netpoll.internal.connection.ConnectionState.LIVE;
import static dev.netpoll.internal.connection.ConnectionState.PREPARED;
import static dev.netpoll.internal.connection.ConnectionState.PREPARING;
import static dev.netpoll.internal.connection.ConnectionState.RUNNING;
import static dev.netpoll.internal.connection.ConnectionState.STARTING;
import static dev.netpoll.internal.connection.ConnectionState.START_TRIED;

import dev.netpoll.ConnectionHandler;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Starts a connection. An accepted or adopted one is registered with its loop, a dialed one connects first; onPrepare
 * and onConnect run before the handler. {@link Runs} runs the handler; {@link Ending} decides what happens next and
 * ends the connection.
 */
public abstract class Lifecycle extends Ending implements TransportEvents, Thread.UncaughtExceptionHandler {
    /** Gets the result of a dialed connection's connect, on the loop. */
    interface ConnectEvents {
        /** The connect succeeded, with errno 0, or failed. */
        void connected(int errno);
    }

    /** Gets the result of the connect; null afterwards. Loop only. */
    private @Nullable ConnectEvents connecting;

    Lifecycle(EventLoop loop, Transport transport, ConnectionConfig config) {
        super(loop, transport, config);
    }

    // ---- connect ----

    /** <i>Loop.</i> Starts the connect. */
    final void connect(SocketAddress remote, ConnectEvents events) {
        connecting = events;
        loop.poller().connect(transport(), remote, this);
    }

    /** <i>Loop.</i> Replaces who waits for the connect, or for onPrepare after it; {@return the one before} */
    @Nullable
    final ConnectEvents await(@Nullable ConnectEvents events) {
        ConnectEvents before = connecting;
        connecting = events;
        return before;
    }

    /** <i>Loop.</i> {@return whether a connect has yet to be answered} */
    final boolean isConnecting() {
        return connecting != null;
    }

    @Override
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
     * nothing. From here on the loop brings the connection to life or ends it.
     */
    public final void start() {
        add(RUNNING | STARTING);
        signal();
    }

    /** Sets the socket options of the configuration. A local address tells the address family. */
    public final void setUp(@Nullable SocketAddress address) throws IOException {
        try {
            SocketSetup.apply(transport(), config().options(), address instanceof UnixDomainSocketAddress);
        } catch (TransportException e) {
            throw ConnectionErrors.option(this, "setting the socket's options", e);
        }
    }

    /** Sets the options of an accepted connection, and starts it. A local address tells the address family. */
    public final void startAccepted(@Nullable SocketAddress local) {
        Throwable failure = null;
        try {
            setUp(local);
        } catch (IOException e) {
            closeFor(EndReason.OPTION_REFUSED, false); // most likely the peer is gone
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

    /** Like {@link #start}, for a connection that only has to end. After an Error it may be called again. */
    public final void startToEnd() {
        add(CLOSING | ABORTING);
        start();
    }

    /** <i>Loop.</i> Starts the connection. If an Error interrupts the first attempt, the second gives it up. */
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

    /** Dispatches onPrepare, which comes first. Until it returns, and even if it never does, the loop can close. */
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

    /** <i>Loop.</i> A signal before the connection is LIVE: it may have to close while onPrepare still runs. */
    final void signalledEarly() {
        int state = state();
        boolean detaches = (state & (DETACHING | ABORTING)) == DETACHING;
        if ((state & (CLOSING | CLOSED)) == CLOSING && !detaches) {
            release();
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

    /** <i>Loop.</i> onPrepare has returned. */
    final void prepared() {
        if (has(LIVE)) {
            openDialed();
        } else {
            register();
        }
    }

    /** <i>Loop.</i> Starts a dialed connection, already registered. Reports success or error to {@code ready}. */
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

    /** <i>Loop.</i> The onPrepare of a dialed connection has returned. */
    private void openDialed() {
        ConnectEvents ready = await(null); // from now on, closing is no failure to connect
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

    /** The connection is LIVE: onConnect runs before the handler does. The caller, on the loop, holds RUNNING. */
    private void openOrConnect() {
        if (config().connect() == null) {
            open();
        } else {
            CallbackRunner.handOut(this, HANDED_RUN);
        }
    }

    private void register() {
        int state = state(); // read it once: detaching sets two bits
        if ((state & (DETACHING | ABORTING)) == DETACHING) { // detached before anything came in
            remove(RUNNING);
            settle();
            return;
        }
        if ((state & CLOSING) != 0 || !inLoop()) { // onPrepare rejected it, or the loop has ended
            endBeforeStart();
            return;
        }
        try {
            if (config().prepare() == null) { // otherwise enter() has added it
                loop().add(this);
            }
            inbound.updatePaused(); // an adopted connection may bring enough bytes to pause
            loop().poller().register(transport(), this);
            add(LIVE);
            startTimer();
            config().ending().apply(this);
            openOrConnect();
            remove(STARTING);
            signalled(); // handle requests from before it was LIVE
        } catch (TransportException e) {
            noteErrno(e.errno());
            endBeforeStart();
        } catch (Throwable t) {
            endBeforeStart();
            CallbackRunner.reportLater(this, t);
        }
    }

    /** The connection could not be added to its loop. */
    final void startFailed(Throwable error) {
        try {
            endBeforeStart();
        } finally {
            CallbackRunner.reportLater(this, error);
        }
    }

    /** Ends a connection that never became LIVE. */
    public final void endBeforeStart() {
        add(CLOSING);
        remove(RUNNING);
        release();
    }

    /** The executor runs its task; see {@link CallbackRunner}. */
    @Override
    public final void run() {
        CallbackRunner.take(this);
    }

    /** An executor's thread dies for lack of memory and may not have run its task: runs it now. */
    @Override
    public final void uncaughtException(Thread thread, Throwable error) {
        try {
            CallbackRunner.take(this);
        } catch (Throwable again) {
            giveUp();
        }
    }
}

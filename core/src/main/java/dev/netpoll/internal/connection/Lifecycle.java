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
 * The life of one connection. This class starts it: an accepted or adopted connection is registered with its loop, a
 * dialed one connects first, and onPrepare and onConnect run before the handler does. {@link Runs} are what follows,
 * {@link Ending} decides what happens next and ends it.
 */
public abstract class Lifecycle extends Ending implements TransportEvents, Thread.UncaughtExceptionHandler {
    /** Told about the connect of a dialed connection, on the loop. */
    interface ConnectEvents {
        /** The connect succeeded, with errno 0, or failed. */
        void connected(int errno);
    }

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
}

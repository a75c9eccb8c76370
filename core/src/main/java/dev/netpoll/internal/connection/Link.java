// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.loop.Spares;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.Transport;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.SocketAddress;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * The view that the parts of a connection have of it: its loop, transport and configuration, why it ended, and the few
 * calls upward. Parts hold this instead of the whole, so that none reaches through it into another.
 *
 * <p><b>Threads.</b> Any, unless a member says otherwise.
 */
abstract class Link extends ConnectionState {
    private static final VarHandle TIMER;

    static {
        try {
            TIMER = MethodHandles.lookup().findVarHandle(Link.class, "timer", ConnectionTimer.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Not private, so that the clean-up after an Error needs no call to reach it. */
    final EventLoop loop;

    private final Transport transport;
    private final ConnectionConfig config;

    /** Created on first use, by any thread. */
    private volatile @Nullable ConnectionTimer timer;

    private volatile int errno;
    private volatile EndReason endReason = EndReason.NONE;

    /** Lent by the thread that runs the handler. Holder of RUNNING only, except for {@link #spares}. */
    private @Nullable Spares spares;

    Link(EventLoop loop, Transport transport, ConnectionConfig config) {
        this.loop = loop;
        this.transport = transport;
        this.config = config;
    }

    /** {@return the loop that owns this connection} */
    public final EventLoop loop() {
        return loop;
    }

    final boolean inLoop() {
        return loop.inLoop();
    }

    final Transport transport() {
        return transport;
    }

    final ConnectionConfig config() {
        return config;
    }

    /** {@return the local address, or null if it is not known} */
    public final @Nullable SocketAddress localAddress() {
        return transport.localAddress();
    }

    /** {@return the peer's address, or null if it is not known} */
    public final @Nullable SocketAddress remoteAddress() {
        return transport.remoteAddress();
    }

    // ---- spares ----

    /** <i>Holder of RUNNING.</i> Lends the objects that the calling thread keeps for runs; null takes them back. */
    final void lend(@Nullable Spares own) {
        spares = own;
    }

    /** {@return the calling thread's spares if it runs this connection's handler, else null} */
    final @Nullable Spares spares() {
        Spares lent = spares; // a racy read may see another thread's spares
        return lent != null && lent.isOwn() ? lent : null;
    }

    // ---- timer ----

    /** {@return the timer} */
    final ConnectionTimer timer() {
        ConnectionTimer present = timer;
        if (present == null) {
            ConnectionTimer made = makeTimer();
            present = (ConnectionTimer) TIMER.compareAndExchange(this, null, made);
            present = present == null ? made : present;
        }
        return present;
    }

    /** {@return the timer, or null if none was needed yet} */
    final @Nullable ConnectionTimer timerIfMade() {
        return timer;
    }

    /** Makes sure that the timer expires no later than the deadline, which must be visible already. */
    final void ensureArmed(long deadline) {
        if (deadline != ConnectionConfig.NEVER) {
            timer().ensureArmed(deadline);
        }
    }

    /** <i>Loop.</i> Starts the timer as the connection goes live. */
    final void startTimer() {
        ConnectionTimer present = timerIfMade();
        if (present != null) {
            present.start();
        }
    }

    /** <i>Loop.</i> Stops the timer for good. */
    final void stopTimer() {
        ConnectionTimer present = timerIfMade();
        if (present != null) {
            present.stop();
        }
    }

    /** Notes activity: bytes went in or out, or a handler ran. */
    final void touch() {
        ConnectionTimer present = timer;
        if (present != null) {
            present.touch();
        }
    }

    // ---- the loop ----

    /** Asks the loop to call {@link #signalled}; if the loop has ended, calls it here. Allocates nothing. */
    final void signal() {
        if (!loop.signal(this)) {
            signalled();
        }
    }

    /** Runs a task on the loop, or here at once if the loop has ended, and so all its connections are closed. */
    final void onLoop(Runnable task) {
        try {
            loop.execute(task);
        } catch (RejectedExecutionException e) {
            task.run();
        }
    }

    // ---- why it ended ----

    final void noteErrno(int error) {
        if (errno == 0) {
            errno = error;
        }
    }

    final int errno() {
        return errno == 0 ? Errno.ECONNRESET : errno;
    }

    /** {@return why it was closed or cut, or NONE} */
    final EndReason endReason() {
        return endReason;
    }

    /** Records why the connection closes, unless closing has begun. */
    final void noteEnd(EndReason reason) {
        if (!has(CLOSING)) {
            endReason = reason;
        }
    }

    /** Records why the calling thread closes the connection; it has set CLOSING. */
    final void recordEnd(EndReason reason) {
        endReason = reason;
    }

    /** Records WRECKED for later exceptions, unless there is a reason already. */
    final void noteWreck() {
        if (endReason == EndReason.NONE) {
            endReason = EndReason.WRECKED;
        }
    }

    /** Marks the outbound stream as torn: bytes are missing, so nothing can follow. */
    final void cut(EndReason reason) {
        if (!has(CUT | CLOSING)) {
            endReason = reason;
        }
        add(CUT);
    }

    // ---- upward ----

    abstract ConnectionTimer makeTimer();

    /** Aborts a connection that an Error left in an unknown state. Never throws. */
    abstract void giveUp();

    /** Aborts the connection because of the memory it holds. Never throws. */
    abstract void giveUpMemory();

    /** An internal failure on the loop: aborts the connection, then reports the failure. */
    abstract void fault(Throwable error);

    /** Closes it, by a reset if {@code abort}; later exceptions give the reason. */
    abstract void closeFor(EndReason reason, boolean abort);

    /** Closes it by a reset. */
    public abstract void abort();

    /** Starts a run of the handler, which is due. */
    abstract void runHandler();

    /** {@return whether there is a handler, so that due bytes cause a run} */
    abstract boolean hasHandler();

    /** A thread outside a run has stopped reading. It may have kept a run out, which is then due. */
    abstract void readerLeft();

    /** {@return whether the calling thread runs a callback and therefore holds the inbound side} */
    abstract boolean isHeldByRun();

    /** <i>Loop.</i> All output was sent. */
    abstract void drained();

    /** {@return whether a callback works on it, so that it is not idle} Waiting for the peer to read does not count. */
    final boolean isBusy() {
        return has(RUNNING | DISCONNECTING) && !has(SENDING);
    }
}

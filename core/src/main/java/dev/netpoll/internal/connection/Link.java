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
 * What the parts of a connection know of it: its loop, transport and configuration, why it ended, and the few calls
 * upward. Parts hold this and not the whole, so that none reaches through it into another.
 *
 * <p><b>Threads.</b> Any, where nothing else is said.
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

    /** Not private, so that an Error's clean-up gets there without a call. */
    final EventLoop loop;

    private final Transport transport;
    private final ConnectionConfig config;

    /** Made when it is needed, by whoever needs it first. */
    private volatile @Nullable ConnectionTimer timer;

    private volatile int errno;
    private volatile EndReason endReason = EndReason.NONE;

    /** What the thread that runs the handler has lent. Holder of RUNNING only, but for {@link #spares}. */
    private @Nullable Spares spares;

    Link(EventLoop loop, Transport transport, ConnectionConfig config) {
        this.loop = loop;
        this.transport = transport;
        this.config = config;
    }

    /** {@return the loop it lives on} */
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

    /** {@return our address, or null if it is not known} */
    public final @Nullable SocketAddress localAddress() {
        return transport.localAddress();
    }

    /** {@return the peer's address, or null if it is not known} */
    public final @Nullable SocketAddress remoteAddress() {
        return transport.remoteAddress();
    }

    // ---- spares ----

    /** The calling thread, the holder of RUNNING, lends what it keeps for runs, or takes it back. */
    final void lend(@Nullable Spares own) {
        spares = own;
    }

    /** {@return what the calling thread keeps for runs, if it is running this connection's handler} */
    final @Nullable Spares spares() {
        Spares lent = spares; // another thread's, seen late or early, is not this thread's
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

    /** {@return the timer, if somebody has needed it} */
    final @Nullable ConnectionTimer timerIfMade() {
        return timer;
    }

    /** Makes sure that the timer expires no later than the deadline, which is visible already. */
    final void ensureArmed(long deadline) {
        if (deadline != ConnectionConfig.NEVER) {
            timer().ensureArmed(deadline);
        }
    }

    /** <i>Loop.</i> The connection lives from now on. */
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

    /** Bytes went in or out, or a handler ran. */
    final void touch() {
        ConnectionTimer present = timer;
        if (present != null) {
            present.touch();
        }
    }

    // ---- the loop ----

    /** Lets the loop look at what was left to it; if it has ended, looks at once. Allocates nothing. */
    final void signal() {
        if (!loop.signal(this)) {
            signalled();
        }
    }

    /** Runs a task on the loop; if the loop has ended, and so all its connections are closed, at once. */
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

    /** Says why it is closed, unless that has begun. */
    final void noteEnd(EndReason reason) {
        if (!has(CLOSING)) {
            endReason = reason;
        }
    }

    /** Lets those who use it later know why it ended. */
    final void noteWreck() {
        if (endReason == EndReason.NONE) {
            endReason = EndReason.WRECKED;
        }
    }

    /** The stream of what we send has a hole or a torn end: nothing can follow. */
    final void cut(EndReason reason) {
        if (!has(CUT)) {
            endReason = reason;
        }
        add(CUT);
    }

    // ---- upward ----

    abstract ConnectionTimer makeTimer();

    /** An Error left one of its parts in the middle of something: it can only end. Never throws. */
    abstract void giveUp();

    /** It is to end for the memory that it holds. Never throws. */
    abstract void giveUpMemory();

    /** Something failed on the loop that should not: gives the connection up, then tells. */
    abstract void fault(Throwable error);

    /** Ends it, by a reset if {@code abort}; later exceptions say why. */
    abstract void closeFor(EndReason reason, boolean abort);

    /** Ends it by a reset. */
    public abstract void abort();

    /** A run of the handler is due. */
    abstract void runHandler();

    /** {@return whether there is a handler, which is run when bytes are due} */
    abstract boolean hasHandler();

    /** A thread that read without a run has left the inbound side, and may have kept a run out. */
    abstract void readerLeft();

    /** {@return whether the calling thread runs a callback, and so holds the inbound side} */
    abstract boolean isHeldByRun();

    /** <i>Loop.</i> It has sent all it had to. */
    abstract void drained();

    /**
     * {@return whether a callback works on it, so that it is not idle; one that waits for a peer that reads nothing is}
     */
    final boolean isBusy() {
        return has(RUNNING | DISCONNECTING) && !has(SENDING);
    }
}

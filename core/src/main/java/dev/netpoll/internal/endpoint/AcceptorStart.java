// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.endpoint;

import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.transport.ListenSocket;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * One call of listen: a loop starts an acceptor, and the calling thread waits for it.
 *
 * <pre>
 *   WAITING --loop: it accepts------> STARTED
 *           --loop: it could not----> FAILED     the loop closes the socket first
 *           --caller: took too long-> GIVEN_UP   the loop closes the socket when it comes to it
 * </pre>
 *
 * <p><b>Threads.</b> The caller creates it and waits for it. The loop calls {@link #run} once, or the thread that finds
 * that the loop has ended. The caller's wait allocates nothing and needs no timer thread of the JDK, which a full heap
 * could kill.
 *
 * <p>The thread whose CAS leaves WAITING decides. So either the caller learns that the socket is listening, or the
 * socket is closed.
 */
public final class AcceptorStart implements Runnable {
    private static final int WAITING = 0;
    private static final int STARTED = 1;
    private static final int FAILED = 2;
    private static final int GIVEN_UP = 3;

    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(AcceptorStart.class, "state", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final EventLoop loop;
    private final Acceptor acceptor;
    private final ListenSocket socket;
    private final Thread caller = Thread.currentThread();

    private @Nullable Throwable failure; // before FAILED

    @SuppressWarnings("UnusedVariable") // through STATE
    private volatile int state;

    /** Prepares the start of {@code acceptor}, which accepts from {@code socket}. */
    public AcceptorStart(EventLoop loop, Acceptor acceptor, ListenSocket socket) {
        this.loop = loop;
        this.acceptor = acceptor;
        this.socket = socket;
    }

    @Override
    public void run() {
        boolean started = false;
        try {
            started = start() && leave(STARTED);
        } catch (Throwable t) {
            failure = t;
        } finally {
            try {
                if (!started) {
                    close();
                }
            } finally {
                boolean _ = leave(FAILED);
                LockSupport.unpark(caller);
            }
        }
    }

    private boolean start() throws Exception {
        if (state != WAITING) {
            return false;
        }
        if (!loop.inLoop() || !loop.isRunning()) { // it is ending, and would not evict a newcomer
            throw new RejectedExecutionException("the accepting loop has ended");
        }
        acceptor.start();
        return true;
    }

    private void close() {
        if (loop.inLoop()) {
            acceptor.close();
        } else {
            socket.close(); // no poller knows it
        }
    }

    private boolean leave(int next) {
        return STATE.compareAndSet(this, WAITING, next);
    }

    /** <i>Caller.</i> Waits for at most {@code nanos}, even if interrupted; then the outcome is final. */
    public void await(long nanos) {
        long begin = System.nanoTime();
        boolean interrupted = false;
        try {
            for (long left = nanos; state == WAITING && left > 0; left = nanos - (System.nanoTime() - begin)) {
                LockSupport.parkNanos(this, left);
                interrupted |= Thread.interrupted();
            }
        } finally {
            boolean _ = leave(GIVEN_UP);
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** <i>Caller, after the wait.</i> {@return whether it accepts} */
    public boolean hasStarted() {
        return state == STARTED;
    }

    /** <i>Caller, after the wait.</i> {@return why the start failed; null if it took too long} */
    public @Nullable Throwable failure() {
        return state == FAILED ? failure : null;
    }
}

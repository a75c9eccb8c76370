// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionConfig.NEVER;

import dev.netpoll.ConnectionClosedException;
import dev.netpoll.internal.loop.EventLoop;
import java.io.InterruptedIOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * What the two sides of a connection have in common: one user at a time, who owns the side's memory, and one waiter.
 *
 * <p><b>Ownership.</b> The buffers of a side are plain memory of the thread that used it last, its {@code owner}.
 * Closing must free them, but not under the hands of a thread that is using them:
 *
 * <ul>
 *   <li>S1 A thread becomes the owner by a volatile store of {@code owner}, and then looks for ENDED; ENDED is set
 *       (volatile) before the ender looks at {@code owner}. So either the thread sees ENDED and keeps out, or the ender
 *       sees the owner and leaves the memory to it.
 *   <li>S2 The ender frees the memory of a side whose owner is nobody, itself, or a thread that has terminated.
 *   <li>S3 Otherwise the owner frees it: in its next call that fails, or at the end of the handler's run; or the
 *       collector does when nobody can use the connection any more, see {@link Orphans}.
 * </ul>
 *
 * <p><b>Waiting.</b> The waiter publishes itself, then looks at the condition; whoever makes the condition true does so
 * first and then looks for the waiter. Time-outs come from the loop's timer, which only unparks: the waiter looks at
 * the clock itself. Parking is untimed.
 */
abstract class Side {
    private static final VarHandle OWNER;
    private static final VarHandle WAITER;
    private static final VarHandle LIMIT;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            OWNER = lookup.findVarHandle(Side.class, "owner", Thread.class);
            WAITER = lookup.findVarHandle(Side.class, "waiter", Thread.class);
            LIMIT = lookup.findVarHandle(Side.class, "limit", Limit.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /**
     * How long waits may take.
     *
     * @param timeout limit of each wait in nanoseconds, or NEVER
     * @param deadline point in time, by System.nanoTime, that ends waits whatever the time-out; or NEVER
     */
    private record Limit(long timeout, long deadline) {}

    final SocketConnection connection;

    private volatile @Nullable Thread owner;
    private volatile @Nullable Thread waiter;

    /** What was set; null while nothing was, and the time-out of the options holds, which all connections share. */
    private volatile @Nullable Limit limit;

    /** When the wait in progress ends, or NEVER; the connection's timer reads it. */
    private volatile long waitDeadline = NEVER;

    Side(SocketConnection connection) {
        this.connection = connection;
    }

    /** {@return the limit of each wait as the options say} */
    abstract Duration defaultTimeout();

    /** Frees what the owner owns. */
    abstract void freeOwned();

    /** {@return whether the connection has ended, but the side's memory was left to its owner} */
    final boolean isOrphaned() {
        return owner != null && ownsMemory();
    }

    /** {@return whether the owner seems to own something; right if nobody is using the side} */
    abstract boolean ownsMemory();

    /** Makes the calling thread the owner; to be called first by every operation. */
    final void enter() throws ConnectionClosedException {
        Thread current = Thread.currentThread();
        if (OWNER.get(this) != current) {
            owner = current; // S1
            if (connection.has(ConnectionState.ENDED)) {
                throw ConnectionErrors.closed(connection, operation());
            }
        }
    }

    /** What this side does, for messages. */
    abstract String operation();

    /** The calling thread, the owner, is done with the side: views and references are gone. */
    final void leave() {
        OWNER.setRelease(this, null);
    }

    final boolean isOwner() {
        return owner == Thread.currentThread();
    }

    final void leaveIfOwner() {
        if (isOwner()) {
            leave();
        }
    }

    /** The calling thread closes the connection outside of a run: frees the side if it is the owner. */
    final void leaveForGood() {
        if (isOwner()) {
            freeOwned();
            leave();
        }
    }

    /** The connection has ended: frees the side if that is safe (S2). */
    void end() {
        Thread last = owner;
        boolean abandoned = last == null || last == Thread.currentThread() || !last.isAlive();
        if (abandoned && OWNER.compareAndSet(this, last, Thread.currentThread())) {
            freeOwned();
            leave();
        }
    }

    final void setTimeout(Duration value) {
        limit = new Limit(ConnectionConfig.nanos(value), NEVER);
        wake();
        connection.ensureArmed(waitEnd(System.nanoTime()));
    }

    final void setDeadline(@Nullable Instant value) {
        long nanos = value == null ? NEVER : ConnectionConfig.nanos(Duration.between(Instant.now(), value));
        long deadline = nanos == NEVER ? NEVER : System.nanoTime() + nanos;
        Limit before;
        do {
            before = limit;
        } while (!LIMIT.compareAndSet(this, before, new Limit(timeoutNanos(before), deadline)));
        wake();
    }

    /** {@return when a wait that began at {@code begin} ends, or NEVER} */
    final long waitEnd(long begin) {
        Limit current = limit;
        if (current != null && current.deadline != NEVER) {
            return current.deadline;
        }
        long timeout = timeoutNanos(current);
        return timeout == NEVER ? NEVER : begin + timeout;
    }

    /** {@return whether the point in time that ends waits has come} */
    final boolean deadlinePassed() {
        Limit current = limit;
        return current != null && current.deadline != NEVER && current.deadline - System.nanoTime() <= 0;
    }

    final long timeoutNanos() {
        return timeoutNanos(limit);
    }

    private long timeoutNanos(@Nullable Limit current) {
        return current == null ? ConnectionConfig.nanos(defaultTimeout()) : current.timeout;
    }

    /** {@return when the wait in progress ends, or NEVER if there is none} */
    final long waitDeadline() {
        return waitDeadline;
    }

    /** Publishes the calling thread as the waiter; a second one is a mistake of the caller. */
    final void beginWait() {
        if (!WAITER.compareAndSet(this, null, Thread.currentThread())) {
            throw new IllegalStateException("another thread is waiting to " + operation()
                    + "; a connection has one reader and one writer at a time, use asByteChannel() to share it");
        }
    }

    final boolean hasWaiter() {
        return waiter != null;
    }

    final void endWait() {
        waitDeadline = NEVER;
        waiter = null;
    }

    /**
     * Parks until somebody wakes the waiter, who then looks at what it waits for again; false if the wait that began at
     * {@code begin} has run out of time.
     */
    final boolean await(long begin) throws InterruptedIOException {
        long end = waitEnd(begin);
        if (end != NEVER && end - System.nanoTime() <= 0) {
            return false;
        }
        if (end != waitDeadline) {
            waitDeadline = end;
            connection.ensureArmed(end);
            return true; // a lock taken on the way there may have used up a wake-up, so look before parking
        }
        if (EventLoop.beforeBlocking()) {
            return true; // so do the locks in there
        }
        LockSupport.park(this);
        if (Thread.currentThread().isInterrupted()) {
            throw new InterruptedIOException("interrupted while waiting to " + operation());
        }
        return true;
    }

    /** Wakes the waiter, if there is one; {@return whether there was} */
    final boolean wake() {
        Thread thread = waiter;
        if (thread == null) {
            return false;
        }
        connection.loop().unpark(thread);
        return true;
    }

    /** Refuses a call that would have to wait on an event loop. */
    static void refuseOnLoop(String what, String instead) {
        if (EventLoop.onLoop()) {
            throw ConnectionErrors.wouldBlock(what, instead);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionConfig.NEVER;

import dev.netpoll.ConnectionClosedException;
import dev.netpoll.internal.base.Cleaners;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.memory.SegmentReader;
import dev.netpoll.internal.memory.SegmentWriter;
import java.io.InterruptedIOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The common base of a connection's two sides: each has one user at a time, and one waiter.
 *
 * <p><b>Use.</b> The buffers of a side are plain memory. A thread becomes the side's {@code user} by a CAS before it
 * touches them, and leaves by a volatile store. So two threads never work on them at once, whatever the program does,
 * and closing never frees a buffer in use:
 *
 * <pre>
 *   nobody --enter: CAS by a thread--> that thread --exit--> nobody
 *                                      a thread that has terminated --enter, end: CAS--> the other
 * </pre>
 *
 * <ul>
 *   <li>S1 A thread becomes the user by a CAS of {@code user}, then checks ENDED; the ending thread sets ENDED
 *       (volatile), then tries its CAS. So either the thread sees ENDED and keeps out, or the ending thread finds a
 *       user.
 *   <li>S2 A user leaves by a volatile store of {@code user}, then checks ENDED. If the ending thread has found a user,
 *       that user frees the side's memory on its way out; else the ending thread does. Exactly one of them does.
 *   <li>S3 The ending thread does not free memory that a view shows, as it cannot know whether the view is in use. That
 *       memory stays until the reader releases it, or until the collector finds it unreachable.
 *   <li>S4 The holder of RUNNING leaves by a release store and need not check ENDED: ENDED is never set beside RUNNING,
 *       and the CAS that removes RUNNING comes before any thread can end the side, which then sees that the user has
 *       left.
 * </ul>
 *
 * <p>A second thread gets an {@link IllegalStateException} before it has touched anything. One call is one use, with
 * two exceptions: a run of the handler holds the inbound side as long as it lasts, and a thread may hold the outbound
 * side for a whole message, see {@link Outbound}.
 *
 * <p><b>Waiting.</b> The waiter publishes itself, then checks the condition; another thread makes the condition true,
 * then looks for the waiter. Time-outs come from the loop's timer, which only unparks: the waiter reads the clock
 * itself. Parking is untimed.
 */
abstract class Side {
    /** How long another thread waits for a callback to return, and how often it checks. */
    private static final long RUN_NANOS = 100_000_000;

    private static final long RUN_LOOK_NANOS = 20_000;

    private static final VarHandle USER;
    private static final VarHandle WAITER;
    private static final VarHandle LIMIT;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            USER = lookup.findVarHandle(Side.class, "user", Thread.class);
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

    /** How long, and how often without a pause, a thread retries while another closes (some dozen instructions). */
    private static final long CLOSING_NANOS = 1_000_000_000;

    private static final int CLOSING_TRIES = 10_000;

    final Link link;

    private volatile @Nullable Thread user;

    private volatile @Nullable Thread waiter;

    /** The limits set on this side; null while none were set and the shared time-out of the options applies. */
    private volatile @Nullable Limit limit;

    /** When the wait in progress ends, or NEVER; the connection's timer reads it. */
    private volatile long waitDeadline = NEVER;

    Side(Link link) {
        this.link = link;
    }

    /** {@return the limit of each wait according to the options} */
    abstract Duration defaultTimeout();

    /** <i>User.</i> Frees what the side owns, except memory that views may show. */
    abstract void freeUnseen();

    /** {@return whether the user of a broken connection may still use what the side holds} By default not. */
    boolean mayKeep() {
        return false;
    }

    /** <i>User.</i> The connection broke and ended: what its user may still use is freed once it is unreachable. */
    void keepForUser() {}

    /** <i>User.</i> Frees all that the side owns: the caller holds the views, and ends them. */
    abstract void freeAll();

    /** {@return the name of this side's operation, for messages} */
    abstract String operation();

    // ---- use ----

    /** Makes the calling thread the user, unless it is already. Every operation calls this first. */
    final void enter() throws ConnectionClosedException {
        Thread current = Thread.currentThread();
        if (USER.get(this) != current) {
            enter(current);
        }
    }

    private void enter(Thread current) throws ConnectionClosedException {
        if (!tryEnter(current)) {
            enterLate(current);
        }
        int state = link.state(); // S1
        if ((state & (ConnectionState.ENDED | ConnectionState.PREPARING)) != 0) {
            checkEntered(state);
        }
    }

    private void enterLate(Thread current) throws ConnectionClosedException {
        if (!enterAfterRun(current)) {
            long begin = System.nanoTime();
            int tries = 0;
            do {
                if (link.has(ConnectionState.CLOSING)) {
                    throw ConnectionErrors.closed(link, operation());
                }
                if (!mayTryAgain(tries++, begin)) {
                    throw usedByOther();
                }
            } while (!tryEnter(current));
        }
    }

    private void checkEntered(int state) throws ConnectionClosedException {
        boolean over = isOver(state);
        if (over || (state & ConnectionState.PREPARING) != 0) {
            exit();
            if (!over) {
                throw new IllegalStateException("a connection can't " + operation()
                        + " before it lives on its event loop; onPrepare sets options, attaches or closes,"
                        + " onConnect may read and write");
            }
            throw ConnectionErrors.closed(link, operation());
        }
    }

    /**
     * A callback may have handed the connection to this thread, as onConnect often does, and be about to return: waits
     * for that a little; {@return whether this thread has entered}
     */
    private boolean enterAfterRun(Thread current) {
        if (!link.has(ConnectionState.RUNNING) || EventLoop.onLoop()) {
            return tryEnter(current); // the run may have ended since the first try
        }
        EventLoop.beforeBlocking();
        long begin = System.nanoTime();
        while (link.has(ConnectionState.RUNNING) && System.nanoTime() - begin < RUN_NANOS) {
            LockSupport.parkNanos(RUN_LOOK_NANOS);
            if (tryEnter(current)) {
                return true;
            }
        }
        return tryEnter(current);
    }

    /**
     * Like {@link #enter}, but also for a closed connection, which may have memory to free. {@return false if the
     * connection is closing and its user does not leave: the user then frees the memory}
     */
    final boolean enterInAnyCase() {
        return tryEnter() || enterUnlessClosing(System.nanoTime());
    }

    private boolean enterUnlessClosing(long begin) {
        for (int tries = 0; !tryEnter(); tries++) {
            if (link.has(ConnectionState.CLOSING) && tries >= CLOSING_TRIES && !link.has(ConnectionState.ENDED)) {
                return false;
            }
            if (!mayTryAgain(tries, begin)) {
                if (link.has(ConnectionState.CLOSING)) {
                    return false;
                }
                throw usedByOther();
            }
        }
        return true;
    }

    /**
     * Another thread has the side. If it is a thread of the program, that is a mistake, unless the connection has ended
     * and the thread is about to leave; or it is the thread that ends the connection. {@return whether to try again}
     * Yields, as that thread may need this one's carrier in order to leave.
     */
    @SuppressWarnings("ThreadPriorityCheck") // only to let others run
    private boolean mayTryAgain(int tries, long begin) {
        boolean ending = link.has(ConnectionState.ENDED | ConnectionState.CLOSING);
        if (!ending || (tries > CLOSING_TRIES && System.nanoTime() - begin > CLOSING_NANOS)) {
            return false;
        }
        if (tries < CLOSING_TRIES) {
            Thread.onSpinWait();
        } else {
            Thread.yield();
        }
        return true;
    }

    private IllegalStateException usedByOther() {
        Thread other = user; // it may have left meanwhile
        return new IllegalStateException("another thread" + (other == null ? "" : ", " + other + ",")
                + " uses this side to " + operation()
                + (link.has(ConnectionState.RUNNING)
                        ? "; a callback has the reader as long as it runs, and what it has begun to write: use them in"
                                + " it, or when it has returned"
                        : "; a connection has one reader and one writer at a time, use asByteChannel() to share it"));
    }

    /**
     * {@return whether the connection has ended and was closed locally} One that ended because it broke keeps its
     * received bytes for the reader.
     */
    private static boolean isOver(int state) {
        return (state & (ConnectionState.ENDED | ConnectionState.CLOSING))
                == (ConnectionState.ENDED | ConnectionState.CLOSING);
    }

    /** {@return the user, replaced if it was {@code expected}} The only call site: at the end it is no first use. */
    private @Nullable Thread replaceUser(@Nullable Thread expected, Thread next) {
        return (Thread) USER.compareAndExchange(this, expected, next);
    }

    private boolean tryEnter(Thread current) {
        Thread before = replaceUser(null, current);
        return before == null || (!before.isAlive() && replaceUser(before, current) == before);
    }

    /** Makes the calling thread the user without checking the connection's state; {@return whether it could} */
    final boolean tryEnter() {
        Thread current = Thread.currentThread();
        return USER.get(this) == current || tryEnter(current);
    }

    /** <i>User.</i> Ends the use. */
    final void exit() {
        if (link.spares() != null) {
            exitInRun();
            return;
        }
        user = null; // S2
        if (link.has(ConnectionState.ENDED)) {
            end();
        }
    }

    /** <i>User, and holder of RUNNING.</i> Ends the use (S4). */
    final void exitInRun() {
        USER.setRelease(this, (Thread) null);
    }

    final boolean isUser() {
        return USER.get(this) == Thread.currentThread();
    }

    /** The calling thread closes the connection outside of a run: frees the side, unless another thread uses it. */
    final void leaveForGood() {
        boolean nested = isUser();
        if (nested || tryEnter()) {
            try {
                if (nested) {
                    freeAll();
                } else {
                    freeUnseen(); // the views may belong to another thread
                }
            } finally {
                exit();
            }
        }
    }

    /** The connection has ended: frees the side's memory if nobody uses it (S2). */
    final void end() {
        boolean kept;
        do {
            kept = isKept();
            Thread last = user;
            boolean abandoned = last == null || last == Thread.currentThread() || !last.isAlive();
            if (!abandoned || replaceUser(last, Thread.currentThread()) != last) {
                return;
            }
            try {
                if (kept) {
                    keepForUser();
                } else {
                    freeUnseen();
                }
            } finally {
                user = null;
            }
        } while (kept && !isKept()); // a thread that decides otherwise meanwhile finds this one inside
    }

    private boolean isKept() {
        return !link.has(ConnectionState.CLOSING) && mayKeep();
    }

    /** {@return whether somebody uses the side} */
    final boolean isUsed() {
        return user != null;
    }

    /** {@return whether another live thread uses the side, and so will leave it} */
    final boolean isUsedByOther() {
        Thread other = user;
        return other != null && other != Thread.currentThread() && other.isAlive();
    }

    /**
     * The connection has ended while a user may still want what it holds: unread bytes of a broken connection, or a
     * message being written. The user may come back and free that. Otherwise it is freed when the connection has become
     * unreachable, so that nobody can. Every operation uses its side once more at its end, so the connection stays
     * reachable during an operation. Memory that views show is left to the collector even then (S3).
     *
     * <p>Static, because the clean-up action must not keep the connection reachable.
     */
    static void freeWhenUnreachable(Link connection, @Nullable SegmentReader unread, @Nullable SegmentWriter unsent) {
        Cleaners.cleaner().register(connection, () -> {
            if (unread != null) {
                unread.abandon();
            }
            if (unsent != null) {
                unsent.abandon();
            }
        });
    }

    // ---- limits ----

    final void setTimeout(Duration value) {
        limit = new Limit(ConnectionConfig.nanos(value), NEVER);
        wake();
        link.ensureArmed(waitEnd(System.nanoTime()));
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

    /** {@return whether the deadline has passed} */
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

    // ---- waiting ----

    /** Publishes the calling thread as the waiter. A second waiter is a mistake of the program. */
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
     * Parks until another thread wakes this one, which must then check its condition again; false if the wait that
     * began at {@code begin} has timed out.
     */
    final boolean await(long begin) throws InterruptedIOException {
        long end = waitEnd(begin);
        if (end != NEVER && end - System.nanoTime() <= 0) {
            return false;
        }
        if (end != waitDeadline) {
            waitDeadline = end;
            link.ensureArmed(end);
            return true; // a lock on the way there may have consumed a wake-up, so check before parking
        }
        if (EventLoop.beforeBlocking()) {
            return true; // its locks may have consumed a wake-up, too
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
        link.loop().unpark(thread);
        return true;
    }

    /** Refuses a call that would have to wait on an event loop. */
    static void refuseOnLoop(String what, String instead) {
        if (EventLoop.onLoop()) {
            throw ConnectionErrors.wouldBlock(what, instead);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionConfig.NEVER;

import dev.netpoll.ConnectionClosedException;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.memory.SegmentReader;
import dev.netpoll.internal.memory.SegmentWriter;
import java.io.InterruptedIOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.Cleaner;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * What the two sides of a connection have in common: one user at a time, and one waiter.
 *
 * <p><b>Use.</b> The buffers of a side are plain memory. A thread becomes the side's {@code user} by a CAS before it
 * touches them, and stops being it by a volatile store. So two threads never work on them at once, whatever the program
 * does, and closing frees them under nobody's hands:
 *
 * <pre>
 *   nobody --enter: CAS by a thread--> that thread --exit--> nobody
 *                                      a thread that has terminated --enter, end: CAS--> the other
 * </pre>
 *
 * <ul>
 *   <li>S1 A thread becomes the user by a CAS of {@code user}, and then looks for ENDED; ENDED is set (volatile) before
 *       the ender tries its CAS. So either the thread sees ENDED and keeps out, or the ender finds a user.
 *   <li>S2 A user leaves by a volatile store of {@code user}, and then looks for ENDED. So if the ender has found a
 *       user, that user frees the side's memory on its way out; else the ender does. One of them does.
 *   <li>S3 Memory that a view shows is not freed by an ender, who cannot know whether anybody looks: it stays until the
 *       reader releases it, or until the collector finds that nobody can look at it any more.
 *   <li>S4 The holder of RUNNING leaves by a release store and need not look: ENDED is never set beside RUNNING, and
 *       the CAS that removes RUNNING comes before anybody can end the side, who then sees that it has left.
 * </ul>
 *
 * <p>A second thread gets an {@link IllegalStateException} before it has touched anything. One call is one use, except
 * that a run of the handler holds the inbound side as long as it lasts, and {@link Outbound} says when it is held for a
 * whole message.
 *
 * <p><b>Waiting.</b> The waiter publishes itself, then looks at the condition; whoever makes the condition true does so
 * first and then looks for the waiter. Time-outs come from the loop's timer, which only unparks: the waiter looks at
 * the clock itself. Parking is untimed.
 */
abstract class Side {
    /** How long another thread waits for a callback to return, and how often it looks. */
    private static final long RUN_NANOS = 100_000_000;

    private static final long RUN_LOOK_NANOS = 20_000;

    private static final VarHandle USER;
    private static final VarHandle WAITER;
    private static final VarHandle LIMIT;

    private static final Cleaner CLEANER = Cleaner.create();

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

    /** How long, and how often at once, one tries again while another closes, which takes some dozen instructions. */
    private static final long CLOSING_NANOS = 1_000_000_000;

    private static final int CLOSING_TRIES = 10_000;

    final Link link;

    private volatile @Nullable Thread user;

    private volatile @Nullable Thread waiter;

    /** What was set; null while nothing was, and the time-out of the options holds, which all connections share. */
    private volatile @Nullable Limit limit;

    /** When the wait in progress ends, or NEVER; the connection's timer reads it. */
    private volatile long waitDeadline = NEVER;

    Side(Link link) {
        this.link = link;
    }

    /** {@return the limit of each wait as the options say} */
    abstract Duration defaultTimeout();

    /** <i>User.</i> Frees what the side owns and nobody can look at. */
    abstract void freeUnseen();

    /**
     * <i>User.</i> The connection has ended by itself: what there is can still be used, and is freed when nobody can.
     */
    abstract void keepForUser();

    /** <i>User.</i> Frees all that the side owns: the caller, who has the views, says that they are over. */
    abstract void freeAll();

    /** What this side does, for messages. */
    abstract String operation();

    // ---- use ----

    /** Makes the calling thread the user, unless it is that already; to be called first by every operation. */
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
     * A callback may have handed the connection to this thread, as onConnect often does, and is about to return: waits
     * for that a little; {@return whether it has entered}
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
     * As {@link #enter}, but also of a connection that is closed: there may be memory to give back. {@return false if
     * it is being closed, and whoever does that, runs a callback or wakes up in a read does not leave the side: it sees
     * to the memory}
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
     * Another thread has the side: the program's, which is a mistake unless it is about to leave because the connection
     * has ended, or the one that ends it. {@return whether to try again} Lets others run, as that thread may need the
     * carrier of this one to leave.
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
     * {@return whether the connection has ended and was closed here} One that has ended because it broke keeps what it
     * received for its reader.
     */
    private static boolean isOver(int state) {
        return (state & (ConnectionState.ENDED | ConnectionState.CLOSING))
                == (ConnectionState.ENDED | ConnectionState.CLOSING);
    }

    /** {@return the user, replaced if it was {@code expected}} The only place: at the end it is not new. */
    private @Nullable Thread replaceUser(@Nullable Thread expected, Thread next) {
        return (Thread) USER.compareAndExchange(this, expected, next);
    }

    private boolean tryEnter(Thread current) {
        Thread before = replaceUser(null, current);
        return before == null || (!before.isAlive() && replaceUser(before, current) == before);
    }

    /** Makes the calling thread the user, without looking at the connection's state; {@return whether it could} */
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

    /** The calling thread closes the connection outside of a run: frees the side, if it can be had. */
    final void leaveForGood() {
        boolean nested = isUser();
        if (nested || tryEnter()) {
            try {
                if (nested) {
                    freeAll();
                } else {
                    freeUnseen(); // the views may be another thread's
                }
            } finally {
                exit();
            }
        }
    }

    /** The connection has ended: sees to the side's memory, if nobody uses it (S2). */
    final void end() {
        boolean closing;
        do {
            closing = link.has(ConnectionState.CLOSING);
            Thread last = user;
            boolean abandoned = last == null || last == Thread.currentThread() || !last.isAlive();
            if (!abandoned || replaceUser(last, Thread.currentThread()) != last) {
                return;
            }
            try {
                if (closing) {
                    freeUnseen();
                } else {
                    keepForUser();
                }
            } finally {
                user = null;
            }
        } while (!closing && link.has(ConnectionState.CLOSING)); // who closes meanwhile finds us here
    }

    /** {@return whether somebody uses the side} */
    final boolean isUsed() {
        return user != null;
    }

    /** {@return whether another thread uses the side, which lives and will leave it} */
    final boolean isUsedByOther() {
        Thread other = user;
        return other != null && other != Thread.currentThread() && other.isAlive();
    }

    /**
     * The connection has ended while somebody could still use what it holds: unread bytes of one that broke, a message
     * that was being written. The user may come back and free that. If nobody does, it is freed when the connection
     * has become unreachable, so that nobody can. Every operation uses its side once more at its end, so a connection
     * is reachable as long as one is under way. Memory that views show is left to the collector even then (S3).
     *
     * <p>Static, as what frees the memory must not keep the connection reachable.
     */
    static void freeWhenUnreachable(Link connection, @Nullable SegmentReader unread, @Nullable SegmentWriter unsent) {
        CLEANER.register(connection, () -> {
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

    // ---- waiting ----

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
            link.ensureArmed(end);
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

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionConfig.NEVER;

import dev.netpoll.internal.loop.Timer;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * The one timer of a connection, for all its time-outs. It is armed for the first of them or earlier, and re-armed
 * lazily: when it expires, it handles what is due and arms itself for the next. So a request costs no timer work while
 * the timer is armed for something earlier.
 *
 * <p>T1 A thread writes its deadline (volatile), then reads {@code armedFor}; the loop sets {@code armedFor} to NEVER,
 * then reads all deadlines. So either the loop sees a deadline, or the thread asks the loop to look.
 *
 * <p>T2 A connection without an idle time-out creates its timer when a thread first waits with a limit, by a CAS in
 * {@link Link#timer()}. A thread that loses the CAS uses the winner's timer. T1 holds for all of them, as each wrote
 * its deadline first. A loop that finds no timer has nothing to stop: one created later finds CLOSED.
 */
final class ConnectionTimer extends Timer {
    /** How long a closing connection without a write time-out may take to send the bytes it owes. */
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** How often a connection that waits for memory checks whether the one whose turn it is has stalled. */
    private static final long STARVED_NANOS = TimeUnit.MILLISECONDS.toNanos(300);

    /** A timer is this late only if its thread stood still. */
    private static final long DELAY_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private final Link link;
    private final Inbound inbound;
    private final Outbound outbound;
    private volatile long armedFor = NEVER;
    private volatile long idleTimeout;
    private volatile long lastActivity;

    /** Whether a thread has asked the loop to look at the deadlines. */
    private volatile boolean lookDue;

    /** The value of {@code lastActivity} that the last forgiven delay set. Loop only. */
    private long forgivenAt = NEVER;

    /** Until when a closing connection may send the bytes it owes. Loop only. */
    private long lingerDeadline = NEVER;

    ConnectionTimer(Link link, Inbound inbound, Outbound outbound) {
        this.link = link;
        this.inbound = inbound;
        this.outbound = outbound;
        this.idleTimeout = ConnectionConfig.nanos(link.config().options().idleTimeout());
    }

    /** <i>Loop.</i> The connection goes live. */
    void start() {
        touch();
        rearm();
    }

    /** Bytes went in or out, or a handler ran. */
    void touch() {
        if (idleTimeout != NEVER) {
            lastActivity = System.nanoTime();
        }
    }

    void setIdleTimeout(Duration timeout) {
        idleTimeout = ConnectionConfig.nanos(timeout);
        touch();
        link.ensureArmed(idleDeadline());
    }

    /**
     * Makes sure that the timer expires no later than the deadline. Any thread; the deadline must be visible already.
     * The loop arms the timer later: all its connections share the timers, and this stack may be nearly used up.
     */
    void ensureArmed(long deadline) {
        long armed = armedFor; // T1
        if (armed != NEVER && armed - deadline <= 0) {
            return;
        }
        lookDue = true;
        link.signal();
    }

    /** <i>Loop.</i> Looks at the deadlines if a thread asked for it. */
    void signalled() {
        if (lookDue) {
            lookDue = false;
            rearm();
        }
    }

    /** <i>Loop.</i> The connection waits for memory. */
    void lookSoon() {
        rearm();
    }

    /** <i>Loop.</i> Lets a closing connection linger, but not for ever, whatever the write time-out. */
    void linger(long nanos) {
        lingerDeadline = System.nanoTime() + (nanos == NEVER ? LINGER_NANOS : nanos);
        rearm();
    }

    /** <i>Loop.</i> Stops for good. */
    void stop() {
        link.loop().disarm(this);
    }

    private void rearm() {
        rearm(System.nanoTime(), false);
    }

    /** Arms for the first deadline; {@code woken} says that waiters due by {@code now} have been woken already. */
    private void rearm(long now, boolean woken) {
        if (link.has(ConnectionState.CLOSED)) {
            return;
        }
        armedFor = NEVER; // T1
        long read = inbound.waitDeadline();
        long write = outbound.waitDeadline();
        long next = earlier(woken && isDue(read, now) ? NEVER : read, woken && isDue(write, now) ? NEVER : write);
        next = earlier(next, idleDeadline());
        next = earlier(next, outbound.stallDeadline());
        next = earlier(next, lingerDeadline);
        next = earlier(next, inbound.isStarved() ? now + STARVED_NANOS : NEVER);
        if (next == NEVER) {
            link.loop().disarm(this);
        } else {
            armedFor = next;
            link.loop().arm(this, next);
        }
    }

    @Override
    protected void expired(long now) {
        try {
            look(now);
        } catch (Throwable t) {
            link.fault(t);
        }
    }

    private void look(long now) {
        armedFor = NEVER; // T1
        if (inbound.isStarved()) {
            inbound.updatePaused();
        }
        if (isDue(inbound.waitDeadline(), now)) {
            inbound.wake();
        }
        if (isDue(outbound.waitDeadline(), now)) {
            outbound.wake();
        }
        if (isDue(lingerDeadline, now)) {
            lingerDeadline = NEVER;
            link.abort();
        } else if (isDue(outbound.stallDeadline(), now)) {
            link.closeFor(EndReason.WRITE_TIMEOUT, true);
        } else if (isDue(idleDeadline(), now)) {
            if (link.isBusy() || inbound.keepsPeerWaiting()) {
                touch();
            } else if (!forgiveDelay(now)) {
                // If bytes stayed unsent for so long, an orderly end would wait as long again.
                link.closeFor(EndReason.IDLE_TIMEOUT, link.has(ConnectionState.SENDING));
                idleTimeout = NEVER;
            }
        }
        rearm(now, true);
    }

    /**
     * A deadline found late means that the process or its machine stood still, and perhaps the peer, too. Extends the
     * deadline by that delay, once; {@return whether it did}
     */
    private boolean forgiveDelay(long now) {
        long activity = lastActivity;
        long late = now - activity - idleTimeout;
        if (late < DELAY_NANOS || activity == forgivenAt) {
            return false;
        }
        forgivenAt = now - idleTimeout + Math.min(late, idleTimeout);
        lastActivity = forgivenAt;
        return true;
    }

    private long idleDeadline() {
        long limit = idleTimeout;
        return limit == NEVER ? NEVER : lastActivity + limit;
    }

    private static boolean isDue(long deadline, long now) {
        return deadline != NEVER && deadline - now <= 0;
    }

    private static long earlier(long a, long b) {
        if (a == NEVER) {
            return b;
        }
        return b == NEVER || a - b <= 0 ? a : b;
    }
}

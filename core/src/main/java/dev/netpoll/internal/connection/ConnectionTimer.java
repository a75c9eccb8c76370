// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionConfig.NEVER;

import dev.netpoll.internal.loop.Timer;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * The one timer of a connection, for all its time-outs. It is armed no later than the first of them and re-armed
 * lazily: when it expires it looks at what is due and arms itself for the next. So a request costs no timer work at
 * all as long as the timer is armed for something earlier.
 *
 * <p>T1 A thread writes its deadline (volatile), then looks at {@code armedFor}; the loop sets {@code armedFor} to
 * NEVER, then looks at all deadlines. So a deadline is either seen by the loop or makes its thread ask the loop to
 * look.
 *
 * <p>T2 A connection without an idle time-out gets its timer when something first waits with a limit, by a CAS of
 * {@link Link#timer()}. Whoever comes too late uses the winner's; for all of them T1 holds, as each wrote
 * its deadline before. The loop that finds no timer has nothing to stop: one that is made later finds CLOSED.
 */
final class ConnectionTimer extends Timer {
    /** How long a closing connection without a write time-out may take to send what it owes. */
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** How often a connection that waits for memory looks whether the one whose turn it is has stalled. */
    private static final long STARVED_NANOS = TimeUnit.MILLISECONDS.toNanos(300);

    /** A timer is not that late unless its thread stood still. */
    private static final long DELAY_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private final Link link;
    private final Inbound inbound;
    private final Outbound outbound;
    private volatile long armedFor = NEVER;
    private volatile long idleTimeout;
    private volatile long lastActivity;

    /** Whether a thread has asked the loop to look at the deadlines. */
    private volatile boolean lookDue;

    /** What the last delay made of {@code lastActivity}. Loop only. */
    private long forgivenAt = NEVER;

    /** Until when a closing connection may send what it owes. Loop only. */
    private long lingerDeadline = NEVER;

    ConnectionTimer(Link link, Inbound inbound, Outbound outbound) {
        this.link = link;
        this.inbound = inbound;
        this.outbound = outbound;
        this.idleTimeout = ConnectionConfig.nanos(link.config().options().idleTimeout());
    }

    /** <i>Loop.</i> The connection lives from now on. */
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
     * The loop looks itself, next: all its connections share the timers, and this stack may be nearly used up.
     */
    void ensureArmed(long deadline) {
        long armed = armedFor; // T1
        if (armed != NEVER && armed - deadline <= 0) {
            return;
        }
        lookDue = true;
        link.signal();
    }

    /** <i>Loop.</i> Looks at the deadlines if somebody has asked for it. */
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

    /** <i>Loop.</i> Lets a closing connection linger; not for ever, whatever the write time-out. */
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

    /** Arms for the first deadline; {@code woken} says that waiters whose time is up by {@code now} know it already. */
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
                // What could not be sent in all that time would make an orderly end wait as long again.
                link.closeFor(EndReason.IDLE_TIMEOUT, link.has(ConnectionState.SENDING));
                idleTimeout = NEVER;
            }
        }
        rearm(now, true);
    }

    /**
     * A deadline that is found late says that the process, or its machine, stood still, and the peer perhaps, too. It
     * gets as long again as that took, once; {@return whether it has}
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

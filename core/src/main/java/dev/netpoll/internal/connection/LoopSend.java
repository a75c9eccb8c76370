// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionConfig.NEVER;
import static dev.netpoll.internal.connection.ConnectionState.BROKEN;
import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CUT;
import static dev.netpoll.internal.connection.ConnectionState.SENDING;

import dev.netpoll.internal.transport.SendQueue;

/**
 * The loop's half of the outbound side: it sends what threads have left, takes back what a flush wants back, and knows
 * when a peer counts as stuck.
 *
 * <p>A flush that gives up sets {@code withdrawing}, signals and waits. The loop answers when it has the role, or when
 * the role is free: it drops what is not promised, and wakes the flush. While a thread has the role, that thread
 * signals again when it gives the role back (F3 of {@link SendRole}), so the flush always gets its answer.
 */
abstract class LoopSend extends SendRole {
    /** When the loop last made progress with what it sends. Loop only. */
    private long progressAt;

    LoopSend(Link link) {
        super(link);
    }

    /** <i>Loop</i>, while something is unsent: no run of the handler begins before the peer has taken it. */
    final void holdRuns() {
        stuck = true;
    }

    /**
     * Asks the loop to take back what is not accepted. The caller waits until {@link #isWithdrawing} ends.
     */
    final void startWithdrawing() {
        withdrawing = true;
        link.signal();
    }

    final boolean isWithdrawing() {
        return withdrawing;
    }

    // ---- event loop ----

    /** Looks at everything that other threads may have left to the loop. */
    final void goOn() {
        if (link.has(CLOSED)) {
            closedOnLoop();
            return;
        }
        boolean goesOn = takeKept(LOOP);
        boolean full = goesOn && blocked;
        if (incoming != null && role == FREE && link.add(SENDING, CLOSED)) {
            role = LOOP;
            goesOn = true;
        }
        if (goesOn) {
            progressAt = System.nanoTime();
        }
        if (incoming != null && role == LOOP) {
            adopt();
            full = true;
            goesOn = true;
        }
        int now = role;
        if (withdrawing && (now == LOOP || now == FREE)) { // else its holder signals
            withdraw();
        } else if (goesOn) {
            if (full) {
                link.ensureArmed(stallDeadline());
            }
            link.transport().sendRest(queue());
        }
    }

    private void adopt() {
        SendQueue to = queue(); // first: making one may fail
        to.add(takeIncoming());
        count(to);
    }

    /** Drops what a flush wants back, and is not sent. */
    private void withdraw() {
        if (role == LOOP) {
            link.transport().stopSending(); // which may tell of bytes that were sent just now
        }
        if (role == LOOP) {
            SendQueue rest = queue();
            rest.truncate(Math.max(0, promised - sent));
            enqueued = sent + rest.bytes();
            promised = Math.min(promised, enqueued);
            if (rest.isEmpty()) {
                release();
                link.drained();
            } else {
                count(rest);
                link.transport().sendRest(rest);
            }
        }
        withdrawing = false;
        wake();
    }

    /** The transport has sent bytes of the queue; with {@code drained} it no longer holds it. */
    final void progressed(long bytes, boolean drained) {
        long position = sent + bytes; // F1: only the holder writes it
        sent = position; // before it looks for the waiter
        if (bytes > 0) {
            progressAt = System.nanoTime();
        }
        if (drained) {
            release();
        } else {
            count(queue);
            link.ensureArmed(stallDeadline());
        }
        wake();
    }

    /** {@return whether bytes that were promised to be sent are still on their way} */
    final boolean owesBytes() {
        return sent < promised && !wrecked && !link.has(BROKEN | CLOSED | CUT);
    }

    /** {@return when the peer counts as stuck because it takes nothing of what was promised, or NEVER} */
    final long stallDeadline() {
        long limit = timeoutNanos();
        return role != LOOP || sent >= promised || limit == NEVER ? NEVER : progressAt + limit;
    }

    /** The transport is closed: the loop lets go of what it was to send. */
    final void closedOnLoop() {
        try {
            boolean isOurs = takeKept(LOOP) || role == LOOP || (wrecked && role == THREAD); // F5
            if (isOurs) {
                release();
            }
            freeIncoming();
        } finally {
            withdrawing = false;
            wake();
        }
    }
}

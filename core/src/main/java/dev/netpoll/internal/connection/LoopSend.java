// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionConfig.NEVER;
import static dev.netpoll.internal.connection.ConnectionState.BROKEN;
import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CLOSING;
import static dev.netpoll.internal.connection.ConnectionState.CUT;
import static dev.netpoll.internal.connection.ConnectionState.SENDING;

import dev.netpoll.internal.transport.SendQueue;

/**
 * The loop's half of the outbound side: it sends what threads left to it, withdraws bytes for a flush that gives up,
 * and knows when a peer is stuck.
 *
 * <p>A flush that gives up sets {@code withdrawing}, signals and waits. When the loop has the role, or the role is
 * free, it drops what is not promised and wakes the flush. While a thread has the role, that thread signals again when
 * it gives the role back (F3 of {@link SendRole}), so the flush always gets its answer.
 *
 * <p>A loop that closes takes the role first, in the same way, and drops what is not promised. In both cases the stream
 * is CUT if the peer has got a part of a flush, before anybody can close it in order. A resumable flush that gives up
 * leaves it unfinished instead: it may go on, but not end in order there.
 */
abstract class LoopSend extends SendRole {
    /** When the loop's sending last made progress. Loop only. */
    private long progressAt;

    /** Why the latest flush that gave up did so. Written before {@code withdrawing}. */
    private EndReason withdrawnFor = EndReason.NONE;

    LoopSend(Link link) {
        super(link);
    }

    /** <i>Loop</i>, with unsent bytes: holds runs of the handler back until the peer has taken them. */
    final void holdRuns() {
        stuck = true;
    }

    /** Asks the loop to drop what is not accepted. The caller waits until {@link #isWithdrawing} is false. */
    final void startWithdrawing(EndReason why) {
        withdrawnFor = why;
        withdrawing = true;
        link.signal();
    }

    final boolean isWithdrawing() {
        return withdrawing;
    }

    // ---- event loop ----

    /** Handles everything that other threads may have left to the loop. */
    final void goOn() {
        if (link.has(CLOSED)) {
            closedOnLoop();
            return;
        }
        boolean goesOn = takeKept(LOOP);
        boolean full = goesOn && blocked;
        goesOn |= incoming != null && takeFree();
        if (goesOn) {
            progressAt = System.nanoTime();
        }
        if (incoming != null && role == LOOP) {
            adopt();
            full = true;
            goesOn = true;
        }
        int now = role;
        if (withdrawing && (now == LOOP || (now == FREE && !link.has(SENDING)))) { // else its holder signals
            withdraw();
        } else if (goesOn) {
            SendQueue rest = queue();
            if (link.has(CLOSING)) {
                dropUnaccepted(rest);
            }
            if (full) {
                link.ensureArmed(stallDeadline());
            }
            link.transport().sendRest(rest);
        }
    }

    private boolean takeFree() {
        if (role != FREE || !link.add(SENDING, CLOSED)) {
            return false;
        }
        role = LOOP;
        return true;
    }

    private void adopt() {
        SendQueue to = queue(); // first: creating it may fail
        to.add(takeIncoming());
        count(to);
    }

    /** Drops the unsent bytes of a flush that gives up. */
    private void withdraw() {
        if (role == LOOP) {
            link.transport().stopSending(); // may report bytes sent just now
        }
        if (role == LOOP) {
            if (isTorn()) {
                if (resumable) {
                    tornAt = sent;
                } else {
                    link.cut(withdrawnFor);
                }
            }
            SendQueue rest = queue();
            dropUnaccepted(rest);
            enqueued = sent + rest.bytes();
            promised = Math.min(promised, enqueued);
            if (rest.isEmpty()) {
                release();
                link.drained();
            } else {
                goOnSending(rest);
            }
        }
        withdrawing = false;
        wake();
    }

    private void goOnSending(SendQueue rest) {
        count(rest);
        link.transport().sendRest(rest);
    }

    /**
     * <i>Loop</i>, about to close in order. Takes the role, so that no thread sends from now on, and drops what no
     * flush has accepted; its flush ends with an exception.
     *
     * @return false while a thread is sending, which signals when it has; and if this has closed the connection
     */
    final boolean stopFlushes() {
        boolean starts = takeKept(LOOP);
        if (starts || takeFree()) {
            progressAt = System.nanoTime();
        }
        if (role != LOOP) {
            return wrecked; // an Error left it with a thread for ever (F5)
        }
        if (promised < enqueued && sent < enqueued) {
            link.transport().stopSending(); // may report bytes sent just now
            if (role != LOOP) {
                return stopFlushes(); // all were sent
            }
            if (isTorn()) {
                link.add(CUT);
                return true;
            }
            starts = true;
        }
        SendQueue rest = queue;
        if (starts && rest != null) {
            dropUnaccepted(rest); // enqueued stays: the flush may not wait yet
            if (!rest.isEmpty()) {
                goOnSending(rest);
            }
            return role == LOOP || stopFlushes();
        }
        return true;
    }

    private void dropUnaccepted(SendQueue unsent) {
        unsent.truncate(Math.max(0, promised - sent));
    }

    /** The transport has sent bytes of the queue; with {@code drained} it no longer holds it. */
    final void progressed(long bytes, boolean drained) {
        long position = sent + bytes; // F1: only the holder writes it
        sent = position; // before looking for the waiter
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

    /** {@return whether promised bytes are still unsent} */
    final boolean owesBytes() {
        return sent < promised && !wrecked && !link.has(BROKEN | CLOSED | CUT);
    }

    /** {@return whether the peer got a part of what it should get, and no more follows once the socket is closed} */
    final boolean leavesAPart() {
        return wrecked || isUnfinished() || sent < promised || isTorn(); // the first before promised grows
    }

    /** {@return when the peer counts as stuck if it takes no promised bytes until then, or NEVER} */
    final long stallDeadline() {
        long limit = timeoutNanos();
        return role != LOOP || sent >= promised || limit == NEVER ? NEVER : progressAt + limit;
    }

    /** The transport is closed: drops what the loop still had to send. */
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

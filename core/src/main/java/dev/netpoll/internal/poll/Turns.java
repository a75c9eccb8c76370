// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import dev.netpoll.internal.transport.Starvation;
import org.jspecify.annotations.Nullable;

/**
 * The sockets that a poller must continue without an event: one list for those that wait for the next turn, one for
 * those that wait for memory. The lists are linked through their members, so that waiting allocates nothing. A member
 * is in at most one list, and knows itself whether it is.
 *
 * <p>Not thread-safe: loop only.
 */
public final class Turns {
    private @Nullable Continuable first;
    private @Nullable Continuable last;
    private int size;

    /** How many members of the first list belong to the batch. */
    private int due;

    /** Members that wait for memory, in no order. */
    private @Nullable Continuable starved;

    /** When the starved members try again. */
    private long retryAt;

    /** {@return whether no member waits for the next turn} */
    public boolean isEmpty() {
        return size == 0;
    }

    /** Continues it in the next turn. */
    public void add(Continuable continuable) {
        continuable.nextContinued(null);
        if (last == null) {
            first = continuable;
        } else {
            last.nextContinued(continuable);
        }
        last = continuable;
        size++;
    }

    /** Continues it when there may be memory again. */
    public void addStarved(Continuable continuable) {
        if (starved == null) {
            retryAt = System.nanoTime() + Starvation.RETRY_NANOS;
        }
        continuable.nextContinued(starved);
        starved = continuable;
    }

    /** {@return whether a member waits for memory} */
    public boolean hasStarved() {
        return starved != null;
    }

    /** {@return nanoseconds until {@link #begin} must be called for members that wait for memory, -1 for never} */
    public long untilRetry(long now) {
        return starved == null ? -1 : Math.max(0, retryAt - now);
    }

    /** {@return the time-out, shortened if members that wait for memory are due earlier} */
    public long bounded(long timeoutNanos) {
        if (starved == null || timeoutNanos == 0) {
            return timeoutNanos;
        }
        long left = untilRetry(System.nanoTime());
        return timeoutNanos < 0 ? left : Math.min(left, timeoutNanos);
    }

    /** Begins a batch; {@return whether it has members} Members added during the batch wait for the next one. */
    public boolean begin() {
        if (starved != null && System.nanoTime() - retryAt >= 0) {
            Continuable next = starved;
            starved = null;
            while (next != null) {
                Continuable current = next;
                next = current.nextContinued();
                add(current);
            }
        }
        due = size;
        return due > 0;
    }

    /** Continues the next member of the batch; {@return false if there is none} */
    public boolean continueOne() {
        Continuable current = first;
        if (due == 0 || current == null) {
            return false;
        }
        due--;
        size--;
        first = current.nextContinued();
        if (first == null) {
            last = null;
        }
        current.nextContinued(null);
        try {
            current.continueTurn();
        } catch (Throwable t) {
            current.crashed(t);
        }
        return true;
    }

    /** Continues every member once more, even those that wait for memory. */
    public void finish() {
        retryAt = System.nanoTime();
        begin();
        while (continueOne()) {
            // one by one
        }
    }

    /** Removes all members. */
    public void clear() {
        first = null;
        last = null;
        starved = null;
        size = 0;
        due = 0;
    }
}

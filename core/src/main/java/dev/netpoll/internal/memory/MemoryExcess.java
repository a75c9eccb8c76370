// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import org.jspecify.annotations.Nullable;

/**
 * Decides which waiter gives up what it holds, where waiting would never end otherwise.
 *
 * <ul>
 *   <li>Waiters that continued, and wait again because their peers were too slow, hold memory <i>in vain</i>. If they
 *       hold more than the limit together, the one that holds most gives up.
 *   <li>If connections that neither wait nor continue hold twice the limit, the program has the memory, in slices or in
 *       messages that it handles. The budget is <i>flooded</i>, and no further waiter may continue before some memory
 *       is back. If that takes too long, the waiters for which the program keeps most give up one after the other, as
 *       they may wait for each other.
 *   <li>If the process has no memory at all, and the waiter that has the turn gets none, those that hold most give up
 *       what it misses. They keep half the limit, as the memory may be elsewhere. If that does not help, it gives up
 *       itself.
 * </ul>
 *
 * <p>Invariant, numbered through the layers of {@link MemoryTurns}:
 * <ul>
 *   <li>T2. Waiters that continued with a message, wait for the rest of it and were not ended hold at most the limit
 *       after each call, not counting {@code FREE} for each: {@code inVain} is what they held when they began to wait.
 *       Other waiters held their bytes before the limit was exceeded.
 * </ul>
 */
abstract class MemoryExcess extends MemoryLines {
    /** How long a flood may keep further waiters from continuing before one of the waiters is ended. */
    private static final long FLOOD_NANOS = 5_000_000_000L;

    /** Whether a waiter could not continue because the budget was flooded. Changed under the lock. */
    volatile boolean heldUp;

    /** When the next waiter is ended if the flood lasts until then. Guarded by the lock. */
    private long floodEnds;

    /** For how long after a refusal by the process memory is {@link #isShort short}. */
    private static final long SHORT_NANOS = 50_000_000;

    /** What waiters keep when others give up for the one that has the turn: the limit divided by this. */
    private static final int KEPT_PART = 2;

    private volatile long gaveUp; // changed under the lock

    /** When the process had no memory to receive into, or 0 if that is long ago. */
    private volatile long refusedAt;

    MemoryExcess(MemoryBudget budget) {
        super(budget);
    }

    /** How many waiters had to give up what they held so far. */
    public final long gaveUp() {
        return gaveUp;
    }

    // ---- held in vain

    /** Ends the waiters that hold most in vain, until the others hold no more than the limit (T2). */
    final void closeGreediest() {
        for (MemoryWaiter next = greediest(); next != null; next = greediest()) {
            next.heldTooLong();
        }
    }

    /** {@return the waiter that holds most in vain, if the sum is too much; each once} */
    private @Nullable MemoryWaiter greediest() {
        if (inVain <= budget.limit()) {
            return null;
        }
        synchronized (this) {
            MemoryWaiter greediest = null;
            for (WaitingLine line : begun) {
                for (MemoryWaiter each = line.first(); each != null; each = each.following) {
                    count(each, each.held()); // may have shrunk
                    if (greediest == null || each.inVain > greediest.inVain) {
                        greediest = each;
                    }
                }
            }
            if (greediest == null || inVain <= budget.limit()) {
                return null;
            }
            giveUp(greediest);
            return greediest;
        }
    }

    /** <i>Locked.</i> The caller calls {@link MemoryWaiter#heldTooLong} afterwards, without the lock. */
    private void giveUp(MemoryWaiter waiter) {
        waiter.givesUp = true;
        count(waiter, waiter.known);
        long before = gaveUp;
        gaveUp = before + 1;
    }

    // ---- kept by the program

    /**
     * {@return whether connections that neither wait nor continue hold more than twice the limit} They may hold the
     * limit without asking, as parts of messages; the program holds the rest.
     */
    final boolean isFlooded() {
        MemoryWaiter current = favourite;
        long others = budget.received() - known - (current == null ? 0 : current.held());
        return others > 2 * budget.limit();
    }

    /** <i>Locked.</i> {@return whether a further waiter may continue} If not, it is told later. */
    final boolean mayBegin() {
        boolean may = !isFlooded();
        if (!may && !heldUp) {
            heldUp = true;
            floodEnds = System.nanoTime() + FLOOD_NANOS;
        }
        return may;
    }

    /** Ends a waiter if the program keeps its memory: it may keep parts of messages and wait for the rest. */
    final void closeKeeper() {
        MemoryWaiter keeper = null;
        synchronized (this) {
            long now = System.nanoTime();
            if (now - floodEnds < 0 || !isFlooded()) {
                return;
            }
            floodEnds = now + MemoryWaiter.TURN_NANOS; // one after the other
            for (WaitingLine line : begun) {
                for (MemoryWaiter each = line.first(); each != null; each = each.following) {
                    if (!each.givesUp && each.kept() > (keeper == null ? 0 : keeper.kept())) {
                        keeper = each;
                    }
                }
            }
            if (keeper == null) {
                return;
            }
            giveUp(keeper);
        }
        keeper.heldTooLong();
    }

    // ---- refused by the system

    /** {@return whether the process has just had no memory to receive into} Usually one volatile read. */
    public final boolean isShort() {
        long at = refusedAt;
        if (at != 0 && System.nanoTime() - at >= SHORT_NANOS) {
            refusedAt = 0; // another refusal may be lost with it; the next one comes soon
            return false;
        }
        return at != 0;
    }

    /**
     * The process has no memory to receive into. If that keeps the waiter with the turn from its bytes, others give up
     * as much as it misses; else no message would become complete. If they have little, and it has received nothing for
     * long although it holds more than the limit, it gives up. Allocates nothing.
     */
    public final void refused() {
        refusedAt = System.nanoTime() | 1; // never 0
        MemoryWaiter holder = favourite;
        if (holder == null || !holder.isSilent() || !holder.isBlocked()) {
            return;
        }
        long wanted = holder.missing;
        MemoryWaiter next = giveUpFor(holder);
        if (next == null && holder.isStuck() && holder.held() > budget.limit()) {
            giveUpTurn(holder);
            return;
        }
        while (next != null) {
            wanted -= next.known; // first: it leaves its line when it ends
            next.heldTooLong();
            next = wanted > 0 ? giveUpFor(holder) : null;
        }
    }

    /** {@return the waiter that holds most and gives it up, or null if they hold too little to help} */
    private @Nullable MemoryWaiter giveUpFor(MemoryWaiter holder) {
        synchronized (this) {
            MemoryWaiter most = null;
            long all = 0;
            for (WaitingLine line : begun) {
                for (MemoryWaiter each = line.first(); each != null; each = each.following) {
                    if (!each.givesUp) {
                        all += each.known;
                        most = most == null || each.known > most.known ? each : most;
                    }
                }
            }
            if (most == null || favourite != holder || all <= budget.limit() / KEPT_PART) {
                return null;
            }
            giveUp(most);
            return most;
        }
    }

    private void giveUpTurn(MemoryWaiter holder) {
        synchronized (this) {
            if (favourite != holder || holder.givesUp) {
                return;
            }
            giveUp(holder);
        }
        holder.heldTooLong();
    }
}

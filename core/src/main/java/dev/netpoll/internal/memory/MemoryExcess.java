// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import org.jspecify.annotations.Nullable;

/**
 * Decides who gives up what it holds, as waiting would not end otherwise.
 *
 * <ul>
 *   <li>Those who went on, and wait again because their peers were too slow, hold memory <i>in vain</i>. If they hold
 *       more than the limit together, the one that holds most gives up.
 *   <li>If those who neither wait nor go on hold twice the limit, the memory is in the hands of the program, which
 *       keeps slices or handles messages: the budget is <i>flooded</i>, and nobody begins to go on before some of it is
 *       back. If that takes too long, those give up one after the other for whom the program keeps most, as they may
 *       wait for each other.
 *   <li>If the process has no memory at all, the one that has the turn gives up when it is stuck.
 * </ul>
 *
 * <p>Invariant, numbered through the layers of {@link MemoryTurns}:
 * <ul>
 *   <li>T2. Those who went on with a message and wait for the rest of it, and were not ended, hold no more than the
 *       limit after each call, not counting {@code FREE} for each: {@code inVain} is what they held when they began to
 *       wait. What others hold who wait, they had before the limit was exceeded.
 * </ul>
 */
abstract class MemoryExcess extends MemoryLines {
    /** How long nobody begins to go on because the program keeps too much, until one of those who wait is ended. */
    private static final long FLOOD_NANOS = 5_000_000_000L;

    /** Whether somebody could not begin to go on because the budget was flooded. Changed under the lock. */
    volatile boolean heldUp;

    /** When the next one is ended if the flood lasts until then. Guarded by the lock. */
    private long floodEnds;

    private volatile long gaveUp; // changed under the lock

    MemoryExcess(MemoryBudget budget) {
        super(budget);
    }

    /** How many had to give up what they held, so far. */
    public final long gaveUp() {
        return gaveUp;
    }

    // ---- held in vain

    /** Ends those that hold most of what is held in vain, until the others hold no more than the limit (T2). */
    final void closeGreediest() {
        for (MemoryWaiter next = greediest(); next != null; next = greediest()) {
            next.heldTooLong();
        }
    }

    /** {@return the one that holds most of all that is held in vain, if that is too much; each once} */
    private @Nullable MemoryWaiter greediest() {
        if (inVain <= budget.limit()) {
            return null;
        }
        synchronized (this) {
            MemoryWaiter greediest = null;
            for (WaitingLine line : begun) {
                for (MemoryWaiter each = line.first(); each != null; each = each.following) {
                    count(each, each.held()); // it may have become less
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
     * {@return whether those that neither wait nor go on hold more than twice the limit} They may hold the limit
     * without having asked, with parts of messages; the rest is in the hands of the program.
     */
    final boolean isFlooded() {
        MemoryWaiter current = favourite;
        long others = budget.received() - known - (current == null ? 0 : current.held());
        return others > 2 * budget.limit();
    }

    /** <i>Locked.</i> {@return whether somebody may begin to go on} Who may not is told later. */
    final boolean mayBegin() {
        boolean may = !isFlooded();
        if (!may && !heldUp) {
            heldUp = true;
            floodEnds = System.nanoTime() + FLOOD_NANOS;
        }
        return may;
    }

    /** What the program keeps does not come back: perhaps it keeps parts of messages that it waits for the rest of. */
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

    /**
     * The process has no memory to receive into. Who has the turn, holds more than the limit and has got nothing for
     * long can't be completed, and nobody else can go on: it gives up what it holds. Allocates nothing.
     */
    public final void refused() {
        MemoryWaiter holder = favourite;
        if (holder == null || !holder.isStuck() || holder.held() <= budget.limit()) {
            return;
        }
        synchronized (this) {
            if (favourite != holder || holder.givesUp) {
                return;
            }
            giveUp(holder);
        }
        holder.heldTooLong();
    }
}

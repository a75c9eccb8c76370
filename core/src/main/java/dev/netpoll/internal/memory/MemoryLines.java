// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import org.jspecify.annotations.Nullable;

/**
 * The lines in which waiters for memory stand, and the sums of what those in them hold. The layers above decide who
 * gives up ({@link MemoryExcess}) and who goes on ({@link MemoryTurns}).
 *
 * <p><b>Threads.</b> Any, under one lock: that of this object. No call to other code but {@link MemoryWaiter#held} is
 * made under it. A method that says <i>Locked</i> is called by a thread that has the lock.
 *
 * <p>Invariant, numbered through the layers of {@link MemoryTurns}:
 * <ul>
 *   <li>T1. A waiter is in one line at most, once, and told at most once for each time it was put there, unless telling
 *       it failed: then it is put back, and told again with the next chance.
 * </ul>
 */
abstract class MemoryLines {
    /** What one may hold, in bytes, that has not gone on yet: the share of a connection, and what it got at once. */
    static final long FREE = 16 << 10;

    final MemoryBudget budget;

    /** Those who hold a part of a small message, and wait for headroom. */
    final WaitingLine small = new WaitingLine();

    /** Those who hold a part of a large one, and wait for the turn. */
    final WaitingLine large = new WaitingLine();

    /** Those who have gone on, and whose peers were too slow for it. */
    final WaitingLine stalled = new WaitingLine();

    /** Those who hold nothing that somebody waits for. */
    final WaitingLine others = new WaitingLine();

    /** Where those wait who hold a part of a message. */
    final WaitingLine[] begun = {small, large, stalled};

    /** Those who wait for nothing: they go on within the headroom. */
    final WaitingLine admitted = new WaitingLine();

    /** Who has the turn, or null. Changed under the lock. */
    volatile @Nullable MemoryWaiter favourite;

    /** How much of the headroom the admitted ones take. Guarded by the lock. */
    long granted;

    /**
     * What those hold who wait with a part of a message, or were told and have not asked again, and what the admitted
     * may hold. Changed under the lock.
     */
    volatile long known;

    /** What those hold who went on and wait again, above {@link #FREE} for each. Changed under the lock. */
    volatile long inVain;

    volatile int waiters; // changed under the lock

    MemoryLines(MemoryBudget budget) {
        this.budget = budget;
    }

    /** How many wait. */
    public final int waiters() {
        return waiters;
    }

    // ---- lines

    /** <i>Locked.</i> {@return the line of those who come first} */
    final WaitingLine firstLine() {
        WaitingLine begun = small.first() != null ? small : large.first() != null ? large : stalled;
        return begun.first() != null ? begun : others;
    }

    /** {@return where it waits if it holds a part of a message} */
    final WaitingLine lineOf(MemoryWaiter waiter) {
        return waiter.stalled ? stalled : waiter.small ? small : large;
    }

    /** <i>Locked.</i> Puts it at the end of a line, out of the one that it is in. */
    final void move(MemoryWaiter waiter, WaitingLine line) {
        move(waiter, line, line == others ? 0 : waiter.held()); // asked first: that may fail
    }

    private void move(MemoryWaiter waiter, WaitingLine line, long holds) {
        leaveLine(waiter);
        line.add(waiter);
        count(waiter, holds);
        int before = waiters;
        waiters = before + 1;
    }

    /** <i>Locked.</i> */
    final void leaveLine(MemoryWaiter waiter) {
        WaitingLine line = waiter.line;
        if (line == null) {
            return;
        }
        line.remove(waiter);
        long allInVain = inVain - waiter.inVain;
        waiter.inVain = 0;
        inVain = allInVain;
        if (line == admitted) {
            granted -= waiter.grant;
            waiter.grant = 0;
        } else {
            int before = waiters;
            waiters = before - 1;
        }
    }

    // ---- sums

    /** <i>Locked.</i> Notes what {@code waiter} holds where it is now. Calls nothing, so that it is done whole. */
    final void count(MemoryWaiter waiter, long holds) {
        boolean counts = holds > FREE && waiter.line != admitted && waiter.wentOn && !waiter.givesUp;
        long vain = counts ? holds - FREE : 0;
        long allKnown = known + holds - waiter.known;
        long allInVain = inVain + vain - waiter.inVain;
        waiter.known = holds;
        waiter.inVain = vain;
        known = allKnown;
        inVain = allInVain;
    }

    /** <i>Locked.</i> */
    final void forget(MemoryWaiter waiter) {
        count(waiter, 0);
    }

    // ---- telling

    /** Tells one that was taken out of its line, if there is one. Without the lock. */
    @SuppressWarnings("EmptyCatch") // who gives memory back is innocent, and might have no stack to log with
    final void tell(@Nullable MemoryWaiter waiter, WaitingLine line) {
        if (waiter == null) {
            return;
        }
        boolean told = false;
        try {
            waiter.memoryReturned();
            told = true;
        } catch (Throwable _) {
            // T1
        } finally {
            if (!told) {
                synchronized (this) {
                    if (waiter.line == null) {
                        move(waiter, line, waiter.known); // asking it needs more stack
                    }
                }
            }
        }
    }
}

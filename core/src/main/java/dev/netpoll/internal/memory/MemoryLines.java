// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import org.jspecify.annotations.Nullable;

/**
 * The lines of waiters for memory, and the sums of what the waiters hold. The layers above decide which waiters give up
 * ({@link MemoryExcess}) and which continue ({@link MemoryTurns}).
 *
 * <p><b>Threads.</b> Any, under one lock: that of this object. Under it, only {@link MemoryWaiter#held} and {@link
 * MemoryWaiter#kept} are calls to other code. The caller of a method marked <i>Locked</i> has the lock.
 *
 * <p>Invariant, numbered through the layers of {@link MemoryTurns}:
 * <ul>
 *   <li>T1. A waiter is in at most one line, once, and is told at most once for each time it was put there. If telling
 *       fails, it is put back, and told again at the next chance.
 * </ul>
 */
abstract class MemoryLines {
    /** The bytes that a waiter may hold before it continues: a connection's share, and what it got at once. */
    static final long FREE = 16 << 10;

    final MemoryBudget budget;

    /** Waiters that hold a part of a small message, and wait for headroom. */
    final WaitingLine small = new WaitingLine();

    /** Waiters that hold a part of a large message, and wait for the turn. */
    final WaitingLine large = new WaitingLine();

    /** Waiters that have continued, but whose peers were too slow. */
    final WaitingLine stalled = new WaitingLine();

    /** Waiters that hold nothing that anyone waits for. */
    final WaitingLine others = new WaitingLine();

    /** The lines of waiters that hold a part of a message. */
    final WaitingLine[] begun = {small, large, stalled};

    /** Connections that don't wait: they continue within the headroom. */
    final WaitingLine admitted = new WaitingLine();

    /** The waiter that has the turn, or null. Changed under the lock. */
    volatile @Nullable MemoryWaiter favourite;

    /** The part of the headroom that admitted ones take. Guarded by the lock. */
    long granted;

    /**
     * What waiters with a part of a message hold, also those that were told and have not asked again, and what the
     * admitted ones may hold. Changed under the lock.
     */
    volatile long known;

    /** What waiters hold that continued and wait again, above {@link #FREE} for each. Changed under the lock. */
    volatile long inVain;

    volatile int waiters; // changed under the lock

    MemoryLines(MemoryBudget budget) {
        this.budget = budget;
    }

    /** The number of waiters. */
    public final int waiters() {
        return waiters;
    }

    // ---- lines

    /** <i>Locked.</i> {@return the line whose waiters come first} */
    final WaitingLine firstLine() {
        WaitingLine begun = small.first() != null ? small : large.first() != null ? large : stalled;
        return begun.first() != null ? begun : others;
    }

    /** {@return the line of the waiter if it holds a part of a message} */
    final WaitingLine lineOf(MemoryWaiter waiter) {
        return waiter.stalled ? stalled : waiter.small ? small : large;
    }

    /** <i>Locked.</i> Moves the waiter from its line to the end of another one. */
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

    /** <i>Locked.</i> Notes what {@code waiter} holds in its line. Calls nothing, so it can't fail half-way. */
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

    /** Tells a waiter that was taken out of its line, if there is one. Without the lock. */
    @SuppressWarnings("EmptyCatch") // the thread that returns memory is innocent, and may have no stack to log
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
                        move(waiter, line, waiter.known); // asking it would need more stack
                    }
                }
            }
        }
    }
}

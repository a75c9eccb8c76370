// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import org.jspecify.annotations.Nullable;

/**
 * Decides who of those that wait for memory of a {@link MemoryBudget} may go on although it is exceeded.
 *
 * <p>If messages of which a part is missing hold all memory, waiting alone would never end. So some may take what they
 * miss above the limit:
 *
 * <ul>
 *   <li><b>small</b> messages, of at most a {@value #SMALL}th of the limit in all, share the <i>headroom</i>, a
 *       {@value #HEADROOM}th of the limit: as many of them go on at once as fit into it, with all they hold;
 *   <li><b>large</b> ones go on one after the other: one has the <i>turn</i>.
 * </ul>
 *
 * Both end when nothing is missing any more, or when they take too long and somebody else wants to go on: that one is
 * <i>stalled</i> and comes after all who are not, until its peer's bytes wait for it. Who has to give up what it holds,
 * {@link MemoryExcess} decides.
 *
 * <pre>
 *              await            take, but neither turn nor headroom
 *   nowhere ----------> others  ------------------------------------> small or large
 *      ^                                                                    |
 *      |  satisfied, cancel                                  take, or told  v
 *      +---------------------------------------------- admitted, or the favourite
 *      |                                                                    |
 *      +------------------------ stalled <----------------------------------+
 *                                               too slow, and somebody asks
 * </pre>
 *
 * <p><b>Threads.</b> Any, under the one lock of {@link MemoryLines}.
 *
 * <p>Invariants, numbered through the layers:
 * <ul>
 *   <li>T3. While somebody waits for a turn, somebody has it, unless the budget is flooded: it passes from one to the
 *       next under the lock, and who could not have it for the flood is told when that is over.
 *   <li>T4. What the admitted ones may hold, above {@code FREE} for each, is {@code granted}, and at most the headroom.
 * </ul>
 */
public final class MemoryTurns extends MemoryExcess {
    /** Which part of the limit the headroom is. */
    static final int HEADROOM = 4;

    /** Which part of the limit a message may take that is small. */
    static final int SMALL = 16;

    /** How many of those who were admitted one that asks looks at, to see whether one is too slow. */
    private static final int LOOKS = 16;

    private final long headroom;
    private final long largestSmall;

    MemoryTurns(MemoryBudget budget) {
        super(budget);
        headroom = budget.limit() / HEADROOM;
        largestSmall = budget.limit() / SMALL;
    }

    // ---- waiting

    /**
     * Has {@code waiter} told when use has come down to the low mark; that may be at once. Harmless if it waits
     * already.
     */
    public void await(MemoryWaiter waiter) {
        await(waiter, others);
    }

    /** As {@link #await}, for one that asked in vain whether it may {@link #take} more: it is also told when it may. */
    public void awaitTurn(MemoryWaiter waiter) {
        await(waiter, lineOf(waiter));
    }

    private void await(MemoryWaiter waiter, WaitingLine line) {
        MemoryWaiter next = null;
        synchronized (this) {
            if (waiter.line != line) {
                move(waiter, line);
            }
            if (favourite == null) { // it went while we came
                next = favourNext();
            }
        }
        tell(next, large);
        closeGreediest();
        budget.settleAll();
        tell(); // B2
    }

    /** {@code waiter} is not interested any more. It may be being told at this moment. */
    public void cancel(MemoryWaiter waiter) {
        synchronized (this) {
            leaveLine(waiter);
            forget(waiter);
        }
    }

    /**
     * Tells everybody who waits now, the longest first, while there is memory. What is done between taking a waiter out
     * and having told it needs no more stack than taking it out did, except the telling itself.
     */
    void tell() {
        if (heldUp && !isFlooded()) {
            endHoldUp();
        }
        int most = waiters; // who waits again comes to the end, and is not told a second time in this round
        for (int i = 0; i < most && budget.isLow(); i++) {
            WaitingLine line;
            MemoryWaiter waiter;
            synchronized (this) {
                line = firstLine();
                waiter = line.first();
                if (waiter == null) {
                    return;
                }
                leaveLine(waiter);
            }
            tell(waiter, line);
        }
    }

    private void endHoldUp() {
        MemoryWaiter next = null;
        MemoryWaiter nextSmall;
        synchronized (this) {
            heldUp = false;
            if (favourite == null) {
                next = favourNext();
            }
            nextSmall = nextSmall();
        }
        tell(next, large);
        tell(nextSmall, small);
    }

    // ---- going on above the limit

    /**
     * {@return whether {@code waiter} may take {@code missing} bytes now, although the limit is exceeded} That is over
     * with {@link #satisfied}, or when it takes too long and somebody else asks. If it may not, {@link #awaitTurn} is
     * next. For one waiter by one thread at a time.
     */
    public boolean take(MemoryWaiter waiter, long missing) {
        if (favourite == waiter) {
            return true;
        }
        boolean takes = takeMore(waiter, waiter.ask() + missing);
        closeGreediest();
        if (heldUp) {
            closeKeeper();
        }
        return takes;
    }

    private boolean takeMore(MemoryWaiter waiter, long size) {
        boolean renews = waiter.line == admitted;
        boolean isSmall = size <= (renews ? 2 * largestSmall : largestSmall); // what is held is counted in blocks
        waiter.small = isSmall;
        if (isSmall && admit(waiter, size)) {
            return true;
        }
        if (renews && !isSmall) {
            outgrow(waiter);
        }
        return (!isSmall || waiter.stalled) && takeTurn(waiter);
    }

    /** It went on as a small one, and proves large. */
    private void outgrow(MemoryWaiter waiter) {
        MemoryWaiter next;
        synchronized (this) {
            stall(waiter);
            next = nextSmall();
        }
        tell(next, small);
    }

    private boolean admit(MemoryWaiter waiter, long size) {
        if (waiter.line == admitted && size <= waiter.admittedUpTo) {
            return true;
        }
        boolean fits;
        MemoryWaiter next = null;
        synchronized (this) {
            boolean renews = waiter.line == admitted;
            long cost = Math.max(0, size - (renews ? waiter.admittedUpTo : FREE)); // also of what it holds already
            long room = waiter.stalled ? headroom / 2 : headroom;
            if (granted + cost > room && !waiter.stalled) {
                endSlowest(waiter, cost);
            }
            fits = granted + cost <= room && (cost == 0 || mayBegin());
            if (fits) {
                if (!renews) {
                    leaveLine(waiter);
                    admitted.add(waiter);
                    waiter.begin();
                }
                waiter.admittedUpTo = Math.max(size, FREE);
                count(waiter, waiter.admittedUpTo);
                waiter.grant += cost;
                granted += cost; // T4
                next = nextSmall();
            } else if (!waiter.stalled) { // waits before anybody can give headroom back
                leaveLine(waiter);
                next = renews ? nextSmall() : null;
                move(waiter, small);
            }
        }
        tell(next, small);
        return fits;
    }

    /** <i>Locked.</i> Takes headroom from those who are too slow. */
    private void endSlowest(MemoryWaiter asking, long cost) {
        for (int i = 0; i < LOOKS && granted + cost > headroom; i++) {
            MemoryWaiter each = admitted.first();
            if (each == null) {
                break;
            }
            if (each != asking && each.isTooSlow()) {
                stall(each);
            } else {
                admitted.remove(each);
                admitted.add(each); // so that the next one looks at others
            }
        }
    }

    private boolean takeTurn(MemoryWaiter waiter) {
        MemoryWaiter next;
        synchronized (this) {
            MemoryWaiter before = favourite;
            if (before != null && !isOver(before, waiter)) {
                return before == waiter;
            }
            if (waiter.line != lineOf(waiter)) { // the others have waited longer
                move(waiter, lineOf(waiter));
            }
            if (before != null) {
                stall(before);
            }
            next = favourNext();
        }
        tell(next == waiter ? null : next, large);
        return next == waiter;
    }

    /** {@code waiter} is not slow any more, as its peer's bytes wait: it is again one of those who are not. */
    public void forgive(MemoryWaiter waiter) {
        synchronized (this) {
            waiter.forgive();
            if (waiter.line == stalled) {
                move(waiter, lineOf(waiter));
            }
        }
    }

    /** {@code waiter} has got something. */
    public void progress(MemoryWaiter waiter) {
        if (favourite == waiter || waiter.line == admitted) {
            waiter.got();
        }
    }

    /** {@code waiter} misses nothing any more: others go on. */
    public void satisfied(MemoryWaiter waiter) {
        WaitingLine line = waiter.line;
        if (favourite != waiter && !waiter.stalled && waiter.known == 0 && (line == null || line == others)) {
            return;
        }
        MemoryWaiter next = null;
        MemoryWaiter nextSmall;
        synchronized (this) {
            waiter.stalled = false;
            waiter.forgiven = false;
            if (waiter.line != others) {
                leaveLine(waiter);
            }
            forget(waiter);
            if (favourite == waiter) {
                next = favourNext();
            }
            nextSmall = nextSmall();
        }
        tell(next, large);
        tell(nextSmall, small);
    }

    /** <i>Locked.</i> {@return whether {@code other} may end the turn of {@code current}} */
    private static boolean isOver(MemoryWaiter current, MemoryWaiter other) {
        return current.isTooSlow() || (current.stalled && !other.stalled);
    }

    /** <i>Locked.</i> It went on in vain. */
    private void stall(MemoryWaiter waiter) {
        waiter.stall(); // this and its line before its turn: see satisfied()
        move(waiter, stalled);
    }

    /** <i>Locked.</i> {@return who has the turn now, and is to be told, or null} */
    private @Nullable MemoryWaiter favourNext() {
        favourite = null;
        MemoryWaiter next = (large.first() != null ? large : stalled).first();
        if (next != null && !mayBegin()) {
            next = null;
        }
        if (next != null) {
            leaveLine(next);
            forget(next); // isFlooded() asks it
            next.begin();
        }
        favourite = next;
        return next;
    }

    /** <i>Locked.</i> {@return who may ask for headroom now, and is to be told, or null} */
    private @Nullable MemoryWaiter nextSmall() {
        MemoryWaiter next = granted < headroom ? small.first() : null;
        if (next != null && !mayBegin()) {
            next = null;
        }
        if (next != null) {
            leaveLine(next);
        }
        return next;
    }
}

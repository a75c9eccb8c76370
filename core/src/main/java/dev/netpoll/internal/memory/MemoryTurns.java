// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import org.jspecify.annotations.Nullable;

/**
 * Decides which waiters for memory of a {@link MemoryBudget} may continue although it is exceeded.
 *
 * <p>If incomplete messages hold all memory, waiting alone would never end. So some may take their missing bytes above
 * the limit:
 *
 * <ul>
 *   <li><b>small</b> messages, of at most a {@value #SMALL}th of the limit in all, share the <i>headroom</i>, a {@value
 *       #HEADROOM}th of the limit: as many continue at once as fit into it, with all they hold;
 *   <li><b>large</b> ones continue one after the other: one has the <i>turn</i>.
 * </ul>
 *
 * <p>Both end when nothing is missing any more, or when the message takes too long and another waiter wants to
 * continue. The slow one is then <i>stalled</i> and comes after all others, until its peer's bytes have arrived. {@link
 * MemoryExcess} decides which waiters give up what they hold.
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
 *   <li>T3. While a waiter waits for a turn, one has it, unless the budget is flooded: the turn passes from one to the
 *       next under the lock, and a waiter that the flood kept from it is told when the flood is over.
 *   <li>T4. What the admitted ones may hold, above {@code FREE} for each, is {@code granted}, and at most the headroom.
 * </ul>
 */
public final class MemoryTurns extends MemoryExcess {
    /** The headroom is the limit divided by this. */
    static final int HEADROOM = 4;

    /** A small message takes at most the limit divided by this. */
    static final int SMALL = 16;

    /** How many of the admitted ones a request checks for slowness. */
    private static final int LOOKS = 16;

    private final long headroom;
    private final long largestSmall;

    MemoryTurns(MemoryBudget budget) {
        super(budget);
        headroom = budget.limit() / HEADROOM;
        largestSmall = budget.limit() / SMALL;
    }

    // ---- waiting

    /** Tells {@code waiter} when use has come down to the low mark, perhaps at once. Harmless if it waits already. */
    public void await(MemoryWaiter waiter) {
        await(waiter, others);
    }

    /** Like {@link #await}, for a waiter that asked in vain to {@link #take} more: also tells it when it may. */
    public void awaitTurn(MemoryWaiter waiter) {
        await(waiter, lineOf(waiter));
    }

    private void await(MemoryWaiter waiter, WaitingLine line) {
        MemoryWaiter next = null;
        synchronized (this) {
            if (waiter.line != line) {
                move(waiter, line);
            }
            if (favourite == null) { // the turn became free meanwhile
                next = favourNext();
            }
        }
        tell(next, large);
        closeGreediest();
        budget.settleAll();
        tell(); // B2
    }

    /** Removes {@code waiter}, which is not interested any more. Another thread may be telling it at this moment. */
    public void cancel(MemoryWaiter waiter) {
        synchronized (this) {
            leaveLine(waiter);
            forget(waiter);
        }
    }

    /**
     * Tells all present waiters, the longest waiting first, while there is memory. Between taking a waiter out and
     * having told it, only the telling itself needs more stack than taking it out did.
     */
    void tell() {
        if (heldUp && !isFlooded()) {
            endHoldUp();
        }
        int most = waiters; // one that waits again goes to the end, and is not told twice in this round
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
     * {@return whether {@code waiter} may take {@code missing} bytes now, although the limit is exceeded} This ends
     * with {@link #satisfied}, or when it takes too long and another waiter asks. If it may not, call {@link
     * #awaitTurn} next. One thread at a time for each waiter.
     */
    public boolean take(MemoryWaiter waiter, long missing) {
        waiter.missing = missing;
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

    /** Handles a message that continued as a small one and proves large. */
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
            long cost = Math.max(0, size - (renews ? waiter.admittedUpTo : FREE)); // includes what it holds already
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
            } else if (!waiter.stalled) { // queued before any headroom can come back
                leaveLine(waiter);
                next = renews ? nextSmall() : null;
                move(waiter, small);
            }
        }
        tell(next, small);
        return fits;
    }

    /** <i>Locked.</i> Takes headroom from connections that are too slow. */
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
                admitted.add(each); // so that the next request checks others
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

    /** Notes that the peer's bytes have arrived: {@code waiter} is not stalled any more. */
    public void forgive(MemoryWaiter waiter) {
        synchronized (this) {
            waiter.forgive();
            if (waiter.line == stalled) {
                move(waiter, lineOf(waiter));
            }
        }
    }

    /** Notes that {@code waiter} has received something. */
    public void progress(MemoryWaiter waiter) {
        if (favourite == waiter || waiter.line == admitted) {
            waiter.got();
        }
    }

    /** Notes that {@code waiter} misses nothing any more: others continue. */
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

    /** <i>Locked.</i> Marks a waiter that continued in vain. */
    private void stall(MemoryWaiter waiter) {
        waiter.stall(); // the mark and the line change before the turn: see satisfied()
        move(waiter, stalled);
    }

    /** <i>Locked.</i> {@return the waiter that has the turn now, for the caller to tell, or null} */
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

    /** <i>Locked.</i> {@return the waiter that may ask for headroom now, for the caller to tell, or null} */
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

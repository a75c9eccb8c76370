// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import org.jspecify.annotations.Nullable;

/**
 * Who waits for memory of a {@link MemoryBudget}, and who may go on although it is exceeded.
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
 * <i>stalled</i> and comes after all who are not, until its peer's bytes wait for it. If those who went on and wait
 * again hold more than the limit together, the one that holds most has to give that up.
 *
 * <p>If the others hold twice the limit, it is in the hands of the program, which keeps slices or handles messages: the
 * budget is <i>flooded</i>, and nobody begins to go on before some of it is back. If that takes too long, those give up
 * one after the other for whom the program keeps most, as they may wait for each other.
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
 * <p><b>Threads.</b> Any, under one lock, and no call to other code but {@link MemoryWaiter#held} is made under it.
 *
 * <p>Invariants:
 * <ul>
 *   <li>T1. A waiter is in one line at most, once, and told at most once for each time it was put there, unless telling
 *       it failed: then it is put back, and told again with the next chance.
 *   <li>T2. While somebody waits for a turn, somebody has it, unless the budget is flooded: it passes from one to the
 *       next under the lock, and who could not have it for the flood is told when that is over.
 *   <li>T3. What the admitted ones may hold, above {@code FREE} for each, is {@code granted}, and at most the headroom.
 *   <li>T4. Those who went on with a message and wait for the rest of it, and were not ended, hold no more than the
 *       limit after each call, not counting {@code FREE} for each: {@code inVain} is what they held when they began to
 *       wait. What others hold who wait, they had before the limit was exceeded.
 * </ul>
 */
public final class MemoryTurns {
    /** Which part of the limit the headroom is. */
    static final int HEADROOM = 4;

    /** Which part of the limit a message may take that is small. */
    static final int SMALL = 16;

    /** What one may hold, in bytes, that has not gone on yet: the share of a connection, and what it got at once. */
    private static final long FREE = 16 << 10;

    /** How long nobody begins to go on because the program keeps too much, until one of those who wait is ended. */
    private static final long FLOOD_NANOS = 5_000_000_000L;

    /** How many of those who were admitted one that asks looks at, to see whether one is too slow. */
    private static final int LOOKS = 16;

    private final MemoryBudget budget;
    private final long headroom;
    private final long largestSmall;

    /** Those who hold a part of a small message, and wait for headroom. */
    private final WaitingLine small = new WaitingLine();

    /** Those who hold a part of a large one, and wait for the turn. */
    private final WaitingLine large = new WaitingLine();

    /** Those who have gone on, and whose peers were too slow for it. */
    private final WaitingLine stalled = new WaitingLine();

    /** Those who hold nothing that somebody waits for. */
    private final WaitingLine others = new WaitingLine();

    /** Where those wait who hold a part of a message. */
    private final WaitingLine[] begun = {small, large, stalled};

    /** Those who wait for nothing: they go on within the headroom. */
    private final WaitingLine admitted = new WaitingLine();

    /** How much of the headroom is taken. Guarded by the lock. */
    private long granted;

    /**
     * What those hold who wait with a part of a message, or were told and have not asked again, and what the admitted
     * may hold. Changed under the lock.
     */
    private volatile long known;

    /** What those hold who went on and wait again, above {@link #FREE} for each. Changed under the lock. */
    private volatile long inVain;

    /** Whether somebody could not begin to go on because the budget was flooded. Changed under the lock. */
    private volatile boolean heldUp;

    /** When the next one is closed if the flood lasts until then. Guarded by the lock. */
    private long floodEnds;

    private volatile int waiters; // these changed under the lock

    /** Who has the turn, or null. */
    private volatile @Nullable MemoryWaiter favourite;

    private volatile long gaveUp; // changed under the lock

    MemoryTurns(MemoryBudget budget) {
        this.budget = budget;
        headroom = budget.limit() / HEADROOM;
        largestSmall = budget.limit() / SMALL;
    }

    /** How many wait. */
    public int waiters() {
        return waiters;
    }

    /** How many had to give up what they held, so far. */
    public long gaveUp() {
        return gaveUp;
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

    private WaitingLine firstLine() {
        WaitingLine begun = small.first() != null ? small : large.first() != null ? large : stalled;
        return begun.first() != null ? begun : others;
    }

    /** Tells one that was taken out of its line, if there is one. */
    @SuppressWarnings("EmptyCatch") // who gives memory back is innocent, and might have no stack to log with
    private void tell(@Nullable MemoryWaiter waiter, WaitingLine line) {
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
                granted += cost; // T3
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

    /**
     * {@return whether those that neither wait nor go on hold more than twice the limit} They may hold the limit
     * without having asked, with parts of messages; the rest is in the hands of the program.
     */
    private boolean isFlooded() {
        MemoryWaiter current = favourite;
        long others = budget.received() - known - (current == null ? 0 : current.held());
        return others > 2 * budget.limit();
    }

    /** Under the lock. {@return whether somebody may begin to go on} Who may not is told later. */
    private boolean mayBegin() {
        boolean may = !isFlooded();
        if (!may && !heldUp) {
            heldUp = true;
            floodEnds = System.nanoTime() + FLOOD_NANOS;
        }
        return may;
    }

    /** Under the lock. Takes headroom from those who are too slow. */
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

    /**
     * The process has no memory to receive into. Who has the turn, holds more than the limit and has got nothing for
     * long can't be completed, and nobody else can go on: it gives up what it holds. Allocates nothing.
     */
    public void refused() {
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

    /** Under the lock. {@return whether {@code other} may end the turn of {@code current}} */
    private static boolean isOver(MemoryWaiter current, MemoryWaiter other) {
        return current.isTooSlow() || (current.stalled && !other.stalled);
    }

    /** Under the lock. It went on in vain. */
    private void stall(MemoryWaiter waiter) {
        waiter.stall(); // this and its line before its turn: see satisfied()
        move(waiter, stalled);
    }

    /** Under the lock. {@return who has the turn now, and is to be told, or null} */
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

    /** Under the lock. {@return who may ask for headroom now, and is to be told, or null} */
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

    /** What the program keeps does not come back: perhaps it keeps parts of messages that it waits for the rest of. */
    private void closeKeeper() {
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

    /** Ends those that hold most of what is held in vain, until the others hold no more than the limit (T4). */
    private void closeGreediest() {
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

    /** Under the lock. Is to be followed by {@link MemoryWaiter#heldTooLong} outside of it. */
    private void giveUp(MemoryWaiter waiter) {
        waiter.givesUp = true;
        count(waiter, waiter.known);
        long before = gaveUp;
        gaveUp = before + 1;
    }

    /** Under the lock. Notes what {@code waiter} holds where it is now. Calls nothing, so that it is done whole. */
    private void count(MemoryWaiter waiter, long holds) {
        boolean counts = holds > FREE && waiter.line != admitted && waiter.wentOn && !waiter.givesUp;
        long vain = counts ? holds - FREE : 0;
        long allKnown = known + holds - waiter.known;
        long allInVain = inVain + vain - waiter.inVain;
        waiter.known = holds;
        waiter.inVain = vain;
        known = allKnown;
        inVain = allInVain;
    }

    /** Under the lock. */
    private void forget(MemoryWaiter waiter) {
        count(waiter, 0);
    }

    // ---- lines

    /** {@return where it waits if it holds a part of a message} */
    private WaitingLine lineOf(MemoryWaiter waiter) {
        return waiter.stalled ? stalled : waiter.small ? small : large;
    }

    private void move(MemoryWaiter waiter, WaitingLine line) {
        move(waiter, line, line == others ? 0 : waiter.held()); // asked first: that may fail
    }

    private void move(MemoryWaiter waiter, WaitingLine line, long holds) {
        leaveLine(waiter);
        line.add(waiter);
        count(waiter, holds);
        int before = waiters;
        waiters = before + 1;
    }

    private void leaveLine(MemoryWaiter waiter) {
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
}

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
 * <i>stalled</i> and comes after all who are not. If those who wait hold more than the limit together, the one that
 * holds most has to give that up.
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
 *   <li>T2. While somebody waits for a turn, somebody has it: it passes from one to the next under the lock.
 *   <li>T3. What the admitted ones may hold, above {@code FREE} for each, is {@code granted}, and at most the headroom.
 *   <li>T4. Those who wait with a part of a message, and were not ended, hold no more than the limit after each call,
 *       not counting {@code FREE} for each.
 * </ul>
 */
public final class MemoryTurns {
    /** Which part of the limit the headroom is. */
    static final int HEADROOM = 4;

    /** Which part of the limit a message may take that is small. */
    static final int SMALL = 16;

    /** What one may hold, in bytes, that has not gone on yet: the share of a connection, and what it got at once. */
    private static final long FREE = 16 << 10;

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
        budget.settleAll();
        tell(); // B2
    }

    /** {@code waiter} is not interested any more. It may be being told at this moment. */
    public void cancel(MemoryWaiter waiter) {
        synchronized (this) {
            leaveLine(waiter);
        }
    }

    /**
     * Tells everybody who waits now, the longest first, while there is memory. What is done between taking a waiter out
     * and having told it needs no more stack than taking it out did, except the telling itself.
     */
    void tell() {
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
                        move(waiter, line);
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
        long held = waiter.held();
        long size = held + missing;
        boolean renews = waiter.line == admitted;
        boolean isSmall = size <= (renews ? 2 * largestSmall : largestSmall); // what is held is counted in blocks
        waiter.small = isSmall;
        if (isSmall && admit(waiter, held, size)) {
            return true;
        }
        if (renews && !isSmall) {
            outgrow(waiter);
        }
        return (!isSmall || waiter.stalled) && takeTurn(waiter);
    }

    /** It went on as a small one, and proves large: else those who wait would hold what nobody counts (T4). */
    private void outgrow(MemoryWaiter waiter) {
        MemoryWaiter next;
        synchronized (this) {
            stall(waiter);
            next = nextSmall();
        }
        tell(next, small);
        closeGreediest();
    }

    private boolean admit(MemoryWaiter waiter, long held, long size) {
        if (waiter.line == admitted && size <= waiter.admittedUpTo) {
            return true;
        }
        boolean fits;
        MemoryWaiter next = null;
        boolean ended = false;
        synchronized (this) {
            boolean renews = waiter.line == admitted;
            long cost = Math.max(0, size - (renews ? waiter.admittedUpTo : FREE)); // also of what it holds already
            long room = waiter.stalled ? headroom / 2 : headroom;
            ended = granted + cost > room && !waiter.stalled && endSlowest(waiter, cost);
            fits = granted + cost <= room;
            if (fits) {
                if (!renews) {
                    leaveLine(waiter);
                    admitted.add(waiter);
                    waiter.begin();
                }
                waiter.admittedUpTo = Math.max(size, FREE);
                waiter.grant += cost;
                granted += cost; // T3
                next = nextSmall();
            } else if (!waiter.stalled) { // waits before anybody can give headroom back
                leaveLine(waiter);
                next = renews ? nextSmall() : null;
                move(waiter, small);
            }
        }
        if (ended || (!fits && held > FREE)) {
            closeGreediest();
        }
        tell(next, small);
        return fits;
    }

    /** Under the lock. Takes headroom from those who are too slow. {@return whether there were any} */
    private boolean endSlowest(MemoryWaiter asking, long cost) {
        boolean any = false;
        for (int i = 0; i < LOOKS && granted + cost > headroom; i++) {
            MemoryWaiter each = admitted.first();
            if (each == null) {
                break;
            }
            if (each != asking && each.isTooSlow()) {
                stall(each);
                any = true;
            } else {
                admitted.remove(each);
                admitted.add(each); // so that the next one looks at others
            }
        }
        return any;
    }

    private boolean takeTurn(MemoryWaiter waiter) {
        MemoryWaiter next;
        MemoryWaiter before;
        synchronized (this) {
            before = favourite;
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
        if (before != null) {
            closeGreediest();
        }
        tell(next == waiter ? null : next, large);
        return next == waiter;
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
        if (favourite != waiter && !waiter.stalled && (line == null || line == others)) {
            return;
        }
        MemoryWaiter next = null;
        MemoryWaiter nextSmall;
        synchronized (this) {
            waiter.stalled = false;
            if (waiter.line != others) {
                leaveLine(waiter);
            }
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
        waiter.stalled = true; // this and its line before its turn: see satisfied()
        move(waiter, stalled);
    }

    /** Under the lock. {@return who has the turn now, and is to be told, or null} */
    private @Nullable MemoryWaiter favourNext() {
        MemoryWaiter next = (large.first() != null ? large : stalled).first();
        if (next != null) {
            leaveLine(next);
            next.begin();
        }
        favourite = next;
        return next;
    }

    /** Under the lock. {@return who may ask for headroom now, and is to be told, or null} */
    private @Nullable MemoryWaiter nextSmall() {
        MemoryWaiter next = granted < headroom ? small.first() : null;
        if (next != null) {
            leaveLine(next);
        }
        return next;
    }

    /** Ends those that hold most of what is held in vain, until the others hold no more than the limit (T4). */
    private void closeGreediest() {
        for (MemoryWaiter next = greediest(); next != null; next = greediest()) {
            next.heldTooLong();
        }
    }

    /** {@return the one that holds most of all that is held in vain, if that is too much; each once} */
    private synchronized @Nullable MemoryWaiter greediest() {
        long all = 0;
        MemoryWaiter greediest = null;
        long most = 0;
        for (WaitingLine line : begun) {
            for (MemoryWaiter each = line.first(); each != null; each = each.following) {
                long held = each.givesUp ? 0 : Math.max(0, each.held() - FREE);
                all += held;
                if (held > most) {
                    most = held;
                    greediest = each;
                }
            }
        }
        if (greediest == null || all <= budget.limit()) {
            return null;
        }
        greediest.givesUp = true;
        long count = gaveUp;
        gaveUp = count + 1;
        return greediest;
    }

    // ---- lines

    /** {@return where it waits if it holds a part of a message} */
    private WaitingLine lineOf(MemoryWaiter waiter) {
        return waiter.stalled ? stalled : waiter.small ? small : large;
    }

    private void move(MemoryWaiter waiter, WaitingLine line) {
        leaveLine(waiter);
        line.add(waiter);
        int count = waiters;
        waiters = count + 1;
    }

    private void leaveLine(MemoryWaiter waiter) {
        WaitingLine line = waiter.line;
        if (line == null) {
            return;
        }
        line.remove(waiter);
        if (line == admitted) {
            granted -= waiter.grant;
            waiter.grant = 0;
        } else {
            int count = waiters;
            waiters = count - 1;
        }
    }
}

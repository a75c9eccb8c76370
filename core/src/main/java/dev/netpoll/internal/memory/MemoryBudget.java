// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * How many bytes the connections of one group hold together, against what they may hold: those that want more while it
 * is {@link #isExceeded() exceeded} wait until enough has come back.
 *
 * <p><b>Place.</b> One per event loop group. Whoever takes memory {@link #charge charges} and goes on: a budget never
 * refuses. Whoever could take more looks at {@link #isExceeded()} first, and {@link #await waits} instead.
 *
 * <p><b>Threads.</b> Any, for every method. A charge or a release is one atomic operation on one of several counters,
 * chosen by the thread's id, and now and then a second one on the sum of them all. Only those that wait, and those who
 * tell them, take a lock, and no call to other code is made under it.
 *
 * <p><b>Limits.</b> What has not been added to the sum is less than a sixteenth of the limit, so {@link #isExceeded()}
 * answers that exactly. {@link #used()} adds everything up.
 *
 * <p>Invariants:
 * <ul>
 *   <li>I1. {@code sum} and all counters together are the bytes charged and not released. No counter is further from 0
 *       than {@code quantum} between calls, and all of them together than {@code limit / 16}.
 *   <li>I2. No wake-up is lost: when use has been below three quarters of the limit and no call is under way, nobody
 *       waits. Who waits enters the list and then looks at the sum; who lowers the sum then looks at the list. All four
 *       accesses are volatile, so at least one of the two sees the other. What may still lie in the counters is less
 *       than the difference between three quarters and the low mark.
 *   <li>I3. A waiter is in one line at most, once, and told at most once for each time it was put there, unless telling
 *       it failed: then it is put back, and told again with the next chance.
 *   <li>I4. While somebody waits for a turn, somebody has it: it passes from one to the next under the lock.
 * </ul>
 */
public final class MemoryBudget {
    private static final long MIN_DEFAULT = 32L << 20;

    private static final long MAX_DEFAULT = 256L << 20;

    /** What a counter may hold at most before it is added to the sum. */
    private static final long MAX_QUANTUM = 64L << 10;

    private static final int MOST_COUNTERS = 16;

    /** Counters lie so far apart that no two share a cache line, nor the lines that are fetched in pairs. */
    private static final int SPREAD = 16;

    /** How long a turn may take in all, and without a byte, if somebody else waits for one. */
    private static final long TURN_NANOS = 1_000_000_000;

    private static final long SILENCE_NANOS = 150_000_000;

    private static final VarHandle COUNTER = MethodHandles.arrayElementVarHandle(long[].class);

    /** Somebody who waits for memory, and who is a link of the line of those who do. */
    public abstract static class Waiter {
        @Nullable
        Waiter previous; // this and the next guarded by the budget's lock

        @Nullable
        Waiter following;

        /** Where it waits. Written under the lock. */
        volatile @Nullable WaitingLine line;

        /** Whether it has had a turn that was too short for what is missing. Written under the lock. */
        private volatile boolean stalled;

        /** For subclasses. */
        protected Waiter() {}

        /**
         * There may be memory again: look, and wait again if there is not. Called once for each {@link #await}, by the
         * thread that gave memory back, which may be any, even before {@code await} returns. Must not block, and
         * should not throw.
         */
        protected abstract void memoryReturned();

        /** How many bytes it holds. Any thread. */
        protected long held() {
            return 0;
        }

        /** It is to give up what it holds. Any thread; must neither block nor throw. */
        protected void heldTooLong() {}
    }

    private final long limit;
    private final long lowMark;
    private final long quantum;
    private final AtomicLong sum = new AtomicLong();
    private final long[] counters;
    private final int mask;

    /** Those who hold a part of what somebody waits for, and have not had a turn; they go first. */
    private final WaitingLine needy = new WaitingLine();

    /** Those who have had a turn, and whose peers were too slow for it. */
    private final WaitingLine stalled = new WaitingLine();

    private final WaitingLine others = new WaitingLine();

    private volatile int waiters; // these changed under the lock

    /** Who may go on although the limit is exceeded, or null; see {@link #takeTurn}. */
    private volatile @Nullable Waiter favourite;

    private volatile long turnBegan;

    private volatile long gotAt;

    /**
     * Creates one of which nothing is used.
     *
     * @param limitBytes from where on it is exceeded
     */
    public MemoryBudget(long limitBytes) {
        if (limitBytes <= 0) {
            throw new IllegalArgumentException("the limit must be positive: " + limitBytes);
        }
        this.limit = limitBytes;
        this.lowMark = limitBytes - (limitBytes >> 3);
        int processors = Runtime.getRuntime().availableProcessors();
        int count = Math.min(MOST_COUNTERS, Integer.highestOneBit(Math.max(1, 2 * processors - 1)));
        this.mask = count - 1;
        this.counters = new long[(count + 1) * SPREAD];
        this.quantum = Math.min(MAX_QUANTUM, limitBytes / (16L * count));
    }

    /** The limit of a group that is not told any: a quarter of the largest heap, but 32 MiB to 256 MiB. */
    public static long defaultLimit() {
        return Math.clamp(Runtime.getRuntime().maxMemory() / 4, MIN_DEFAULT, MAX_DEFAULT);
    }

    /** From where on it is exceeded, in bytes. */
    public long limit() {
        return limit;
    }

    /** At or below how many bytes those who wait are told: seven eighths of the limit. */
    public long lowMark() {
        return lowMark;
    }

    /** Counts {@code bytes} that were taken; 0 is harmless. Never refuses. */
    public void charge(long bytes) {
        add(bytes);
    }

    /** Counts {@code bytes} that were charged and have come back; 0 is harmless. Never throws. */
    public void release(long bytes) {
        add(-bytes);
    }

    /** The bytes that are charged: exact when no thread changes it meanwhile. */
    public long used() {
        long used = sum.get();
        for (int i = 0; i <= mask; i++) {
            used += (long) COUNTER.getVolatile(counters, place(i));
        }
        return used;
    }

    /** Whether more is used than the limit, to a sixteenth of it. One volatile read. */
    public boolean isExceeded() {
        return sum.get() > limit;
    }

    /** How many wait. */
    public int waiters() {
        return waiters;
    }

    /**
     * Has {@code waiter} told when use has come down to the low mark; that may be at once. Harmless if it waits
     * already.
     */
    public void await(Waiter waiter) {
        await(waiter, others);
    }

    /**
     * As {@link #await}, for one who holds a part of a message and has asked for a {@linkplain #takeTurn turn} in vain:
     * it is also told when it has one.
     */
    public void awaitTurn(Waiter waiter) {
        await(waiter, waiter.stalled ? stalled : needy);
    }

    private void await(Waiter waiter, WaitingLine line) {
        Waiter next = null;
        synchronized (this) {
            if (waiter.line == line) {
                return;
            }
            leaveLine(waiter);
            link(waiter, line);
            if (favourite == null) { // it went while we came
                next = favourNext();
            }
        }
        if (next != null) {
            tell(next, needy);
        }
        settleAll();
        tell(); // I2
    }

    /**
     * Gives {@code waiter} a turn to go on although the limit is exceeded, if it is its turn: if all memory is held by
     * messages of which a part is missing, one after the other gets what it needs. A turn ends with {@link #satisfied},
     * or when somebody else asks after it has taken too long; then it was in vain, and who had it comes after all who
     * have not had one. If those hold more than the limit together, the one that holds most has to give that up.
     *
     * @return whether it has a turn
     */
    public boolean takeTurn(Waiter waiter) {
        if (favourite == waiter) {
            return true;
        }
        Waiter next;
        Waiter greediest = null;
        synchronized (this) {
            Waiter before = favourite;
            if (before != null && !isOver(before, waiter)) {
                return before == waiter;
            }
            if (waiter.line == null || waiter.line == others) { // the others have waited longer
                leaveLine(waiter);
                link(waiter, waiter.stalled ? stalled : needy);
            }
            if (before != null) {
                before.stalled = true; // this and its line before its turn: see satisfied()
                leaveLine(before);
                link(before, stalled);
                greediest = greediestStalled();
            }
            next = favourNext();
        }
        if (greediest != null) {
            greediest.heldTooLong();
        }
        if (next != null && next != waiter) {
            tell(next, needy);
        }
        return next == waiter;
    }

    /** Under the lock. {@return the one that holds most of all that is held in vain, if that is too much} */
    private @Nullable Waiter greediestStalled() {
        long all = 0;
        long most = 0;
        Waiter greediest = null;
        for (Waiter each = stalled.first(); each != null; each = each.following) {
            long held = each.held();
            all += held;
            if (held > most) {
                most = held;
                greediest = each;
            }
        }
        return all > limit ? greediest : null;
    }

    /** Under the lock. {@return whether {@code other} may end the turn of {@code current}} */
    private boolean isOver(Waiter current, Waiter other) {
        long now = System.nanoTime();
        return now - turnBegan > TURN_NANOS || now - gotAt > SILENCE_NANOS || (current.stalled && !other.stalled);
    }

    /** {@code waiter} has got something. */
    public void progress(Waiter waiter) {
        if (favourite == waiter) {
            gotAt = System.nanoTime();
        }
    }

    /** {@code waiter} misses nothing any more: the next one has the turn. */
    public void satisfied(Waiter waiter) {
        WaitingLine line = waiter.line;
        if (favourite != waiter && !waiter.stalled && (line == null || line == others)) {
            return;
        }
        Waiter next = null;
        synchronized (this) {
            waiter.stalled = false;
            if (waiter.line != others) {
                leaveLine(waiter);
            }
            if (favourite == waiter) {
                next = favourNext();
            }
        }
        if (next != null) {
            tell(next, needy);
        }
    }

    /** Under the lock. {@return who has the turn now, and is to be told, or null} */
    private @Nullable Waiter favourNext() {
        Waiter next = needy.first();
        if (next == null) {
            next = stalled.first();
        }
        if (next != null) {
            leaveLine(next);
        }
        turnBegan = System.nanoTime();
        gotAt = turnBegan;
        favourite = next;
        return next;
    }

    /** {@code waiter} is not interested any more. It may be being told at this moment. */
    public void cancel(Waiter waiter) {
        synchronized (this) {
            leaveLine(waiter);
        }
    }

    /**
     * Tells those who wait if there is memory. Nobody needs to call it, unless telling failed because a thread had no
     * stack left; a look now and then makes up for that.
     */
    public void look() {
        if (waiters != 0) {
            settleAll();
            tell();
        }
    }

    // ---- inside

    private static int place(int counter) {
        return (counter + 1) * SPREAD;
    }

    private void add(long change) {
        if (change == 0) { // nearly always: each side has a share that does not count
            return;
        }
        long id = Thread.currentThread().threadId();
        int at = place((int) (id ^ (id >>> 4)) & mask);
        long value = (long) COUNTER.getAndAdd(counters, at, change) + change;
        if (value >= quantum || value <= -quantum) {
            try {
                settle(at);
                if (waiters != 0) { // I2
                    tell();
                }
            } catch (StackOverflowError _) {
                // it is counted; the next one settles, or a look
            }
        }
    }

    private void settleAll() {
        for (int i = 0; i <= mask; i++) {
            settle(place(i));
        }
    }

    private void settle(int at) {
        long value = (long) COUNTER.getAndSet(counters, at, 0L);
        if (value != 0) {
            sum.getAndAdd(value); // takes less stack than the line above, so the two happen both or not at all
        }
    }

    /**
     * Tells everybody who waits now, the longest first, while there is memory. What is done between taking a waiter out
     * and having told it needs no more stack than taking it out did, except the telling itself.
     */
    private void tell() {
        int most = waiters; // who waits again comes to the end, and is not told a second time in this round
        for (int i = 0; i < most && sum.get() <= lowMark; i++) {
            WaitingLine line;
            Waiter waiter;
            synchronized (this) {
                line = needy.first() != null ? needy : stalled.first() != null ? stalled : others;
                waiter = line.first();
                if (waiter == null) {
                    return;
                }
                leaveLine(waiter);
            }
            tell(waiter, line);
        }
    }

    /** Tells one that was taken out of its line. */
    @SuppressWarnings("EmptyCatch") // who gives memory back is innocent, and might have no stack to log with
    private void tell(Waiter waiter, WaitingLine line) {
        boolean told = false;
        try {
            waiter.memoryReturned();
            told = true;
        } catch (Throwable _) {
            // I3
        } finally {
            if (!told) {
                synchronized (this) {
                    if (waiter.line == null) {
                        link(waiter, line);
                    }
                }
            }
        }
    }

    private void link(Waiter waiter, WaitingLine line) {
        line.add(waiter);
        int count = waiters;
        waiters = count + 1;
    }

    private void leaveLine(Waiter waiter) {
        WaitingLine line = waiter.line;
        if (line != null) {
            line.remove(waiter);
            int count = waiters;
            waiters = count - 1;
        }
    }
}

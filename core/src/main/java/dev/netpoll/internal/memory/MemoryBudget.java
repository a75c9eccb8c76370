// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicLong;

/**
 * How many bytes the connections of one group hold together, against what they may hold: those that want more while it
 * is {@link #isExceeded() exceeded} wait until enough has come back.
 *
 * <p><b>Place.</b> One per event loop group. Whoever takes memory {@link #charge charges} and goes on: a budget never
 * refuses. Whoever could take more looks at {@link #isExceeded()} first, and waits in its {@link MemoryTurns} instead.
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
 *   <li>B1. {@code sum} and all counters together are the bytes charged and not released. No counter is further from 0
 *       than {@code quantum} between calls, and all of them together than {@code limit / 16}.
 *   <li>B2. No wake-up is lost: when use has been below three quarters of the limit and no call is under way, nobody
 *       waits. Who waits enters the list and then looks at the sum; who lowers the sum then looks at the list. All four
 *       accesses are volatile, so at least one of the two sees the other. What may still lie in the counters is less
 *       than the difference between three quarters and the low mark.
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

    private static final VarHandle COUNTER = MethodHandles.arrayElementVarHandle(long[].class);

    private final long limit;
    private final long lowMark;
    private final long quantum;
    private final AtomicLong sum = new AtomicLong();
    private final long[] counters;
    private final int mask;

    private final MemoryTurns turns;

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
        this.turns = new MemoryTurns(this);
    }

    /**
     * The limit of a group that is not told any: a quarter of the largest heap, but 32 MiB to 256 MiB, and no more than
     * a quarter of what all groups may have.
     */
    public static long defaultLimit() {
        long ofHeap = Math.clamp(Runtime.getRuntime().maxMemory() / 4, MIN_DEFAULT, MAX_DEFAULT);
        return Math.min(ofHeap, Math.max(1, most() / 4));
    }

    /** {@return how many bytes of buffer memory there may be in all} */
    public static long most() {
        return SegmentPool.shared().stats().maxBytes();
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

    /** Those who wait for memory. */
    public MemoryTurns turns() {
        return turns;
    }

    /**
     * Tells those who wait if there is memory. Nobody needs to call it, unless telling failed because a thread had no
     * stack left; a look now and then makes up for that.
     */
    public void look() {
        if (turns.waiters() != 0) {
            settleAll();
            turns.tell();
        }
    }

    // ---- inside

    /** {@return whether those who wait are to be told} */
    boolean isLow() {
        return sum.get() <= lowMark;
    }

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
                if (turns.waiters() != 0) { // B2
                    turns.tell();
                }
            } catch (StackOverflowError _) {
                // it is counted; the next one settles, or a look
            }
        }
    }

    void settleAll() {
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
}

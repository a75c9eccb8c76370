// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A sum that many threads change. A change is one atomic operation on one of several counters, selected by the thread's
 * id. {@link #settle} adds a counter that has become large to the sum.
 *
 * <p>Invariant: the sum and all counters together are the total of all changes. While no thread is between {@link #add}
 * and {@link #settle}, no counter is further from 0 than the quantum, and all together than the slack.
 */
final class StripedSum {
    /** The result of {@link #add} if no counter needs to be settled. */
    static final int SETTLED = -1;

    /** The most that a counter may hold before it is added to the sum. */
    private static final long MAX_QUANTUM = 64L << 10;

    private static final int MOST_COUNTERS = 16;

    /** The distance of the counters: no two share a cache line, nor a pair of lines that are fetched together. */
    private static final int SPREAD = 16;

    private static final VarHandle COUNTER = MethodHandles.arrayElementVarHandle(long[].class);
    private static final VarHandle SUM;

    static {
        try {
            SUM = MethodHandles.lookup().findVarHandle(StripedSum.class, "sum", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private volatile long sum;
    private final long[] counters;
    private final int mask;
    private final long quantum;

    /** Creates a sum of 0, of which at most {@code slack} lies in the counters. */
    StripedSum(long slack) {
        int processors = Runtime.getRuntime().availableProcessors();
        int count = Math.min(MOST_COUNTERS, Integer.highestOneBit(Math.max(1, 2 * processors - 1)));
        this.mask = count - 1;
        this.counters = new long[(count + 1) * SPREAD];
        this.quantum = Math.min(MAX_QUANTUM, slack / count);
    }

    /** The sum, exact to the slack. One volatile read. */
    long get() {
        return sum;
    }

    /** The sum: exact if no thread changes it meanwhile. */
    long exact() {
        long all = sum;
        for (int i = 0; i <= mask; i++) {
            all += (long) COUNTER.getVolatile(counters, place(i));
        }
        return all;
    }

    /** Adds {@code change}; {@return the counter to settle now, or SETTLED} */
    int add(long change) {
        long id = Thread.currentThread().threadId();
        int at = place((int) (id ^ (id >>> 4)) & mask);
        long value = (long) COUNTER.getAndAdd(counters, at, change) + change;
        return value >= quantum || value <= -quantum ? at : SETTLED;
    }

    /** Adds a counter to the sum. */
    void settle(int at) {
        long value = (long) COUNTER.getAndSet(counters, at, 0L);
        if (value != 0) {
            long _ = (long) SUM.getAndAdd(
                    this, value); // takes less stack than the line above, so the two happen both or not at all
        }
    }

    void settleAll() {
        for (int i = 0; i <= mask; i++) {
            settle(place(i));
        }
    }

    private static int place(int counter) {
        return (counter + 1) * SPREAD;
    }
}

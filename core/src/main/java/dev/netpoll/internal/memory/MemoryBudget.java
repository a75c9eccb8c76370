// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The bytes that the connections of one group hold together, and their limit. While it is {@link #isExceeded()
 * exceeded}, connections that want more wait until enough memory is back.
 *
 * <p><b>Place.</b> One per event loop group. Code that takes memory {@link #charge charges} it and continues: a budget
 * never refuses. Code that could take more checks {@link #isExceeded()} first, and waits in {@link MemoryTurns}.
 *
 * <p><b>Threads.</b> Any, for every method. A charge or a release is one atomic operation, sometimes two. Only waiters,
 * and threads that tell them, take a lock.
 *
 * <p><b>Limits.</b> Less than a sixteenth of the limit is missing from the sums: {@link #isExceeded()} is as exact as
 * that. {@link #used()} adds everything up.
 *
 * <p>Invariants:
 * <ul>
 *   <li>B1. {@code input} and {@code output} together are the bytes charged and not released. Between calls, at most a
 *       sixteenth of the limit is in counters.
 *   <li>B2. No wake-up is lost: if use has been below three quarters of the limit and no call is under way, no waiter
 *       is left. A waiter enters the list and then reads the sums; a thread that lowers a sum then reads the list. All
 *       these accesses are volatile, so at least one of the two sees the other. The bytes that may still be in counters
 *       are fewer than the difference between three quarters and the low mark.
 * </ul>
 */
public final class MemoryBudget {
    private static final long MIN_DEFAULT = 32L << 20;

    private static final long MAX_DEFAULT = 256L << 20;

    /** What broken connections may leave is the limit divided by this. */
    private static final int LEFT_PART = 8;

    private final long limit;
    private final long lowMark;

    /** Bytes received and still held by anyone. */
    private final StripedSum input;

    /** Bytes written and not yet sent. */
    private final StripedSum output;

    /** Bytes that connections which broke have left for readers who may never come; at most a part of the limit. */
    private final AtomicLong left = new AtomicLong();

    private final MemoryTurns turns;

    /**
     * Creates an unused budget.
     *
     * @param limitBytes more use exceeds the budget
     */
    public MemoryBudget(long limitBytes) {
        if (limitBytes <= 0) {
            throw new IllegalArgumentException("the limit must be positive: " + limitBytes);
        }
        this.limit = limitBytes;
        this.lowMark = limitBytes - (limitBytes >> 3);
        this.input = new StripedSum(limitBytes >> 5);
        this.output = new StripedSum(limitBytes >> 5);
        this.turns = new MemoryTurns(this);
    }

    /**
     * The default limit of a group: a quarter of the maximum heap, but 32 MiB to 256 MiB, and at most a quarter of the
     * limit for all groups.
     */
    public static long defaultLimit() {
        long ofHeap = Math.clamp(Runtime.getRuntime().maxMemory() / 4, MIN_DEFAULT, MAX_DEFAULT);
        return Math.min(ofHeap, Math.max(1, most() / 4));
    }

    /** {@return the limit of all buffer memory in bytes} */
    public static long most() {
        return SegmentPool.shared().stats().maxBytes();
    }

    /** The limit in bytes; more use exceeds the budget. */
    public long limit() {
        return limit;
    }

    /** Waiters are told when use is at most this many bytes: seven eighths of the limit. */
    public long lowMark() {
        return lowMark;
    }

    /** Counts {@code bytes} that were received; 0 is harmless. Never refuses. */
    public void charge(long bytes) {
        add(input, bytes);
    }

    /** Counts {@code bytes} that were charged and have come back; 0 is harmless. Never throws. */
    public void release(long bytes) {
        add(input, -bytes);
    }

    /** Counts {@code change} more bytes (or fewer) that were written and not sent. Never refuses, never throws. */
    public void chargeOutput(long change) {
        add(output, change);
    }

    /**
     * Counts bytes that a connection which broke leaves for a reader, besides the others: {@link #leftReturned} takes
     * them back. {@return false, and counts nothing, if connections have left too much already}
     */
    public boolean leave(long bytes) {
        long before;
        do {
            before = left.get();
            if (bytes > limit / LEFT_PART - before) {
                return false;
            }
        } while (!left.compareAndSet(before, before + bytes));
        return true;
    }

    /** Bytes that were left have come back. */
    public void leftReturned(long bytes) {
        left.getAndAdd(-bytes);
    }

    /** The charged bytes: exact if no thread changes them meanwhile. */
    public long used() {
        return input.exact() + output.exact();
    }

    /** Whether use exceeds the limit, exact to a sixteenth of it. Two volatile reads. */
    public boolean isExceeded() {
        return input.get() + output.get() > limit;
    }

    /** Bytes received and still held, exact to a sixteenth of the limit. */
    long received() {
        return input.get();
    }

    /** The waiters for memory. */
    public MemoryTurns turns() {
        return turns;
    }

    /**
     * Tells the waiters if there is memory. Needed only if telling failed because a thread had no stack left; an
     * occasional call makes up for that.
     */
    public void look() {
        if (turns.waiters() != 0) {
            settleAll();
            turns.tell();
        }
    }

    // ---- inside

    /** {@return whether waiters should be told} */
    boolean isLow() {
        return input.get() + output.get() <= lowMark;
    }

    private void add(StripedSum to, long change) {
        if (change == 0) { // the usual case: each side has a share that does not count
            return;
        }
        int full = to.add(change);
        if (full != StripedSum.SETTLED) {
            try {
                to.settle(full);
                if (turns.waiters() != 0) { // B2
                    turns.tell();
                }
            } catch (StackOverflowError _) {
                // it is counted; the next call settles it, or look()
            }
        }
    }

    void settleAll() {
        input.settleAll();
        output.settleAll();
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

/**
 * How many bytes the connections of one group hold together, against what they may hold: those that want more while it
 * is {@link #isExceeded() exceeded} wait until enough has come back.
 *
 * <p><b>Place.</b> One per event loop group. Whoever takes memory {@link #charge charges} and goes on: a budget never
 * refuses. Whoever could take more looks at {@link #isExceeded()} first, and waits in its {@link MemoryTurns} instead.
 *
 * <p><b>Threads.</b> Any, for every method. A charge or a release is one atomic operation, and now and then a second
 * one. Only those that wait, and those who tell them, take a lock, and no call to other code is made under it.
 *
 * <p><b>Limits.</b> What has not been added to the sums is less than a sixteenth of the limit, so {@link #isExceeded()}
 * answers that exactly. {@link #used()} adds everything up.
 *
 * <p>Invariants:
 * <ul>
 *   <li>B1. {@code input} and {@code output} together are the bytes charged and not released. No more of them than a
 *       sixteenth of the limit lies in counters between calls.
 *   <li>B2. No wake-up is lost: when use has been below three quarters of the limit and no call is under way, nobody
 *       waits. Who waits enters the list and then looks at the sums; who lowers a sum then looks at the list. All these
 *       accesses are volatile, so at least one of the two sees the other. What may still lie in the counters is less
 *       than the difference between three quarters and the low mark.
 * </ul>
 */
public final class MemoryBudget {
    private static final long MIN_DEFAULT = 32L << 20;

    private static final long MAX_DEFAULT = 256L << 20;

    private final long limit;
    private final long lowMark;

    /** What was received and is still held, by whomever. */
    private final StripedSum input;

    /** What was written and not yet sent. */
    private final StripedSum output;

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
        this.input = new StripedSum(limitBytes >> 5);
        this.output = new StripedSum(limitBytes >> 5);
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

    /** Counts {@code bytes} that were received; 0 is harmless. Never refuses. */
    public void charge(long bytes) {
        add(input, bytes);
    }

    /** Counts {@code bytes} that were charged and have come back; 0 is harmless. Never throws. */
    public void release(long bytes) {
        add(input, -bytes);
    }

    /** Counts bytes that were written and not sent: so many more, or less than before. Never refuses, nor throws. */
    public void chargeOutput(long change) {
        add(output, change);
    }

    /** The bytes that are charged: exact when no thread changes it meanwhile. */
    public long used() {
        return input.exact() + output.exact();
    }

    /** Whether more is used than the limit, to a sixteenth of it. Two volatile reads. */
    public boolean isExceeded() {
        return input.get() + output.get() > limit;
    }

    /** What was received and is still held, to a sixteenth of the limit. */
    long received() {
        return input.get();
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
        return input.get() + output.get() <= lowMark;
    }

    private void add(StripedSum to, long change) {
        if (change == 0) { // nearly always: each side has a share that does not count
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
                // it is counted; the next one settles, or a look
            }
        }
    }

    void settleAll() {
        input.settleAll();
        output.settleAll();
    }
}

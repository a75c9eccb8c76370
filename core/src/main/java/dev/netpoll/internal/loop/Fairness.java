// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Keeps one connection that always has another request from starving others. */
public final class Fairness {
    /** How many runs of one connection may follow each other before others get their turn. */
    public static final int RUNS = 64;

    /** The result of {@link #giveWay} if the loop continues the runs, not the caller. */
    public static final long LATER = 0;

    /** How long a virtual thread only yields: after that, its carrier may prefer it for ever. */
    private static final long YIELDING_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    private static final long PAUSE_NANOS = TimeUnit.MICROSECONDS.toNanos(50);

    private Fairness() {}

    /**
     * Lets others go first, after {@link #RUNS} runs.
     *
     * @param onLoop whether this thread drives the loop, whose next turn then continues {@code activation}
     * @param since the result of the last call for these runs, or 0
     * @return {@link #LATER}, or what to pass to the next call
     */
    @SuppressWarnings("ThreadPriorityCheck") // a virtual thread that never waits would keep its carrier
    public static long giveWay(EventLoop loop, Activation activation, boolean onLoop, long since) {
        if (onLoop) {
            loop.addLater(activation);
            return LATER;
        }
        long now = System.nanoTime() | 1; // never LATER
        if (!Thread.currentThread().isVirtual()) {
            return now;
        }
        if (since == 0 || now - since < YIELDING_NANOS) {
            Thread.yield();
            return since == 0 ? now : since;
        }
        LockSupport.parkNanos(PAUSE_NANOS);
        return System.nanoTime() | 1;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;

/** Waits for conditions, with a deadline. The only place of the suite that lets time pass. */
public final class Await {
    /** How long anything that must happen may take, on a busy machine too. */
    public static final Duration DEADLINE = Duration.ofSeconds(10);

    private static final long FIRST_PAUSE_NANOS = 20_000;
    private static final long LAST_PAUSE_NANOS = 1_000_000;

    private Await() {}

    /** Returns as soon as the condition is true; fails at the deadline. */
    public static void until(String what, Callable<Boolean> condition) {
        if (!within(DEADLINE, condition)) {
            throw new AssertionError("after " + DEADLINE.toSeconds() + " s still not true: " + what);
        }
    }

    /** {@return whether the condition became true in time} */
    public static boolean within(Duration limit, Callable<Boolean> condition) {
        long deadline = System.nanoTime() + limit.toNanos();
        long pause = FIRST_PAUSE_NANOS;
        while (!holds(condition)) {
            if (System.nanoTime() - deadline >= 0) {
                return holds(condition);
            }
            LockSupport.parkNanos(pause);
            if (Thread.interrupted()) {
                throw new AssertionError("interrupted while waiting");
            }
            pause = Math.min(2 * pause, LAST_PAUSE_NANOS);
        }
        return true;
    }

    /** Fails if the condition turns false within a while that is short for people and long for an event loop. */
    public static void stays(String what, Duration while_, Callable<Boolean> condition) {
        if (within(while_, () -> !condition.call())) {
            throw new AssertionError("did not stay true for " + while_.toMillis() + " ms: " + what);
        }
    }

    private static boolean holds(Callable<Boolean> condition) {
        try {
            return condition.call();
        } catch (RuntimeException | Error failure) {
            throw failure;
        } catch (Exception failure) {
            throw new AssertionError("the condition failed", failure);
        }
    }
}

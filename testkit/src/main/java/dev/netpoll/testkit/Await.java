// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit;

import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;

/**
 * Waits until a condition holds, with a deadline, in place of sleeping: tests take only as long as they must, and fail
 * with a sentence that says what did not happen.
 *
 * <p>The calling thread evaluates the condition after pauses that grow from 20 microseconds to a millisecond, and once
 * more at the deadline. If the condition throws, the wait throws, too: unchecked exceptions and errors as they are,
 * others as the cause of an AssertionError.
 *
 * <p><b>Threads.</b> Any thread, except those of event loops, which a wait would hold up. An interrupt ends the wait
 * with an AssertionError, and the thread stays interrupted.
 *
 * @since 0.1
 */
public final class Await {
    /** How long {@link #until(String, Callable)} waits at most: 10 seconds, enough for a busy machine. */
    public static final Duration DEADLINE = Duration.ofSeconds(10);

    private static final long FIRST_PAUSE_NANOS = 20_000;
    private static final long LAST_PAUSE_NANOS = 1_000_000;

    private Await() {}

    /**
     * Returns as soon as the condition is true.
     *
     * @param what the condition in words, as "the server has no connections"
     * @throws AssertionError if it is still false after {@link #DEADLINE}
     */
    public static void until(String what, Callable<Boolean> condition) {
        until(what, DEADLINE, condition);
    }

    /**
     * Returns as soon as the condition is true.
     *
     * @param what the condition in words
     * @param limit how long to wait at most
     * @throws AssertionError if it is still false then
     */
    public static void until(String what, Duration limit, Callable<Boolean> condition) {
        Objects.requireNonNull(what, "what");
        if (!within(limit, condition)) {
            throw new AssertionError("after " + inWords(limit) + " still not true: " + what);
        }
    }

    /**
     * {@return whether the condition became true in time}
     *
     * @param limit how long to wait at most; with zero or less the condition must be true at once
     */
    public static boolean within(Duration limit, Callable<Boolean> condition) {
        long begin = System.nanoTime();
        long nanos = nanos(limit);
        long pause = FIRST_PAUSE_NANOS;
        while (!holds(condition)) {
            if (System.nanoTime() - begin >= nanos) {
                return holds(condition);
            }
            LockSupport.parkNanos(pause);
            if (Thread.currentThread().isInterrupted()) {
                throw new AssertionError("interrupted while waiting");
            }
            pause = Math.min(2 * pause, LAST_PAUSE_NANOS);
        }
        return true;
    }

    /**
     * Watches a condition for a while: a test cannot wait for something that must not happen. Choose a time that is
     * short for people and long for an event loop, such as 50 milliseconds.
     *
     * @param what the condition in words
     * @param length how long to watch
     * @throws AssertionError if the condition turns false within that time
     */
    public static void stays(String what, Duration length, Callable<Boolean> condition) {
        Objects.requireNonNull(what, "what");
        if (within(length, () -> !condition.call())) {
            throw new AssertionError("did not stay true for " + inWords(length) + ": " + what);
        }
    }

    private static long nanos(Duration limit) {
        return limit.compareTo(Duration.ofNanos(Long.MAX_VALUE)) < 0 ? limit.toNanos() : Long.MAX_VALUE;
    }

    private static String inWords(Duration limit) {
        return limit.toMillis() % 1000 == 0 ? limit.toSeconds() + " s" : limit.toMillis() + " ms";
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

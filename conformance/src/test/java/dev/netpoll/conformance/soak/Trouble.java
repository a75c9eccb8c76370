// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.soak;

import dev.netpoll.conformance.faults.Faults;
import dev.netpoll.conformance.faults.RandomFaults;
import dev.netpoll.memory.MemoryLimitException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The faults of a soak, if it has any, and what may come of them: each may cost a connection. So what a connection
 * throws fails no such soak, but wrong bytes, silence, a leak and a thread that dies do.
 */
final class Trouble implements AutoCloseable {
    private static final long BEFORE_NANOS = Duration.ofMillis(100).toNanos();
    private static final long AFTER_NANOS = Duration.ofSeconds(1).toNanos();

    private final @Nullable RandomFaults faults;
    private final Thread.@Nullable UncaughtExceptionHandler outer = Thread.getDefaultUncaughtExceptionHandler();

    Trouble(SoakOptions options) {
        faults = options.faults() == 0 ? null : new RandomFaults(options.seed(), options.faults());
    }

    /** Says what to do when a thread dies of what it threw. */
    void onDeath(BiConsumer<Thread, Throwable> action) {
        Thread.setDefaultUncaughtExceptionHandler(action::accept);
    }

    void begin() {
        if (faults != null) {
            Faults.arm(faults);
        }
    }

    void end() {
        Faults.disarm();
    }

    long strikes() {
        return faults == null ? 0 : faults.strikes();
    }

    /** {@return what was struck around that time, to say in a failure} */
    String around(long nanos) {
        if (faults == null) {
            return "";
        }
        List<String> struck = faults.struck(nanos - BEFORE_NANOS, nanos + AFTER_NANOS);
        return System.lineSeparator() + "struck about then: " + String.join(System.lineSeparator() + "    ", struck);
    }

    /** {@return whether it is, or follows from, the loss of a connection that a fault may cost} */
    boolean explains(Throwable failure) {
        if (faults == null || failure instanceof AssertionError) {
            return false;
        }
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof IOException
                    || cause instanceof MemoryLimitException
                    || "injected".equals(cause.getMessage())) {
                return true;
            }
        }
        return false;
    }

    /** Calls what has to be called, once more if a fault was in the way. */
    static void insist(Runnable call) {
        try {
            call.run();
        } catch (OutOfMemoryError | StackOverflowError injected) {
            call.run();
        }
    }

    @Override
    public void close() {
        end();
        if (faults != null) {
            faults.close();
        }
        Thread.setDefaultUncaughtExceptionHandler(outer);
    }
}

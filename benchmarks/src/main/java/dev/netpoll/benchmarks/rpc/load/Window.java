// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The measured part of a run: a span of {@link System#nanoTime}, after the warm-up. Requests that begin in it are
 * measured, whenever they end; answers that arrive in it are counted.
 *
 * <p><b>Threads.</b> The thread that conducts the run sets the span, workers look at it.
 *
 * <p><b>Limits.</b> Each part has an end: opening connections takes {@link #OPENING_SECONDS_MAX} at most; a warm-up
 * that is too slow to answer its number of requests ends after twice its seconds and {@link #WARMUP_EXTRA_SECONDS}
 * more.
 */
final class Window {
    private static final int OPENING_SECONDS_MAX = 120;
    private static final int WARMUP_EXTRA_SECONDS = 5;
    private static final long STEP_NANOS = 5_000_000;
    private static final long SECOND_NANOS = 1_000_000_000;

    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    /** Who sends the requests. */
    interface Workers {
        /** {@return whether all connections are there} */
        boolean isOpened();

        /** {@return whether the run has failed, or everybody has ended} */
        boolean isOver();

        /** {@return how many requests were answered since the start} */
        long answered();
    }

    /** What only the conductor knows of the measured part. */
    record Measured(double seconds, double cpuSeconds, long beginEpochNanos) {}

    private volatile long beginAt = Long.MAX_VALUE;
    private volatile long endAt = Long.MAX_VALUE;

    /** {@return when the measured part begins, or a time that never comes if that isn't decided} */
    long beginAt() {
        return beginAt;
    }

    /** {@return when it ends, and with it the sending of requests} */
    long endAt() {
        return endAt;
    }

    /** Waits for the connections, warms up and measures. Returns null if it never came to measuring. */
    @Nullable
    Measured conduct(LoadPlan plan, Workers workers, Consumer<String> lines) {
        try {
            return awaitOpened(workers) && warmUp(plan, workers) ? measure(plan, workers, lines) : null;
        } finally {
            // Whatever happened, nobody sends any more.
            endAt = Math.min(endAt, System.nanoTime());
        }
    }

    private static boolean awaitOpened(Workers workers) {
        long limit = System.nanoTime() + OPENING_SECONDS_MAX * SECOND_NANOS;
        while (!workers.isOpened()) {
            if (workers.isOver() || System.nanoTime() > limit) {
                return false;
            }
            LockSupport.parkNanos(STEP_NANOS);
        }
        return true;
    }

    private static boolean warmUp(LoadPlan plan, Workers workers) {
        long start = System.nanoTime();
        double secondsMax = 2 * plan.warmupSeconds() + WARMUP_EXTRA_SECONDS;
        while (true) {
            double seconds = (System.nanoTime() - start) / 1e9;
            boolean enough = seconds >= plan.warmupSeconds() && workers.answered() >= plan.warmupRequests();
            if (workers.isOver()) {
                return false;
            }
            if (enough || seconds >= secondsMax) {
                return true;
            }
            LockSupport.parkNanos(STEP_NANOS);
        }
    }

    private Measured measure(LoadPlan plan, Workers workers, Consumer<String> lines) {
        lines.accept("BEGIN");
        Instant instant = Instant.now();
        long epochNanos = TimeUnit.SECONDS.toNanos(instant.getEpochSecond()) + instant.getNano();
        long cpu = SYSTEM.getProcessCpuTime();
        long before = workers.answered();
        long begin = System.nanoTime();
        long end = begin + (long) (plan.seconds() * 1e9);
        endAt = end;
        beginAt = begin;
        long progressAt = begin + SECOND_NANOS;
        long now = begin;
        while (now < end && !workers.isOver()) {
            if (now >= progressAt) {
                double seconds = (now - begin) / 1e9;
                lines.accept("# %.0f %.0f".formatted(seconds, (workers.answered() - before) / seconds));
                progressAt += SECOND_NANOS;
            }
            LockSupport.parkNanos(Math.min(10 * STEP_NANOS, end - now));
            now = System.nanoTime();
        }
        double cpuSeconds = (SYSTEM.getProcessCpuTime() - cpu) / 1e9;
        lines.accept("END");
        // Answers are counted up to the planned end, by their own time, however late this thread got to run.
        return new Measured((Math.min(now, end) - begin) / 1e9, cpuSeconds, epochNanos);
    }
}

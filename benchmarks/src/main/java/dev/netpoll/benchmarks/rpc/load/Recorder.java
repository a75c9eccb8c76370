// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/** What one load loop saw. Its thread writes; another may look at {@link #answeredSoFar} and {@link #isFatal}. */
final class Recorder {
    /** A request that was sent later than this after its intended time counts as behind. */
    static final long BEHIND_NANOS = 1_000_000;

    private static final int ERRORS_MAX = 10_000;

    private static final VarHandle PUBLISHED;

    static {
        try {
            PUBLISHED = MethodHandles.lookup().findVarHandle(Recorder.class, "published", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    final Histogram plain = Outcome.newHistogram();
    final Histogram marked = Outcome.newHistogram();

    private final Window window;
    private final Marks marks;

    // The window as of the last turn: a volatile read for each request would be one too many.
    private long beginAt = Long.MAX_VALUE;
    private long endAt = Long.MAX_VALUE;

    private long answered;
    private long answeredInWindow;
    private long errors;
    private long wrong;
    private long timeouts;
    private long behind;
    private @Nullable String firstError;

    /** Written by the loop once a turn, opaque. */
    @SuppressWarnings("UnusedVariable") // used through PUBLISHED
    private long published;

    private volatile boolean fatal;

    Recorder(Window window, Marks marks) {
        this.window = window;
        this.marks = marks;
    }

    /** Once a turn: takes over the window, and shows how far the loop has come. */
    void turn() {
        beginAt = window.beginAt();
        endAt = window.endAt();
        PUBLISHED.setOpaque(this, answered);
    }

    long endAt() {
        return endAt;
    }

    void answered(long start, long now, long number) {
        answered++;
        if (now >= beginAt && now < endAt) {
            answeredInWindow++;
        }
        record(start, now, number);
    }

    private void record(long start, long now, long number) {
        if (start >= beginAt && start < endAt) {
            Histogram histogram = marks.kind(number) == Marks.PLAIN ? plain : marked;
            histogram.recordValue(Math.clamp(now - start, 1, Outcome.LATENCY_MAX_NANOS));
        }
    }

    /** A request got no answer in time. What it waited is measured, or slow servers would look fast. */
    void timedOut(long start, long now, long number) {
        timeouts++;
        record(start, now, number);
        failed("no answer within the time-out");
    }

    /** A request was sent this late. */
    void sent(long intended, long now) {
        if (now - intended > BEHIND_NANOS && intended >= beginAt) {
            behind++;
        }
    }

    /** A request was never sent. */
    void unsent() {
        timeouts++;
        behind++;
        failed("no connection was free within the time-out");
    }

    void wrong(String what) {
        wrong++;
        failed("wrong answer: " + what);
    }

    void failed(String message) {
        errors++;
        if (firstError == null) {
            firstError = message;
        }
        if (errors > ERRORS_MAX) {
            fatal = true;
        }
    }

    /** The run cannot go on. */
    void fatal(String message) {
        failed(message);
        fatal = true;
    }

    boolean isFatal() {
        return fatal;
    }

    long answeredSoFar() {
        return (long) PUBLISHED.getOpaque(this);
    }

    /** Adds everything to the outcome, after the loop has ended. */
    void addTo(Outcome outcome) {
        outcome.plain.add(plain);
        outcome.marked.add(marked);
        outcome.requests += answeredInWindow;
        outcome.errors += errors;
        outcome.wrong += wrong;
        outcome.timeouts += timeouts;
        outcome.behind += behind;
        if (firstError != null) {
            outcome.failed(firstError);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.internal.loop.Relief;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

/**
 * Learns how long the request handlers of one server or dialer take, and says who runs them: worker threads, or, while
 * they prove short, the event loop itself.
 *
 * <pre>
 *   THREADS --at least {@link #RUNS_MIN} runs, their mean below {@link #SHORT_NANOS}, back-off over--> INLINE
 *   INLINE  --mean above {@link #LONG_NANOS}; a run blocked; {@link #BURNS_MAX} in a second held a loop up--> THREADS
 * </pre>
 *
 * Each way back doubles the time for which threads run the handlers at least; a long time inline resets it.
 *
 * <p><b>Threads.</b> Any. Fields are read and written without order: a lost update costs a sample.
 */
public final class Pace {
    /** Handlers that take less on average are short: about what the system calls of a request cost. */
    static final long SHORT_NANOS = TimeUnit.MICROSECONDS.toNanos(20);

    static final long LONG_NANOS = 2 * SHORT_NANOS;

    /** Runs to judge by: also how fast the mean forgets. */
    static final int RUNS_MIN = 512;

    /** So many runs may hold up a loop within a second. Each costs the others a millisecond or two. */
    static final int BURNS_MAX = 4;

    /** One run in so many is timed while they are inline. */
    private static final int SAMPLE_MASK = 15;

    /**
     * No run counts for more, so that accidents are forgotten, also on a busy machine, where some run in a thousand is
     * kept from a processor. About what a run may take before its loop is relieved of it: who is late then is seen to
     * there.
     */
    static final long NANOS_MAX = TimeUnit.MILLISECONDS.toNanos(1);

    private static final long BACK_OFF_MIN_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
    private static final long BACK_OFF_MAX_NANOS = TimeUnit.SECONDS.toNanos(64);
    private static final long FORGIVEN_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final long SECOND_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final LongAdder threadRuns = new LongAdder();
    private final LongAdder loopRuns = new LongAdder();
    private final LongAdder reliefs = new LongAdder();
    private final LongAdder switches = new LongAdder();

    private final LongSupplier clock;

    private volatile boolean inline;
    private volatile long changedAt;
    private volatile long backOffNanos = BACK_OFF_MIN_NANOS;

    /** When the second began in which {@code burns} are counted. */
    private long burntAt;

    private int burns;

    private long meanNanos;
    private int runs;

    /** Makes one that knows nothing yet. */
    public Pace() {
        this(System::nanoTime);
    }

    /** Makes one with a clock of its own, for tests. */
    Pace(LongSupplier clock) {
        this.clock = clock;
        changedAt = clock.getAsLong();
        burntAt = changedAt - SECOND_NANOS;
    }

    /** {@return the time, for {@link #ranOnThread} and {@link #ranInline}} */
    long now() {
        return clock.getAsLong();
    }

    /** {@return whether the event loops run the handlers now} */
    public boolean isInline() {
        return inline;
    }

    /** {@return whether the loop's run number {@code run} is to be timed} */
    static boolean isSample(long run) {
        return (run & SAMPLE_MASK) == 0;
    }

    /** A thread has run a handler. */
    void ranOnThread(long begin) {
        long now = now();
        threadRuns.increment();
        count(now - begin);
        if (!inline && runs >= RUNS_MIN && meanNanos < SHORT_NANOS && now - changedAt >= pause()) {
            change(true, now, "short");
        }
    }

    private long pause() {
        return switches.sum() == 0 ? 0 : backOffNanos;
    }

    /** A loop has run a handler, which was timed. */
    void ranInline(long begin) {
        long now = now();
        loopRuns.add(SAMPLE_MASK + 1);
        count(now - begin);
        if (inline && runs >= RUNS_MIN && meanNanos > LONG_NANOS) {
            change(false, now, "long");
        }
    }

    private void count(long nanos) {
        int n = Math.min(runs + 1, 2 * RUNS_MIN);
        runs = n;
        meanNanos += (Math.min(nanos, NANOS_MAX) - meanNanos) / n;
    }

    /** A handler that ran on a loop was relieved of it. */
    void relieved(Relief cause) {
        reliefs.increment();
        long now = now();
        if (now - burntAt >= SECOND_NANOS) {
            burntAt = now;
            burns = 0;
        }
        // One that burns may only have been kept from running, so once is not enough.
        if (inline && (cause != Relief.BURNING || ++burns >= BURNS_MAX)) {
            change(false, now, cause.name());
        }
    }

    private synchronized void change(boolean toInline, long now, String why) {
        if (inline == toInline) {
            return;
        }
        if (!toInline) {
            boolean forgiven = now - changedAt > FORGIVEN_NANOS;
            backOffNanos = forgiven ? BACK_OFF_MIN_NANOS : Math.min(backOffNanos * 2, BACK_OFF_MAX_NANOS);
        }
        switches.increment();
        runs = 0;
        changedAt = now;
        inline = toInline;
        DispatchEvents.change(toInline, why, meanNanos, toInline ? 0 : backOffNanos);
    }

    /** {@return runs by event loops so far, to within some dozens} */
    public long loopRuns() {
        return loopRuns.sum();
    }

    /** {@return runs by threads so far} */
    public long threadRuns() {
        return threadRuns.sum();
    }

    /** {@return how many runs were relieved of their loop} */
    public long reliefs() {
        return reliefs.sum();
    }

    /** {@return how often handlers moved to the loop or back} */
    public long switches() {
        return switches.sum();
    }
}

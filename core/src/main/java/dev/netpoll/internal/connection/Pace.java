// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.internal.loop.Relief;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

/**
 * Measures how long the request handlers of one server or dialer take, and decides who runs them: worker threads or,
 * while they prove short, the event loop itself.
 *
 * <pre>
 *   THREADS --at least {@link #RUNS_MIN} runs, their mean below {@link #SHORT_NANOS}, back-off over--> INLINE
 *   INLINE  --mean above {@link #LONG_NANOS}; {@link #RELIEFS_MAX} runs in a second held a loop up--> THREADS
 * </pre>
 *
 * Each return to threads doubles the minimum time that they run the handlers; a long time inline resets it.
 *
 * <p>Each connection also has a <i>record</i>. A connection whose run was late, wherever it ran, is set apart: its next
 * runs are on threads, more of them each time, and do not count here. So the few connections with long runs, for
 * example because their peers are slow, do not decide for the many, and do not cost them one trial after another. The
 * connection keeps the record; this class holds pure functions of it.
 *
 * <p><b>Threads.</b> Any. Fields are read and written without order: a lost update costs a sample.
 */
public final class Pace {
    /** Handlers with a mean below this are short. It is about what the system calls of a request cost. */
    static final long SHORT_NANOS = TimeUnit.MICROSECONDS.toNanos(20);

    static final long LONG_NANOS = 2 * SHORT_NANOS;

    /** The number of runs needed for a decision; also how fast the mean forgets. */
    static final int RUNS_MIN = 512;

    /** Runs per second that may hold up a loop before threads take over. Each costs others a millisecond or two. */
    static final int RELIEFS_MAX = 4;

    /** A run on a thread that takes this long is late: on a loop it would have been relieved. */
    private static final long LATE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    /**
     * A record: the lower bits hold how often the connection was late, the others for how many runs it stays apart. Not
     * for many: on a busy machine one run in a thousand is late through no fault of the handler.
     */
    private static final int TIMES_BITS = 2;

    private static final int TIMES_MAX = (1 << TIMES_BITS) - 1;

    /** While runs are inline, one in 16 is timed. */
    private static final int SAMPLE_MASK = 15;

    /**
     * A run counts as at most this, so that outliers are forgotten, such as runs that lost their processor on a busy
     * machine. It is about the time after which a loop is relieved; reliefs count separately.
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

    /** Start of the second in which {@code late} counts. */
    private long lateSince;

    private int late;

    private long meanNanos;
    private int runs;

    /** Creates one without measurements. */
    public Pace() {
        this(System::nanoTime);
    }

    /** Creates one with another clock, for tests. */
    Pace(LongSupplier clock) {
        this.clock = clock;
        changedAt = clock.getAsLong();
        lateSince = changedAt - SECOND_NANOS;
    }

    /** {@return the time, for {@link #ranOnThread} and {@link #ranInline}} */
    long now() {
        return clock.getAsLong();
    }

    /** {@return whether the event loops run the handlers now} */
    public boolean isInline() {
        return inline;
    }

    /** {@return whether the event loop runs the handler of a connection with this record now} */
    boolean isInline(short record) {
        return inline && !isApart(record);
    }

    /** {@return whether threads run this connection's handler, even while the others are inline} */
    static boolean isApart(short record) {
        return record >> TIMES_BITS != 0;
    }

    /** {@return the record of a connection whose run was late: it held up its loop, or would have done so there} */
    static short late(short record) {
        int times = Math.min((record & TIMES_MAX) + 1, TIMES_MAX);
        int apart = 1 << (2 * times + 2);
        return (short) (apart << TIMES_BITS | times);
    }

    /** {@return the record of a connection after a run on a thread that was not late} */
    static short inTime(short record) {
        if (!isApart(record)) {
            return record;
        }
        int next = record - (1 << TIMES_BITS);
        return (short) (isApart((short) next) ? next : next >> 1); // half is forgiven
    }

    /** {@return whether to time the loop's run number {@code run}} */
    static boolean isSample(long run) {
        return (run & SAMPLE_MASK) == 0;
    }

    /** A thread has run the handler of a connection with this record; {@return its new one} */
    short ranOnThread(long begin, short record) {
        long now = now();
        threadRuns.increment();
        short next = now - begin < LATE_NANOS ? inTime(record) : late(record);
        if (isApart(record)) {
            return next;
        }
        count(now - begin);
        if (!inline && runs >= RUNS_MIN && meanNanos < SHORT_NANOS && now - changedAt >= pause()) {
            change(true, now, "short");
        }
        return next;
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

    /** A loop was taken away from a handler that ran on it. */
    void relieved(Relief cause) {
        reliefs.increment();
        long now = now();
        if (now - lateSince >= SECOND_NANOS) {
            lateSince = now;
            late = 0;
        }
        if (inline && ++late >= RELIEFS_MAX) {
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

    /** {@return runs by event loops so far, within a few dozen} */
    public long loopRuns() {
        return loopRuns.sum();
    }

    /** {@return runs by threads so far} */
    public long threadRuns() {
        return threadRuns.sum();
    }

    /** {@return how many runs lost their loop to another driver} */
    public long reliefs() {
        return reliefs.sum();
    }

    /** {@return how often handlers moved to the loop or back} */
    public long switches() {
        return switches.sum();
    }
}

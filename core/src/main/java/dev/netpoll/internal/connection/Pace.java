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
 *   INLINE  --mean above {@link #LONG_NANOS}; {@link #RELIEFS_MAX} runs in a second held a loop up--> THREADS
 * </pre>
 *
 * Each way back doubles the time for which threads run the handlers at least; a long time inline resets it.
 *
 * <p>Besides, each connection has a <i>record</i>. One whose run was late, wherever it ran, is apart: its next runs are
 * on threads, more with each time, and do not count here. So the few whose runs take long, because their
 * peers are slow, say, do not decide for the many, and are not tried again and again at the cost of these. The record
 * is kept by the connection; here are pure functions of it.
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
    static final int RELIEFS_MAX = 4;

    /** A run on a thread is late if it takes so long: on a loop it would have been relieved. */
    private static final long LATE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    /**
     * A record: how often the connection was late, in the lower bits, and for how many runs it is still apart. Not for
     * very many: on a busy machine some run in a thousand is late for no reason of its own.
     */
    private static final int TIMES_BITS = 2;

    private static final int TIMES_MAX = (1 << TIMES_BITS) - 1;

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

    /** When the second began in which {@code late} ones are counted. */
    private long lateSince;

    private int late;

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

    /** {@return whether threads run the handler of the connection, whoever runs those of others} */
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

    /** {@return whether the loop's run number {@code run} is to be timed} */
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

    /** A handler that ran on a loop was relieved of it. */
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

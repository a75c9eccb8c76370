// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.loop.Relief;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class PaceTest {
    private static final long FIRST_BACK_OFF_MILLIS = 500; // the first way back has doubled it

    private final AtomicLong clock = new AtomicLong(1);
    private final Pace pace = new Pace(clock::get);

    /** That of the one connection there is, if a test looks at one. */
    private short record;

    private void runOnThread(int runs, long nanos) {
        for (int i = 0; i < runs; i++) {
            long begin = pace.now();
            clock.addAndGet(nanos);
            record = pace.ranOnThread(begin, record);
        }
    }

    private void runInline(int runs, long nanos) {
        for (int i = 0; i < runs; i++) {
            long begin = pace.now();
            clock.addAndGet(nanos);
            pace.ranInline(begin);
        }
    }

    private void pass(Duration time) {
        clock.addAndGet(time.toNanos());
    }

    /** {@return after how many milliseconds of back-off handlers run on the loop again, or -1 if after none} */
    private long backOffMillis() {
        for (long waited = 0; waited < 100_000; waited++) {
            runOnThread(Pace.RUNS_MIN, 0);
            if (pace.isInline()) {
                return waited;
            }
            pass(Duration.ofMillis(1));
        }
        return -1;
    }

    @Test
    void handlersProveShortAfterEnoughRuns() {
        runOnThread(Pace.RUNS_MIN - 1, Pace.SHORT_NANOS / 2);
        assertThat(pace.isInline()).as("before enough runs").isFalse();
        runOnThread(1, Pace.SHORT_NANOS / 2);
        assertThat(pace.isInline()).isTrue();
        assertThat(pace.switches()).isOne();
        assertThat(pace.threadRuns()).isEqualTo(Pace.RUNS_MIN);
    }

    @Test
    void longHandlersStayOnThreadsUntilTheyAreShort() {
        runOnThread(10 * Pace.RUNS_MIN, 2 * Pace.SHORT_NANOS);
        assertThat(pace.isInline()).isFalse();
        runOnThread(10 * Pace.RUNS_MIN, Pace.SHORT_NANOS / 10);
        assertThat(pace.isInline()).isTrue();
    }

    @Test
    void anAccidentNowAndThenDoesNotCount() {
        for (int i = 0; i < 10; i++) {
            runOnThread(Pace.RUNS_MIN / 2, Pace.SHORT_NANOS / 10);
            runOnThread(1, Duration.ofMillis(50).toNanos());
        }
        assertThat(pace.isInline()).isTrue();
    }

    @Test
    void aConnectionThatIsLateStaysApartForMoreRunsWithEachTimeWhileTheOthersAreInline() {
        runOnThread(Pace.RUNS_MIN, 0);
        assertThat(pace.isInline(record)).isTrue();
        int before = 0;
        for (int times = 0; times < 3; times++) {
            record = Pace.late(record);
            assertThat(pace.isInline(record)).isFalse();
            assertThat(pace.isInline((short) 0)).as("others").isTrue();
            assertThat(runsApart()).as("runs apart, time %d", times).isGreaterThan(2 * before);
            before = runsApart();
        }
        for (int i = 0; i < 100; i++) {
            record = Pace.late(record);
        }
        assertThat(runsApart()).as("there is a limit").isEqualTo(before);
    }

    private int runsApart() {
        int runs = 0;
        for (short r = record; Pace.isApart(r); r = Pace.inTime(r)) {
            runs++;
        }
        return runs;
    }

    @Test
    void whoIsInTimeForLongIsForgiven() {
        for (int i = 0; i < 10; i++) {
            record = Pace.late(record);
        }
        int before = runsApart();
        while (Pace.isApart(record)) {
            record = Pace.inTime(record);
        }
        record = Pace.late(record);
        assertThat(runsApart()).isLessThan(before);
    }

    @Test
    void thoseThatAreApartDoNotDecideForTheOthers() {
        runOnThread(Pace.RUNS_MIN, 0);
        runOnThread(1, Duration.ofMillis(50).toNanos());
        assertThat(pace.isInline(record)).isFalse();
        runOnThread(100 * Pace.RUNS_MIN, Duration.ofMillis(50).toNanos());
        assertThat(pace.isInline(record)).isFalse();
        assertThat(pace.isInline()).isTrue();
    }

    @Test
    void handlersThatBecomeLongGoBackToThreads() {
        runOnThread(Pace.RUNS_MIN, 0);
        runInline(Pace.RUNS_MIN, Pace.SHORT_NANOS + 1);
        assertThat(pace.isInline()).as("a little longer").isTrue();
        runInline(10 * Pace.RUNS_MIN, 2 * Pace.LONG_NANOS);
        assertThat(pace.isInline()).isFalse();
    }

    @Test
    void handlersGoBackToThreadsWhenSeveralHeldUpLoopsWithinASecond() {
        runOnThread(Pace.RUNS_MIN, 0);
        pass(Duration.ofSeconds(2));
        pace.relieved(Relief.BURNING);
        assertThat(pace.isInline()).as("once may be bad luck").isTrue();
        pass(Duration.ofSeconds(2));
        pace.relieved(Relief.BLOCKED);
        assertThat(pace.isInline()).as("once in a while").isTrue();
        pass(Duration.ofMillis(500));
        for (int late = 2; late < Pace.RELIEFS_MAX; late++) {
            pace.relieved(Relief.HANDED_OVER);
            assertThat(pace.isInline()).as("%d in a second", late).isTrue();
        }
        pace.relieved(Relief.BURNING);
        assertThat(pace.isInline()).as("too many in a second").isFalse();
        assertThat(pace.reliefs()).isEqualTo(Pace.RELIEFS_MAX + 1);
    }

    private void goBack(Relief cause) {
        for (int late = 0; late < Pace.RELIEFS_MAX; late++) {
            pace.relieved(cause);
        }
    }

    @Test
    void eachWayBackDoublesTheTimeUntilTheNextTryUpToALimit() {
        assertThat(backOffMillis()).as("the first try").isZero();
        long expected = FIRST_BACK_OFF_MILLIS;
        for (int i = 0; i < 10; i++) {
            goBack(Relief.HANDED_OVER);
            assertThat(backOffMillis()).as("try %d", i).isEqualTo(Math.min(expected, 64_000));
            expected *= 2;
        }
    }

    @Test
    void aLongTimeOnTheLoopIsForgiven() {
        backOffMillis();
        for (int i = 0; i < 4; i++) {
            goBack(Relief.BLOCKED);
            backOffMillis();
        }
        pass(Duration.ofSeconds(11));
        goBack(Relief.BLOCKED);
        assertThat(backOffMillis()).as("back-off").isEqualTo(FIRST_BACK_OFF_MILLIS / 2);
    }
}

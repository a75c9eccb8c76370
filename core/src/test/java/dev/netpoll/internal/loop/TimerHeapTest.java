// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TimerHeapTest {
    private final List<Timer> expired = new ArrayList<>();

    private final class Recording extends Timer {
        @Override
        protected void expired(long now) {
            assertThat(isArmed()).isFalse();
            expired.add(this);
        }
    }

    @Test
    void anEmptyHeapWaitsForEver() {
        assertThat(new TimerHeap().untilFirst(5)).isEqualTo(-1);
    }

    @Test
    void aDeadlineInThePastIsDueNow() {
        TimerHeap heap = new TimerHeap();
        heap.arm(new Recording(), 3);
        assertThat(heap.untilFirst(5)).isZero();
    }

    @Test
    void aTimerMayArmItselfAgainWhenItExpires() {
        TimerHeap heap = new TimerHeap();
        Timer timer = new Timer() {
            @Override
            protected void expired(long now) {
                expired.add(this);
                heap.arm(this, now + 10);
            }
        };
        heap.arm(timer, 1);
        heap.expire(1);
        assertThat(expired).containsExactly(timer);
        assertThat(heap.untilFirst(1)).isEqualTo(10);
    }

    @Test
    void nanoTimeMayOverflow() {
        TimerHeap heap = new TimerHeap();
        Timer late = new Recording();
        Timer early = new Recording();
        heap.arm(late, Long.MIN_VALUE + 10);
        heap.arm(early, Long.MAX_VALUE - 10);
        heap.expire(Long.MAX_VALUE - 5);
        assertThat(expired).containsExactly(early);
        heap.expire(Long.MIN_VALUE + 10);
        assertThat(expired).containsExactly(early, late);
    }

    @Test
    void behavesLikeASortedListOverManyRandomOperations() {
        long seed = Long.getLong("seed", System.nanoTime());
        Random random = new Random(seed);
        TimerHeap heap = new TimerHeap();
        Map<Timer, Long> model = new HashMap<>();
        List<Timer> timers = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            timers.add(new Recording());
        }
        long now = 0;
        for (int step = 0; step < 100_000; step++) {
            Timer timer = timers.get(random.nextInt(timers.size()));
            switch (random.nextInt(4)) {
                case 0, 1 -> {
                    long deadline = now + random.nextInt(1000) - 100;
                    heap.arm(timer, deadline);
                    model.put(timer, deadline);
                }
                case 2 -> {
                    heap.disarm(timer);
                    model.remove(timer);
                }
                default -> now = expire(heap, model, now + random.nextInt(20), seed);
            }
            long first =
                    model.values().stream().mapToLong(Long::longValue).min().orElse(-1);
            long expected = model.isEmpty() ? -1 : Math.max(0, first - now);
            assertThat(heap.untilFirst(now)).as("seed %d", seed).isEqualTo(expected);
            assertThat(heap.size()).as("seed %d", seed).isEqualTo(model.size());
        }
    }

    private long expire(TimerHeap heap, Map<Timer, Long> model, long now, long seed) {
        expired.clear();
        heap.expire(now);
        long last = Long.MIN_VALUE;
        for (Timer timer : expired) {
            Long deadline = model.remove(timer);
            assertThat(deadline).as("armed once, seed %d", seed).isNotNull();
            assertThat(deadline).as("in order, seed %d", seed).isGreaterThanOrEqualTo(last);
            last = deadline;
        }
        assertThat(last).isLessThanOrEqualTo(now);
        assertThat(model.values()).as("none left, seed %d", seed).allMatch(deadline -> deadline > now);
        return now;
    }
}

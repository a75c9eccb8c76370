// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class AwaitTest {
    private static final Duration MOMENT = Duration.ofMillis(20);

    @Test
    void returnsWhenTheConditionHolds() {
        AtomicInteger asked = new AtomicInteger();
        Await.until("asked often enough", () -> asked.incrementAndGet() == 5);
        assertThat(asked).hasValue(5);
    }

    @Test
    void saysWhatDidNotHappen() {
        assertThatThrownBy(() -> Await.until("pigs fly", MOMENT, () -> false))
                .isInstanceOf(AssertionError.class)
                .hasMessage("after 20 ms still not true: pigs fly");
    }

    @Test
    void asksOnceWhereThereIsNoTime() {
        AtomicInteger asked = new AtomicInteger();
        assertThat(Await.within(Duration.ZERO, () -> asked.incrementAndGet() > 2))
                .isFalse();
        assertThat(asked.get()).isBetween(1, 2);
        assertThat(Await.within(Duration.ofSeconds(-1), () -> true)).isTrue();
    }

    @Test
    void aLimitMayBeLongerThanALongHasNanoseconds() {
        assertThat(Await.within(Duration.ofSeconds(Long.MAX_VALUE), () -> true)).isTrue();
    }

    @Test
    void watchesForAWhile() {
        Await.stays("it is quiet", MOMENT, () -> true);
        AtomicInteger asked = new AtomicInteger();
        assertThatThrownBy(() -> Await.stays("it is quiet", Await.DEADLINE, () -> asked.incrementAndGet() < 3))
                .isInstanceOf(AssertionError.class)
                .hasMessage("did not stay true for 10 s: it is quiet");
    }

    @Test
    void passesOnWhatTheConditionThrows() {
        IllegalStateException unchecked = new IllegalStateException();
        assertThatThrownBy(() -> Await.until("never", () -> {
                    throw unchecked;
                }))
                .isSameAs(unchecked);
        IOException checked = new IOException();
        assertThatThrownBy(() -> Await.until("never", () -> {
                    throw checked;
                }))
                .isInstanceOf(AssertionError.class)
                .hasCause(checked);
    }

    @Test
    void anInterruptEndsTheWait() {
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> Await.until("never", () -> false))
                .isInstanceOf(AssertionError.class)
                .hasMessage("interrupted while waiting");
        assertThat(Thread.interrupted()).isTrue();
    }
}

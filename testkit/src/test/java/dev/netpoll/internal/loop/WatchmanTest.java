// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.poll.ParkingWatch;
import dev.netpoll.testkit.NetworkFaults;
import dev.netpoll.testkit.internal.MemoryNetwork;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** User code that holds a loop up is relieved of it, whatever the supervisor is told about the machine. */
class WatchmanTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    /** User code that computes until it may end. */
    private static final class Burning implements Activation {
        final CountDownLatch entered = new CountDownLatch(1);
        final CountDownLatch relieved = new CountDownLatch(1);
        final AtomicBoolean enough = new AtomicBoolean();
        private final EventLoop loop;

        Burning(EventLoop loop) {
            this.loop = loop;
        }

        @Override
        public boolean isInline() {
            return true;
        }

        @Override
        public void run(@Nullable Spares spares) {
            long loan = loop.lend(this);
            entered.countDown();
            while (!enough.get()) {
                Thread.onSpinWait();
            }
            loop.reclaim(loan);
        }

        @Override
        public void relieved(Relief cause) {
            relieved.countDown();
        }
    }

    /** As on a machine that others keep busy, or with a small share of a processor. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whoComputesIsRelievedThoughTheProcessSeemsToGetNoProcessorTime(boolean virtual) throws Exception {
        Supervisor supervisor = new Supervisor(new ParkingWatch(() -> 0, thread -> -1), "watchman");
        EventLoop loop =
                new EventLoop(new MemoryNetwork(1, NetworkFaults.none()).openPoller(), "watched", virtual, supervisor);
        supervisor.start(List.of(loop));
        loop.start();
        Burning burning = new Burning(loop);
        CountDownLatch served = new CountDownLatch(1);
        try {
            loop.execute(() -> loop.addDue(burning));
            assertThat(await(burning.entered)).isTrue();
            loop.execute(served::countDown);
            assertThat(await(served)).as("others are served").isTrue();
            assertThat(await(burning.relieved)).isTrue();
        } finally {
            burning.enough.set(true);
        }
        loop.stop();
        assertThat(loop.join(PATIENCE)).isTrue();
        supervisor.stop();
        supervisor.join(PATIENCE);
    }

    private static boolean await(CountDownLatch latch) throws InterruptedException {
        return latch.await(PATIENCE.toNanos(), TimeUnit.NANOSECONDS);
    }
}

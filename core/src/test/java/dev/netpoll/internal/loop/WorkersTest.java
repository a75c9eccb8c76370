// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.memory.SegmentPool;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The test is the loop. */
class WorkersTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final Workers workers = new Workers("test", SegmentPool.shared(), 2);
    private final List<Thread> ran = new CopyOnWriteArrayList<>();

    @AfterEach
    void end() {
        workers.end();
    }

    private record Run(Runnable body) implements Activation {
        @Override
        public boolean isInline() {
            return false;
        }

        @Override
        public void run(@Nullable Spares spares) {
            body.run();
        }

        @Override
        public void relieved(Relief cause) {}
    }

    private void offer(Runnable body) {
        assertThat(workers.offer(new Run(() -> {
                    body.run();
                    ran.add(Thread.currentThread());
                })))
                .as("room for a run")
                .isTrue();
    }

    /** Turns as a loop does until the condition holds. */
    private void turnUntil(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime() - end).as("time left until " + what).isNegative();
            workers.engage();
            LockSupport.parkNanos(100_000);
        }
    }

    @Test
    void oneWorkerRunsABatch() {
        for (int i = 0; i < 100; i++) {
            offer(() -> {});
        }
        turnUntil("all ran", () -> ran.size() == 100);
        assertThat(workers.isWaiting()).isFalse();
        assertThat(ran.stream().distinct().count()).as("workers").isLessThanOrEqualTo(2 + 2);
        assertThat(ran).allMatch(Thread::isVirtual);
    }

    @Test
    void othersGoOnWhileRunsBlock() throws InterruptedException {
        CountDownLatch go = new CountDownLatch(1);
        int blocking = 10;
        for (int i = 0; i < blocking; i++) {
            offer(() -> awaitQuietly(go));
        }
        offer(() -> {});
        turnUntil("the last one ran, behind ten that block", () -> ran.size() == 1);
        go.countDown();
        turnUntil("all ran", () -> ran.size() == blocking + 1);
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void anInterruptStaysInItsRun() {
        CountDownLatch last = new CountDownLatch(1);
        List<Boolean> interrupted = new CopyOnWriteArrayList<>();
        for (int i = 0; i < 20; i++) {
            offer(() -> {
                interrupted.add(Thread.currentThread().isInterrupted());
                Thread.currentThread().interrupt();
            });
        }
        offer(last::countDown);
        turnUntil("all ran", () -> last.getCount() == 0);
        assertThat(interrupted).containsOnly(false);
    }

    @Test
    void idleWorkersEndWhenNoneWasNeededForAWhile() throws InterruptedException {
        offer(() -> {});
        turnUntil("it ran", () -> ran.size() == 1);
        workers.trim();
        assertThat(workers.isUsed()).isFalse();
        turnUntil("the worker is idle", () -> ran.getFirst().getState() == Thread.State.WAITING);
        workers.trim();
        assertThat(ran.getFirst().join(PATIENCE)).as("the worker ended").isTrue();
    }

    /** W3 */
    @Test
    void whatWaitsAtTheEndIsRunAndEverybodyEnds() throws InterruptedException {
        CountDownLatch all = new CountDownLatch(2);
        CountDownLatch go = new CountDownLatch(1);
        offer(() -> awaitQuietly(go));
        turnUntil("a worker took it", () -> !workers.isWaiting());
        offer(all::countDown);
        offer(all::countDown);
        workers.end();
        assertThat(all.await(PATIENCE.toSeconds(), TimeUnit.SECONDS))
                .as("what waited was run")
                .isTrue();
        go.countDown();
        turnUntil("the late one has returned", () -> ran.size() == 3);
        for (Thread thread : ran) {
            assertThat(thread.join(PATIENCE)).as("a worker ended").isTrue();
        }
    }
}

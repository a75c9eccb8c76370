// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.nio.NioMechanism;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class EventLoopTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private EventLoop loop;

    @BeforeEach
    void start() throws IOException {
        loop = new EventLoop(new NioMechanism().openPoller(), "loop-under-test", true);
        loop.start();
    }

    @AfterEach
    void stop() throws InterruptedException {
        loop.stop();
        assertThat(loop.join(PATIENCE)).isTrue();
    }

    @Test
    void runsTasksInOrderOnItsOwnThread() throws Exception {
        List<Integer> order = new ArrayList<>();
        CompletableFuture<Boolean> last = new CompletableFuture<>();
        for (int i = 0; i < 5000; i++) {
            int number = i;
            loop.execute(() -> order.add(number));
        }
        loop.execute(() -> last.complete(loop.inLoop() && EventLoop.onLoop()));
        assertThat(last.get(20, TimeUnit.SECONDS)).isTrue();
        assertThat(order).hasSize(5000).isSorted();
        assertThat(EventLoop.onLoop()).isFalse();
    }

    /** I1: each round waits for a loop that is about to sleep or asleep. */
    @Test
    void aTaskNeverWaitsBehindASleepingPoll() throws Exception {
        for (int i = 0; i < 20_000; i++) {
            CountDownLatch ran = new CountDownLatch(1);
            loop.execute(ran::countDown);
            assertThat(ran.await(20, TimeUnit.SECONDS)).as("round %d", i).isTrue();
        }
    }

    @Test
    void aTaskThatThrowsDoesNotEndTheLoop() throws Exception {
        loop.execute(() -> {
            throw new IllegalStateException("thrown on purpose by a test");
        });
        CompletableFuture<Boolean> after = new CompletableFuture<>();
        loop.execute(() -> after.complete(true));
        assertThat(after.get(20, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void timersExpireInOrderAndNotEarly() throws Exception {
        List<String> expired = new ArrayList<>();
        CompletableFuture<Long> last = new CompletableFuture<>();
        long begin = System.nanoTime();
        loop.execute(() -> {
            loop.arm(timer(() -> expired.add("second")), begin + 20_000_000);
            loop.arm(timer(() -> expired.add("first")), begin + 10_000_000);
            Timer disarmed = timer(() -> expired.add("disarmed"));
            loop.arm(disarmed, begin + 5_000_000);
            loop.disarm(disarmed);
            loop.arm(timer(() -> last.complete(System.nanoTime())), begin + 30_000_000);
        });
        assertThat(last.get(20, TimeUnit.SECONDS) - begin).isGreaterThanOrEqualTo(30_000_000);
        assertThat(expired).containsExactly("first", "second");
    }

    /** A wait that ends late and empty-handed, as after a stop of the process, says nothing about what has come. */
    @Test
    void whatHasComeIsDeliveredBeforeATimerExpires() throws Exception {
        List<String> order = new ArrayList<>();
        CompletableFuture<List<String>> seen = new CompletableFuture<>();
        AtomicLong deadline = new AtomicLong();
        AtomicBoolean came = new AtomicBoolean();
        Poller usual = new NioMechanism().openPoller();
        Poller late = (Poller) Proxy.newProxyInstance(
                Poller.class.getClassLoader(), new Class<?>[] {Poller.class}, (_, method, arguments) -> {
                    if (deadline.get() != 0 && method.getName().equals("fetch")) {
                        if (came.compareAndSet(false, true)) {
                            while (System.nanoTime() - deadline.get() < 0) {
                                LockSupport.parkNanos(deadline.get() - System.nanoTime());
                            }
                            return false;
                        }
                        if (deadline.getAndSet(0) != 0) {
                            order.add("event");
                        }
                    }
                    return method.invoke(usual, arguments);
                });
        EventLoop other = new EventLoop(late, "late", true);
        other.start();
        other.execute(() -> {
            long due = System.nanoTime() + 1_000_000;
            other.arm(
                    timer(() -> {
                        order.add("timer");
                        seen.complete(order);
                    }),
                    due);
            deadline.set(due);
        });
        assertThat(seen.get(20, TimeUnit.SECONDS)).containsExactly("event", "timer");
        other.stop();
        assertThat(other.join(PATIENCE)).isTrue();
    }

    private static Timer timer(Runnable action) {
        return new Timer() {
            @Override
            protected void expired(long now) {
                action.run();
            }
        };
    }

    @Test
    void stoppingEvictsTheResidentsFirst() throws Exception {
        AtomicInteger evicted = new AtomicInteger();
        CountDownLatch in = new CountDownLatch(1);
        loop.execute(() -> {
            for (int i = 0; i < 10; i++) {
                loop.add(new EventLoop.Resident() {
                    @Override
                    protected void evict() {
                        evicted.incrementAndGet();
                        loop.remove(this);
                    }
                });
            }
            in.countDown();
        });
        assertThat(in.await(20, TimeUnit.SECONDS)).isTrue();
        assertThat(loop.residentCount()).isEqualTo(10);
        loop.stop();
        assertThat(loop.join(PATIENCE)).isTrue();
        assertThat(evicted).hasValue(10);
        assertThat(loop.residentCount()).isZero();
    }

    @Test
    void anEndedLoopRefusesTasks() throws Exception {
        loop.stop();
        assertThat(loop.join(PATIENCE)).isTrue();
        assertThatThrownBy(() -> loop.execute(() -> {})).isInstanceOf(RejectedExecutionException.class);
    }

    /** An empty loop may end while it is being stopped. */
    @Test
    void anEmptyLoopEndsWheneverItIsStopped() throws Exception {
        for (int i = 0; i < 300; i++) {
            EventLoop empty = new EventLoop(new NioMechanism().openPoller(), "empty", true);
            empty.start();
            empty.stop();
            empty.stop();
            assertThat(empty.join(PATIENCE)).as("round %d", i).isTrue();
        }
    }

    @Test
    void aLoopThatWasNeverStartedCanBeStopped() throws Exception {
        EventLoop idle = new EventLoop(new NioMechanism().openPoller(), "never-started", true);
        idle.stop();
        assertThat(idle.join(PATIENCE)).isTrue();
    }
}

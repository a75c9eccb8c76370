// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.poll.nio.NioMechanism;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SignalsTest {
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

    private static EventLoop.Resident resident(Runnable action) {
        return new EventLoop.Resident() {
            @Override
            protected void evict() {}

            @Override
            protected void signalled() {
                action.run();
            }
        };
    }

    /** I1 of Tasks: each round waits for a loop that is about to sleep or asleep. */
    @Test
    void aSignalNeverWaitsBehindASleepingPoll() throws Exception {
        AtomicLong called = new AtomicLong();
        Thread me = Thread.currentThread();
        EventLoop.Resident resident = resident(() -> {
            called.incrementAndGet();
            loop.unpark(me);
        });
        for (int i = 1; i <= 20_000; i++) {
            long deadline = System.nanoTime() + PATIENCE.toNanos();
            assertThat(loop.signal(resident)).isTrue();
            while (called.get() < i) {
                java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
                assertThat(System.nanoTime() - deadline).as("round %d", i).isNegative();
            }
        }
    }

    /** G1 and G2: what was done before a signal is seen by a call after it, however many signal at once. */
    @Test
    void noSignalIsLostAmongMany() throws Exception {
        int threads = 4;
        int rounds = 50_000;
        int[] done = new int[threads * 64];
        AtomicLong[] seen = new AtomicLong[] {new AtomicLong(), new AtomicLong(), new AtomicLong()};
        CountDownLatch all = new CountDownLatch(seen.length);
        List<EventLoop.Resident> residents = new ArrayList<>();
        for (AtomicLong sum : seen) {
            residents.add(resident(() -> {
                long total = 0;
                for (int t = 0; t < threads; t++) {
                    total += done[t * 64];
                }
                sum.set(total);
                if (total == (long) threads * rounds) {
                    all.countDown();
                }
            }));
        }
        List<Thread> signallers = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            int mine = t * 64;
            signallers.add(Thread.ofPlatform().start(() -> {
                for (int i = 1; i <= rounds; i++) {
                    done[mine] = i;
                    residents.forEach(loop::signal);
                }
            }));
        }
        for (Thread signaller : signallers) {
            signaller.join();
        }
        assertThat(all.await(20, TimeUnit.SECONDS))
                .as("seen: %s", List.of(seen))
                .isTrue();
    }

    @Test
    void oneThatThrowsDoesNotKeepTheOthersFromBeingCalled() throws Exception {
        CountDownLatch called = new CountDownLatch(2);
        EventLoop.Resident thrower = resident(() -> {
            called.countDown();
            throw sneaky(new Exception("thrown on purpose by a test"));
        });
        EventLoop.Resident behind = resident(called::countDown);
        loop.execute(() -> {
            loop.signal(thrower);
            loop.signal(behind);
        });
        assertThat(called.await(20, TimeUnit.SECONDS)).isTrue();
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> RuntimeException sneaky(Throwable t) throws T {
        throw (T) t;
    }

    /** G3. */
    @Test
    void aSignalThatWasTakenIsCalledAtTheEnd() throws Exception {
        for (int i = 0; i < 200; i++) {
            EventLoop ending = new EventLoop(new NioMechanism().openPoller(), "ending", true);
            ending.start();
            AtomicInteger called = new AtomicInteger();
            EventLoop.Resident resident = resident(called::incrementAndGet);
            ending.stop();
            boolean taken = ending.signal(resident);
            assertThat(ending.join(PATIENCE)).isTrue();
            assertThat(called).as("round %d", i).hasValue(taken ? 1 : 0);
            assertThat(ending.signal(resident)).isFalse();
            assertThat(called).hasValue(taken ? 1 : 0);
        }
    }

    @Test
    void whoHasLentTheLoopBorrowsIt() throws Exception {
        List<String> said = new ArrayList<>();
        CountDownLatch ran = new CountDownLatch(1);
        boolean fromOutside = loop.borrow(() -> said.add("wrong"));
        loop.execute(() -> loop.addDue(new Activation() {
            @Override
            public boolean isInline() {
                return true;
            }

            @Override
            public void run(Spares spares) {
                long loan = loop.lend(this);
                try {
                    boolean borrowed = loop.borrow(() -> said.add("in loop " + loop.inLoop()));
                    said.add("borrowed " + borrowed + ", in loop " + loop.inLoop());
                    loop.borrow(() -> {
                        throw new IllegalStateException("thrown on purpose");
                    });
                } catch (IllegalStateException e) {
                    said.add("threw, in loop " + loop.inLoop());
                }
                said.add("reclaimed " + loop.reclaim(loan));
                ran.countDown();
            }

            @Override
            public void relieved(Relief cause) {}
        }));
        assertThat(ran.await(20, TimeUnit.SECONDS)).isTrue();
        assertThat(fromOutside).isFalse();
        assertThat(said)
                .containsExactly(
                        "in loop true", "borrowed true, in loop false", "threw, in loop false", "reclaimed true");
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** What a group's connections may hold together, and those who wait for some of it. */
class MemoryBudgetTest {
    private static final long LIMIT = 16 << 20;

    private final MemoryBudget budget = new MemoryBudget(LIMIT);
    private final List<String> told = new ArrayList<>();

    private MemoryWaiter waiter(String name) {
        return new MemoryWaiter() {
            @Override
            protected void memoryReturned() {
                told.add(name);
            }
        };
    }

    @Test
    void whatIsChargedAndNotReleasedIsUsed() {
        assertThat(budget.limit()).isEqualTo(LIMIT);
        assertThat(budget.lowMark()).isEqualTo(LIMIT / 8 * 7);
        for (int i = 1; i <= 1000; i++) {
            budget.charge(i);
        }
        budget.release(500);
        budget.charge(0);
        assertThat(budget.used()).isEqualTo(1000 * 1001 / 2 - 500);
        assertThat(budget.isExceeded()).isFalse();
        budget.charge(LIMIT);
        assertThat(budget.isExceeded()).isTrue();
    }

    @Test
    void smallChargesAreNoticedToASixteenthOfTheLimit() {
        for (long bytes = 0; bytes <= LIMIT + LIMIT / 16; bytes += 200) {
            assertThat(budget.isExceeded()).isFalse().as("%d bytes", bytes);
            budget.charge(200);
            if (budget.isExceeded()) {
                assertThat(budget.used()).isGreaterThan(LIMIT - LIMIT / 16);
                return;
            }
        }
        throw new AssertionError(budget.used() + " bytes are not noticed");
    }

    @Test
    void theLongestWaitingIsToldFirstAndEachOnce() {
        budget.charge(LIMIT + 1);
        MemoryWaiter first = waiter("first");
        budget.turns().await(first);
        budget.turns().await(waiter("second"));
        budget.turns().await(first);
        assertThat(budget.turns().waiters()).isEqualTo(2);
        budget.release(LIMIT / 16);
        assertThat(told).as("still above the mark").isEmpty();
        budget.release(LIMIT / 8);
        assertThat(told).containsExactly("first", "second");
        budget.release(LIMIT / 8);
        assertThat(told).hasSize(2);
        assertThat(budget.turns().waiters()).isZero();
    }

    @Test
    void whoWaitsWhileThereIsMemoryIsToldAtOnce() {
        budget.turns().await(waiter("it"));
        assertThat(told).containsExactly("it");
    }

    @Test
    void whoIsToldMayWaitAgain() {
        budget.charge(LIMIT + 1);
        budget.turns().await(new MemoryWaiter() {
            @Override
            protected void memoryReturned() {
                told.add("again");
                if (told.size() == 1) {
                    budget.charge(LIMIT);
                    budget.turns().await(this);
                }
            }
        });
        budget.turns().await(waiter("other"));
        budget.release(LIMIT + 1);
        assertThat(told).as("what the first one took, the others can't have").containsExactly("again");
        budget.release(LIMIT);
        assertThat(told).containsExactly("again", "other", "again");
        assertThat(budget.used()).isZero();
    }

    @Test
    void whoDoesNotWaitAnyLongerIsNotTold() {
        budget.charge(LIMIT + 1);
        List<MemoryWaiter> waiters = new ArrayList<>();
        for (String name : new String[] {"a", "b", "c", "d"}) {
            MemoryWaiter waiter = waiter(name);
            waiters.add(waiter);
            budget.turns().await(waiter);
        }
        budget.turns().cancel(waiters.get(1));
        budget.turns().cancel(waiters.get(0));
        budget.turns().cancel(waiters.get(3));
        budget.turns().cancel(waiters.get(3));
        budget.release(LIMIT + 1);
        assertThat(told).containsExactly("c");
    }

    @Test
    void aWaiterThatFailsIsToldAgainAndHoldsNobodyUp() {
        budget.charge(LIMIT + 1);
        budget.turns().await(new MemoryWaiter() {
            @Override
            protected void memoryReturned() {
                told.add("failing");
                if (told.size() == 1) {
                    throw new StackOverflowError("for the test");
                }
            }
        });
        budget.turns().await(waiter("other"));
        budget.release(LIMIT + 1);
        assertThat(told).containsExactly("failing", "other");
        assertThat(budget.turns().waiters()).isEqualTo(1);
        budget.look();
        assertThat(told).containsExactly("failing", "other", "failing");
        assertThat(budget.turns().waiters()).isZero();
    }

    @Test
    void theDefaultIsAQuarterOfTheHeapWithinBounds() {
        assertThat(MemoryBudget.defaultLimit()).isBetween(32L << 20, 256L << 20);
        assertThatIllegalArgumentException().isThrownBy(() -> new MemoryBudget(0));
        MemoryBudget tiny = new MemoryBudget(1);
        tiny.charge(2);
        assertThat(tiny.isExceeded()).isTrue();
    }

    /** Threads take and give back more than there is; who finds it exceeded waits. A lost wake-up would end that. */
    @Test
    void noWakeUpIsLost() throws Exception {
        int rounds = Integer.getInteger("stress.rounds", 20_000);
        long seed = Long.getLong("seed", System.nanoTime());
        MemoryBudget small = new MemoryBudget(1 << 20);
        AtomicLong waits = new AtomicLong();
        try (ExecutorService executor = Executors.newCachedThreadPool()) {
            List<Future<?>> users = new ArrayList<>();
            for (int t = 0; t < 6; t++) {
                SplittableRandom random = new SplittableRandom(seed + t);
                users.add(executor.submit(() -> take(small, random, rounds, waits)));
            }
            for (Future<?> user : users) {
                user.get();
            }
        }
        assertThat(small.used()).as("-Dseed=" + seed).isZero();
        assertThat(small.turns().waiters()).isZero();
        assertThat(waits).as("so that something was tested").hasPositiveValue();
    }

    private static Void take(MemoryBudget budget, SplittableRandom random, int rounds, AtomicLong waits)
            throws InterruptedException {
        Semaphore returned = new Semaphore(0);
        MemoryWaiter waiter = new MemoryWaiter() {
            @Override
            protected void memoryReturned() {
                returned.release();
            }
        };
        long held = 0;
        for (int i = 0; i < rounds; i++) {
            if (budget.isExceeded()) {
                budget.release(held); // whoever waits holds nothing, so what keeps others waiting comes back
                held = 0;
                waits.incrementAndGet();
                budget.turns().await(waiter);
                if (!returned.tryAcquire(20, TimeUnit.SECONDS)) {
                    throw new AssertionError("nobody told: " + budget.used() + " bytes are used");
                }
            }
            int bytes = random.nextInt(2) == 0 ? random.nextInt(200) : random.nextInt(200_000);
            budget.charge(bytes);
            held += bytes;
            if (random.nextInt(8) == 0) {
                budget.release(held);
                held = 0;
            }
        }
        budget.release(held);
        return null;
    }
}

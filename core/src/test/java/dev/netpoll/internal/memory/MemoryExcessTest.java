// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** Who gives up what it holds, where waiting would never end otherwise. */
class MemoryExcessTest {
    private static final long LIMIT = 16 << 20;
    private static final long SMALL = LIMIT / MemoryTurns.SMALL;

    private final MemoryBudget budget = new MemoryBudget(LIMIT);
    private final MemoryTurns turns = budget.turns();
    private final List<String> told = new ArrayList<>();

    private MemoryWaiter waiter(String name) {
        return holding(name, 0);
    }

    /** Those who wait hold little of it, so it is the program that has to give it back. */
    @Test
    void nobodyBeginsWhileTheBudgetIsFlooded() {
        MemoryWaiter favourite = waiter("favourite");
        budget.charge(LIMIT + 1);
        assertThat(turns.take(favourite, LIMIT)).isTrue();
        budget.charge(2 * LIMIT);
        assertThat(turns.take(favourite, LIMIT)).as("goes on").isTrue();
        assertThat(turns.take(waiter("tiny"), 100))
                .as("takes nothing that counts")
                .isTrue();
        MemoryWaiter small = waiter("small");
        assertThat(turns.take(small, SMALL)).isFalse();
        turns.awaitTurn(small);
        MemoryWaiter large = waiter("large");
        turns.satisfied(favourite);
        assertThat(turns.take(large, LIMIT)).isFalse();
        turns.awaitTurn(large);
        assertThat(told).isEmpty();
        budget.release(LIMIT + LIMIT / 8);
        assertThat(told).containsExactlyInAnyOrder("small", "large");
        assertThat(turns.take(small, SMALL)).isTrue();
        assertThat(turns.take(large, LIMIT)).isTrue();
    }

    /** What it holds itself is no flood, also when it was told and asks again. */
    @Test
    void whatThoseHoldWhoAskIsNoFlood() {
        budget.charge(LIMIT + 1);
        assertThat(turns.take(waiter("favourite"), LIMIT)).isTrue();
        budget.charge(LIMIT + SMALL / 4);
        MemoryWaiter asking = holding("asking", SMALL / 2);
        assertThat(turns.take(asking, SMALL / 2))
                .as("nobody knows yet what it holds")
                .isFalse();
        turns.awaitTurn(asking);
        assertThat(told).containsExactly("asking");
        assertThat(turns.take(asking, SMALL / 2)).isTrue();
    }

    /** Who collects slices of a message that has not come whole waits for itself, or for another one that does. */
    @Test
    void aFloodThatLastsEndsTheOneForWhichMostIsKept() {
        budget.charge(4 * LIMIT);
        assertThat(turns.take(waiter("keeps nothing"), LIMIT)).isFalse();
        List<MemoryWaiter> collectors = new ArrayList<>();
        for (int i = 1; i <= 3; i++) {
            long kept = i * LIMIT;
            MemoryWaiter collector = new MemoryWaiter() {
                @Override
                protected void memoryReturned() {
                    throw new AssertionError("there is no memory");
                }

                @Override
                protected long kept() {
                    return kept;
                }

                @Override
                protected void heldTooLong() {
                    told.add(kept / LIMIT + " limits give up");
                }
            };
            assertThat(turns.take(collector, LIMIT)).isFalse();
            turns.awaitTurn(collector);
            collectors.add(collector);
        }
        long end = System.nanoTime() + 20_000_000_000L;
        while (told.size() < 2) {
            assertThat(System.nanoTime() - end).isNegative();
            collectors.forEach(each -> turns.take(each, LIMIT));
            LockSupport.parkNanos(1_000_000);
        }
        assertThat(told).containsExactly("3 limits give up", "2 limits give up");
    }

    /** Without memory, the one with the turn would wait for ever: the others give up what it misses, and no more. */
    @Test
    void whoHoldsMostGivesUpForTheOneThatFindsNoMemory() {
        assertThat(turns.isShort()).isFalse();
        budget.charge(LIMIT + 1);
        assertThat(turns.take(holding("favourite", LIMIT / 2), LIMIT / 8)).isTrue();
        for (int i = 0; i < 16; i++) {
            MemoryWaiter begun = holding(i + " 64ths more", LIMIT / 16 + i * LIMIT / 64);
            assertThat(turns.take(begun, LIMIT)).isFalse();
            turns.awaitTurn(begun);
        }
        turns.refused();
        assertThat(told).as("it has only just begun").isEmpty();
        assertThat(turns.isShort()).isTrue();
        refuseUntilToldOf(1);
        assertThat(told).as("enough at once").containsExactly("15 64ths more gives up");
        refuseUntilToldOf(10);
        for (int i = 0; i < 1000; i++) {
            turns.refused();
        }
        assertThat(told)
                .as("half the limit is left to them")
                .doesNotHaveDuplicates()
                .hasSizeLessThan(15);
        assertThat(turns.gaveUp()).isEqualTo(told.size());
    }

    private void refuseUntilToldOf(int count) {
        long end = System.nanoTime() + 20_000_000_000L;
        while (told.size() < count) {
            assertThat(System.nanoTime() - end).isNegative();
            turns.refused();
            LockSupport.parkNanos(1_000_000);
        }
    }

    /** Its peer is slow, or another connection found no memory: nobody gives up for that. */
    @Test
    void nobodyGivesUpForOneWhoseBytesHaveNotCome() {
        budget.charge(LIMIT + 1);
        MemoryWaiter slow = new MemoryWaiter() {
            @Override
            protected void memoryReturned() {}

            @Override
            protected boolean isBlocked() {
                told.add("asked");
                return false;
            }
        };
        assertThat(turns.take(slow, LIMIT)).isTrue();
        MemoryWaiter begun = holding("begun", LIMIT);
        assertThat(turns.take(begun, LIMIT)).isFalse();
        turns.awaitTurn(begun);
        refuseUntilToldOf(3);
        assertThat(told).containsOnly("asked");
    }

    private MemoryWaiter holding(String name, long held) {
        return new MemoryWaiter() {
            @Override
            protected void memoryReturned() {
                told.add(name);
            }

            @Override
            protected long held() {
                return held;
            }

            @Override
            protected void heldTooLong() {
                told.add(name + " gives up");
            }
        };
    }
}

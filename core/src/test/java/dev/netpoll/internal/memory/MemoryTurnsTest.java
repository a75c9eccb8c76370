// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** Who goes on although a budget is exceeded, and in which order. */
class MemoryTurnsTest {
    private static final long LIMIT = 16 << 20;
    private static final long HEADROOM = LIMIT / MemoryTurns.HEADROOM;
    private static final long SMALL = LIMIT / MemoryTurns.SMALL;

    private final MemoryBudget budget = new MemoryBudget(LIMIT);
    private final MemoryTurns turns = budget.turns();
    private final List<String> told = new ArrayList<>();

    private MemoryWaiter waiter(String name) {
        return holding(name, 0);
    }

    private MemoryWaiter holding(String name, long bytes) {
        return growing(name, new long[] {bytes});
    }

    @Test
    void theTurnPassesFromOneToTheNext() {
        budget.charge(LIMIT + 1);
        MemoryWaiter first = waiter("first");
        MemoryWaiter second = waiter("second");
        MemoryWaiter third = waiter("third");
        assertThat(turns.take(first, LIMIT)).isTrue();
        assertThat(turns.take(second, LIMIT)).isFalse();
        turns.awaitTurn(second);
        turns.await(waiter("other"));
        turns.awaitTurn(third);
        turns.satisfied(waiter("a stranger"));
        assertThat(told).as("it did not have it").isEmpty();
        turns.satisfied(first);
        assertThat(told).containsExactly("second");
        assertThat(turns.take(third, LIMIT)).isFalse();
        assertThat(turns.take(second, LIMIT)).isTrue();
        turns.cancel(third);
        turns.satisfied(second);
        assertThat(told).as("nobody needs it").containsExactly("second");
        turns.awaitTurn(first);
        assertThat(told).as("nobody has it").containsExactly("second", "first");
        budget.release(LIMIT + 1);
        assertThat(told).containsExactly("second", "first", "other");
        assertThat(turns.waiters()).isZero();
    }

    /** The one that has had a turn in vain comes after the others, whoever they are, and is not waited for. */
    @Test
    void whoGetsTooLittleInItsTurnComesAfterTheOthers() {
        budget.charge(LIMIT + 1);
        MemoryWaiter slow = waiter("slow");
        assertThat(turns.take(slow, LIMIT)).isTrue();
        MemoryWaiter other = waiter("other");
        awaitTurn(other, LIMIT, slow);
        turns.satisfied(other);
        assertThat(told).containsExactly("slow");
        assertThat(turns.take(slow, LIMIT)).isTrue();
        assertThat(turns.take(waiter("new"), LIMIT)).as("at once").isTrue();
        budget.release(LIMIT + 1);
        assertThat(turns.waiters()).isZero();
    }

    @Test
    void whoHoldsMostOfWhatIsHeldInVainGivesItUp() {
        budget.charge(2 * LIMIT);
        MemoryWaiter last = waiter("fresh");
        MemoryWaiter before = null;
        for (long share = 1; share <= 3; share++) {
            MemoryWaiter slow = holding(share + " fifths", share * LIMIT / 5);
            if (before == null) {
                assertThat(turns.take(slow, LIMIT)).isTrue();
            } else {
                awaitTurn(slow, LIMIT, before);
            }
            before = slow;
            assertThat(told).as("not more than the limit yet").isEmpty();
        }
        awaitTurn(last, LIMIT, before);
        assertThat(told).containsExactly("3 fifths gives up");
    }

    @Test
    void whoNeedsARestIsToldBeforeTheOthersAndMayChange() {
        budget.charge(LIMIT + 1);
        assertThat(turns.take(waiter("favourite"), LIMIT)).isTrue();
        MemoryWaiter changing = waiter("changing");
        turns.await(waiter("other"));
        turns.await(changing);
        turns.awaitTurn(changing);
        assertThat(turns.waiters()).isEqualTo(2);
        budget.release(LIMIT + 1);
        assertThat(told).containsExactly("changing", "other");
    }

    /** Without an end, though the one before gets something all the time. */
    private void awaitTurn(MemoryWaiter waiter, long missing, MemoryWaiter before) {
        long end = System.nanoTime() + 20_000_000_000L;
        while (!turns.take(waiter, missing)) {
            turns.awaitTurn(waiter);
            turns.progress(before);
            assertThat(System.nanoTime() - end).isNegative();
            Thread.onSpinWait();
        }
    }

    /** MemoryTurns T4: as many as fit into the headroom; who finds none waits until one of them is satisfied. */
    @Test
    void smallMessagesGoOnTogetherWhileThereIsHeadroom() {
        budget.charge(LIMIT + 1);
        assertThat(turns.take(waiter("large"), SMALL + 1)).isTrue();
        assertThat(turns.take(waiter("another large one"), SMALL + 1)).isFalse();
        List<MemoryWaiter> going = new ArrayList<>();
        MemoryWaiter last = holding("last", SMALL / 2);
        for (long free = HEADROOM; free > 0; free -= SMALL) {
            assertThat(turns.take(last, SMALL / 2)).isTrue();
            assertThat(turns.take(last, SMALL / 2)).as("asked again").isTrue();
            going.add(last);
            last = holding("last", SMALL / 2);
        }
        assertThat(turns.take(last, SMALL / 2)).isFalse();
        turns.awaitTurn(last);
        assertThat(turns.waiters()).isEqualTo(1);
        assertThat(told).isEmpty();
        turns.satisfied(going.removeFirst());
        assertThat(told).containsExactly("last");
        assertThat(turns.take(last, SMALL / 2)).isTrue();
        turns.cancel(last);
        going.forEach(turns::satisfied);
        for (long free = HEADROOM; free > 0; free -= SMALL) {
            assertThat(turns.take(waiter("new"), SMALL)).as("all of it is back").isTrue();
        }
        assertThat(turns.take(waiter("too many"), SMALL)).isFalse();
    }

    /** One that reads piece by piece takes as much of the headroom as it comes to hold, and no more than is small. */
    @Test
    void whatIsSmallMayGrow() {
        budget.charge(LIMIT + 1);
        assertThat(turns.take(waiter("favourite"), LIMIT)).isTrue();
        MemoryWaiter growing = waiter("growing");
        for (long size = 1; size <= SMALL; size *= 2) {
            assertThat(turns.take(growing, size)).isTrue();
        }
        for (long free = HEADROOM - SMALL; free > 0; free -= SMALL) {
            assertThat(turns.take(waiter("other"), SMALL)).isTrue();
        }
        assertThat(turns.take(waiter("too many"), SMALL)).isFalse();
        assertThat(turns.take(growing, 2 * SMALL + 1)).as("not small any more").isFalse();
        turns.awaitTurn(growing);
        assertThat(turns.take(waiter("instead"), SMALL)).isTrue();
    }

    @Test
    void whoIsTooSlowLosesItsHeadroomAndGetsHalfOfItAtMostThen() {
        budget.charge(LIMIT + 1);
        assertThat(turns.take(waiter("favourite"), LIMIT)).isTrue();
        List<MemoryWaiter> slow = new ArrayList<>();
        for (long free = HEADROOM; free > 0; free -= SMALL) {
            MemoryWaiter next = waiter("slow");
            assertThat(turns.take(next, SMALL)).isTrue();
            slow.add(next);
        }
        awaitTurn(waiter("new"), SMALL, slow.getFirst());
        for (long free = HEADROOM - SMALL; free > 0; free -= SMALL) {
            awaitTurn(waiter("new"), SMALL, waiter("nobody"));
        }
        long most = HEADROOM / 2 / SMALL;
        assertThat(slow.stream().filter(each -> turns.take(each, SMALL)).count())
                .isLessThanOrEqualTo(most);
    }

    /** MemoryExcess T2: what it got as a small one is not forgotten while it waits for more as a large one. */
    @Test
    void whoOutgrowsWhatIsSmallIsStalled() {
        budget.charge(LIMIT + 1);
        assertThat(turns.take(waiter("favourite"), LIMIT)).isTrue();
        for (int i = 0; i < 3; i++) {
            long[] held = {0};
            MemoryWaiter growing = growing("growing " + i, held);
            assertThat(turns.take(growing, SMALL)).isTrue();
            held[0] = SMALL;
            assertThat(turns.take(growing, SMALL))
                    .as("blocks may be larger than what is in them")
                    .isTrue();
            held[0] = (i + 1) * LIMIT / 3;
            assertThat(turns.take(growing, 1)).isFalse();
            turns.awaitTurn(growing);
        }
        assertThat(told).as("1/3, 2/3 and the whole").containsExactly("growing 2 gives up");
        assertThat(turns.gaveUp()).isEqualTo(1);
    }

    @Test
    void soManyGiveUpThatTheOthersHoldNoMoreThanTheLimit() {
        budget.charge(LIMIT + 1);
        assertThat(turns.take(waiter("favourite"), LIMIT)).isTrue();
        long[] held = {0};
        for (long free = HEADROOM; free > 0; free -= SMALL) {
            assertThat(turns.take(growing("slow", held), SMALL)).isTrue();
        }
        held[0] = LIMIT / 2;
        MemoryWaiter last = waiter("last");
        long end = System.nanoTime() + 20_000_000_000L;
        while (turns.gaveUp() == 0 && System.nanoTime() - end < 0) {
            turns.take(last, HEADROOM);
            turns.take(waiter("another"), SMALL);
            Thread.onSpinWait();
        }
        assertThat(told).contains("slow gives up");
        assertThat(turns.gaveUp()).isLessThanOrEqualTo(HEADROOM / SMALL - 2);
    }

    /** MemoryExcess T2: also if it got what it asked for each time, as those do who look for the end of a line. */
    @Test
    void whoGoesOnByAndByCountsWhileItWaits() {
        budget.charge(LIMIT + 1);
        List<MemoryWaiter> lines = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            long[] held = {0};
            MemoryWaiter line = growing("line " + i, held);
            assertThat(turns.take(line, LIMIT)).isTrue();
            held[0] = LIMIT / 3 + i;
            turns.satisfied(line);
            lines.add(line);
        }
        assertThat(turns.take(waiter("favourite"), LIMIT)).isTrue();
        for (MemoryWaiter line : lines) {
            assertThat(told).isEmpty();
            assertThat(turns.take(line, 1)).isFalse();
            turns.awaitTurn(line);
        }
        assertThat(told).containsExactly("line 3 gives up");
    }

    @Test
    void whoHasGivenItsMessageBackStartsAnew() {
        budget.charge(LIMIT + 1);
        long[] held = {0};
        MemoryWaiter waiter = growing("waiter", held);
        assertThat(turns.take(waiter, LIMIT)).isTrue();
        held[0] = 3 * LIMIT;
        turns.progress(waiter);
        turns.satisfied(waiter);
        assertThat(turns.take(waiter("favourite"), LIMIT)).isTrue();
        held[0] = 2 * LIMIT;
        assertThat(turns.take(waiter, 1)).isFalse();
        turns.awaitTurn(waiter);
        assertThat(told).as("what it holds it had before").isEmpty();
    }

    @Test
    void whoWasTooSlowMayTryAgainOnce() {
        budget.charge(LIMIT + 1);
        MemoryWaiter slow = waiter("slow");
        assertThat(turns.take(slow, LIMIT)).isTrue();
        MemoryWaiter other = waiter("other");
        awaitTurn(other, LIMIT, slow);
        assertThat(slow.isForgivable()).as("at once").isFalse();
        long end = System.nanoTime() + 20_000_000_000L;
        while (!slow.isForgivable()) {
            assertThat(System.nanoTime() - end).isNegative();
            turns.progress(other);
            LockSupport.parkNanos(1_000_000);
        }
        turns.forgive(slow);
        assertThat(turns.waiters()).isEqualTo(1);
        assertThat(slow.isForgivable()).isFalse();
        MemoryWaiter late = waiter("late");
        turns.awaitTurn(late);
        turns.satisfied(other);
        assertThat(told).as("before those who came later").containsExactly("slow");
    }

    private MemoryWaiter growing(String name, long[] held) {
        return new MemoryWaiter() {
            @Override
            protected void memoryReturned() {
                told.add(name);
            }

            @Override
            protected long held() {
                return held[0];
            }

            @Override
            protected void heldTooLong() {
                told.add(name + " gives up");
            }
        };
    }
}

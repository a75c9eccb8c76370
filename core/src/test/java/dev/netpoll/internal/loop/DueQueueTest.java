// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class DueQueueTest {
    private final DueQueue due = new DueQueue();

    private record Numbered(int number) implements Activation {
        @Override
        public void run(@Nullable Spares spares) {}

        @Override
        public boolean isInline() {
            return true;
        }

        @Override
        public void relieved(Relief cause) {}
    }

    private List<Integer> drained() {
        List<Integer> numbers = new ArrayList<>();
        for (Activation next = due.poll(); next != null; next = due.poll()) {
            numbers.add(((Numbered) next).number);
        }
        return numbers;
    }

    @Test
    void whatIsDueLaterIsDueInTheNextTurnAndBehindWhatWasLeftOfThisOne() {
        for (int i = 0; i < 100; i++) {
            due.addLater(new Numbered(100 + i));
            due.add(new Numbered(i));
        }
        assertThat(due.hasLater()).isTrue();
        for (int i = 0; i < 50; i++) {
            assertThat(due.poll()).isEqualTo(new Numbered(i));
        }
        due.beginTurn();
        assertThat(due.hasLater()).isFalse();
        assertThat(due.peek()).isEqualTo(new Numbered(50));
        assertThat(drained()).hasSize(150).isSorted();
        assertThat(due.isEmpty()).isTrue();
    }

    @Test
    void ifNothingElseIsDueTheTurnsTakeThePlaceOfEachOther() {
        for (int turn = 0; turn < 10; turn++) {
            for (int i = 0; i < 20; i++) {
                due.addLater(new Numbered(20 * turn + i));
            }
            assertThat(due.isEmpty()).isTrue();
            due.beginTurn();
            assertThat(drained()).hasSize(20).isSorted().startsWith(20 * turn);
            assertThat(due.hasLater()).isFalse();
        }
    }
}

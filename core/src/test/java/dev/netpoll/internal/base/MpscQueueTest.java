// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.base;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class MpscQueueTest {
    private record Item(int producer, int number) {}

    @Test
    void givesElementsInOrderAndThenNothing() {
        MpscQueue<String> queue = new MpscQueue<>();
        assertThat(queue.isEmpty()).isTrue();
        assertThat(queue.poll()).isNull();
        queue.offer("a");
        queue.offer("b");
        assertThat(queue.isEmpty()).isFalse();
        assertThat(queue.poll()).isEqualTo("a");
        queue.offer("c");
        assertThat(queue.poll()).isEqualTo("b");
        assertThat(queue.poll()).isEqualTo("c");
        assertThat(queue.poll()).isNull();
        assertThat(queue.isEmpty()).isTrue();
    }

    /** I1, and first-in-first-out for each producer. */
    @Test
    void losesNothingAndKeepsTheOrderOfEachProducer() throws InterruptedException {
        int producers = 4;
        int each = 200_000;
        MpscQueue<Item> queue = new MpscQueue<>();
        List<Thread> threads = new ArrayList<>();
        for (int p = 0; p < producers; p++) {
            int producer = p;
            threads.add(Thread.ofPlatform().start(() -> {
                for (int i = 0; i < each; i++) {
                    queue.offer(new Item(producer, i));
                }
            }));
        }
        int[] next = new int[producers];
        for (int received = 0; received < producers * each; ) {
            Item item = queue.poll();
            if (item == null) {
                Thread.onSpinWait();
                continue;
            }
            assertThat(item.number()).isEqualTo(next[item.producer()]++);
            received++;
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(queue.poll()).isNull();
    }
}

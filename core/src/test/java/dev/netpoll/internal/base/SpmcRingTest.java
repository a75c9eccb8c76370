// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class SpmcRingTest {
    @Test
    void givesElementsInOrderAlsoAroundTheEnd() {
        SpmcRing<Integer> ring = new SpmcRing<>(4);
        int next = 0;
        for (int round = 0; round < 10; round++) {
            for (int i = 0; i < 3; i++) {
                assertThat(ring.offer(3 * round + i)).as("room").isTrue();
            }
            assertThat(ring.size()).isEqualTo(3);
            for (int i = 0; i < 3; i++) {
                assertThat(ring.poll()).isEqualTo(next++);
            }
            assertThat(ring.poll()).as("of an empty ring").isNull();
            assertThat(ring.isEmpty()).isTrue();
        }
    }

    @Test
    void aFullRingRefusesUntilOneIsTaken() {
        SpmcRing<String> ring = new SpmcRing<>(2);
        assertThat(ring.offer("a")).isTrue();
        assertThat(ring.offer("b")).isTrue();
        assertThat(ring.offer("c")).as("a third of two").isFalse();
        assertThat(ring.poll()).isEqualTo("a");
        assertThat(ring.offer("c")).isTrue();
        assertThat(ring.poll()).isEqualTo("b");
        assertThat(ring.poll()).isEqualTo("c");
    }

    @Test
    void theCapacityIsAPowerOfTwo() {
        assertThatThrownBy(() -> new SpmcRing<>(3)).isInstanceOf(IllegalArgumentException.class);
    }

    /** I2 */
    @Test
    void takenElementsAreLetGo() {
        SpmcRing<Object> ring = new SpmcRing<>(4);
        List<WeakReference<Object>> taken = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            ring.offer(new Object());
        }
        for (int i = 0; i < 3; i++) {
            taken.add(new WeakReference<>(ring.poll()));
        }
        ring.clear();
        long end = System.nanoTime() + 20_000_000_000L;
        while (taken.stream().anyMatch(reference -> reference.get() != null) && System.nanoTime() < end) {
            System.gc();
        }
        assertThat(taken).as("elements that the ring holds on to").allMatch(reference -> reference.get() == null);
    }

    /** I1 */
    @Test
    void manyConsumersTakeEachElementOnceAndEachInOrder() throws InterruptedException {
        int consumers = 4;
        int count = 100_000;
        SpmcRing<Integer> ring = new SpmcRing<>(64);
        AtomicIntegerArray taken = new AtomicIntegerArray(count);
        List<String> wrong = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int c = 0; c < consumers; c++) {
            threads.add(Thread.ofPlatform().start(() -> {
                int last = -1;
                while (true) {
                    Integer element = ring.poll();
                    if (element == null) {
                        Thread.onSpinWait();
                    } else if (element >= count) {
                        return;
                    } else {
                        if (element <= last) {
                            synchronized (wrong) {
                                wrong.add(element + " after " + last);
                            }
                        }
                        last = element;
                        taken.incrementAndGet(element);
                    }
                }
            }));
        }
        for (int i = 0; i < count + consumers; ) { // the last ones say that it is over
            if (ring.offer(i)) {
                i++;
            } else {
                Thread.onSpinWait();
            }
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(wrong).as("elements out of order").isEmpty();
        for (int i = 0; i < count; i++) {
            assertThat(taken.get(i)).as("times that %d was taken", i).isOne();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class ScratchTest {
    /** More than there are slots. */
    private static final int MANY = 200;

    private static List<Scratch> takeMany() {
        List<Scratch> taken = new ArrayList<>();
        for (int i = 0; i < MANY; i++) {
            taken.add(Scratch.take());
        }
        return taken;
    }

    private static Set<Scratch> distinct(List<Scratch> taken) {
        Set<Scratch> set = Collections.newSetFromMap(new IdentityHashMap<>());
        set.addAll(taken);
        return set;
    }

    @Test
    void noneIsEverGivenToTwoAndNoneIsDropped() {
        List<Scratch> first = takeMany();
        assertThat(distinct(first)).hasSize(MANY);
        first.forEach(Scratch::giveBack);
        List<Scratch> second = takeMany();
        assertThat(distinct(second)).hasSize(MANY);
        second.forEach(Scratch::giveBack);
        // Their memory is never freed, so it has to be used again, however many were out at once.
        Set<Scratch> known = distinct(first);
        known.addAll(second);
        assertThat(known.size()).isLessThan(MANY + 256);
    }

    @Test
    void manyThreadsAtOnceNeverShareOne() throws InterruptedException {
        AtomicInteger shared = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            int mark = i;
            threads.add(Thread.startVirtualThread(() -> {
                for (int round = 0; round < 500; round++) {
                    Scratch scratch = Scratch.take();
                    scratch.option(mark, round);
                    LockSupport.parkNanos(1); // lets others run
                    if (scratch.option() != mark || scratch.lingerSeconds() != round) {
                        shared.incrementAndGet();
                    }
                    scratch.giveBack();
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(shared).hasValue(0);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

class HeapScratchTest {
    @Test
    void whatIsGivenBackIsTakenAgain() {
        byte[] array = HeapScratch.take();
        assertThat(array).hasSize(HeapScratch.SIZE);
        assertThat(HeapScratch.take()).as("it is taken").isNotSameAs(array);
        HeapScratch.give(array);
        assertThat(HeapScratch.take()).isSameAs(array);
        HeapScratch.give(array);
    }

    @Test
    void noArrayIsInTwoHands() throws Exception {
        try (ExecutorService executor = Executors.newCachedThreadPool()) {
            List<Future<?>> users = new ArrayList<>();
            for (int thread = 0; thread < 50; thread++) {
                byte mark = (byte) thread;
                users.add(executor.submit(() -> useOften(mark)));
            }
            for (Future<?> user : users) {
                user.get();
            }
        }
    }

    private static void useOften(byte mark) {
        for (int i = 0; i < 2000; i++) {
            byte[] array = HeapScratch.take();
            array[0] = mark;
            array[HeapScratch.SIZE - 1] = mark;
            if (array[0] != mark || array[HeapScratch.SIZE - 1] != mark) {
                throw new AssertionError("somebody else has the array");
            }
            HeapScratch.give(array);
        }
    }
}

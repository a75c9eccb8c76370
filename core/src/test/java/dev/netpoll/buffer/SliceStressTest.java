// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Slices that are read and closed by other threads while their parents go on. */
class SliceStressTest extends BufferFixture {
    private static final int ROUNDS = Integer.getInteger("stress.rounds", 20_000);
    private static final int READERS = 3;

    private record Parcel(LinkBuffer slice, int first) {}

    @ParameterizedTest
    @ValueSource(ints = {16, 0})
    void slicesMayBeReleasedByOtherThreads(int segmentSize) throws Exception {
        long seed = Long.getLong("seed", System.nanoTime());
        Random random = new Random(seed);
        BlockingQueue<Parcel> queue = new ArrayBlockingQueue<>(128);
        Parcel end = new Parcel(buffer(), 0);
        try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Integer>> readers = new ArrayList<>();
            for (int i = 0; i < READERS; i++) {
                readers.add(executor.submit(() -> readParcels(queue, end)));
            }
            int sent = produce(random, segmentSize, queue);
            for (int i = 0; i < READERS; i++) {
                queue.put(end);
            }
            int received = 0;
            for (Future<Integer> reader : readers) {
                received += reader.get();
            }
            assertThat(received).as("-Dseed=" + seed).isEqualTo(sent);
        }
    }

    private int produce(Random random, int segmentSize, BlockingQueue<Parcel> queue) throws InterruptedException {
        int written = 0;
        int sent = 0;
        try (LinkBuffer buffer = bufferOfSegments(segmentSize)) {
            for (int round = 0; round < ROUNDS; round++) {
                byte[] bytes = new byte[random.nextInt(100)];
                for (int i = 0; i < bytes.length; i++) {
                    bytes[i] = (byte) written++;
                }
                buffer.writeBytes(bytes).flush();
                if (random.nextInt(4) == 0) {
                    byte[] view = copyOf(buffer.peek((int) Math.min(20, buffer.readableBytes())));
                    assertThat(view).isEqualTo(Arrays.copyOf(buffer.toByteArray(), view.length));
                }
                int n = random.nextInt((int) buffer.readableBytes() + 1);
                queue.put(new Parcel(buffer.slice(n), sent));
                sent += n;
                if (random.nextInt(3) == 0) {
                    buffer.release();
                }
            }
        }
        return sent;
    }

    private static int readParcels(BlockingQueue<Parcel> queue, Parcel end) throws InterruptedException {
        int received = 0;
        int count = 0;
        for (Parcel parcel = queue.take(); parcel.slice != end.slice; parcel = queue.take()) {
            try (LinkBuffer slice = parcel.slice) {
                int n = (int) slice.readableBytes();
                received += n;
                int left = ++count % 3 == 0 ? n / 2 : 0; // some are closed half read
                for (int i = 0; i < n - left; i++) {
                    byte value = slice.readByte();
                    if (value != (byte) (parcel.first + i)) {
                        throw new AssertionError("byte " + i + " of " + n + " is " + value);
                    }
                }
            }
        }
        return received;
    }
}

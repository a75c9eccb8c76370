// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.internal.memory.SegmentPool;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A buffer used by two threads at once, against the rules: exceptions that say so, and no harm to anybody else. */
class TwoThreadsTest {
    /** Above 8 MiB, a block is unmapped when the buffer is closed. */
    @ParameterizedTest(name = "{0} bytes")
    @ValueSource(ints = {60_000, 9 << 20})
    void readingWhileTheBufferIsClosedIsAnExceptionAndNoCrash(int size) throws Exception {
        int rounds = Integer.getInteger("stress.rounds", size > 100_000 ? 40 : 400);
        try (ExecutorService executor = Executors.newCachedThreadPool()) {
            for (int i = 0; i < rounds; i++) {
                LinkBuffer buffer = new LinkBuffer();
                buffer.reserve(size).fill((byte) 1);
                buffer.flush();
                AtomicBoolean reading = new AtomicBoolean();
                Future<Throwable> reader = executor.submit(() -> {
                    try {
                        readAll(buffer, reading);
                        throw new AssertionError("unreachable");
                    } catch (IllegalStateException | IndexOutOfBoundsException e) {
                        return e;
                    }
                });
                while (!reading.get() && !reader.isDone()) {
                    Thread.onSpinWait();
                }
                buffer.close();
                assertThat(reader.get()).hasMessageNotContaining("null");
            }
        }
    }

    /** A loop that the compiler makes tight: what it has once read of the buffer it does not read again. */
    private static long readAll(LinkBuffer buffer, AtomicBoolean reading) {
        long sum = buffer.readLong();
        reading.setOpaque(true);
        while (true) {
            for (int i = 0; i < 10_000; i++) {
                sum += buffer.readLong();
            }
            if (sum == 1) {
                return sum;
            }
        }
    }

    @Test
    void whateverTwoThreadsDoTheOthersKeepTheirBytes() throws Exception {
        int rounds = Integer.getInteger("stress.rounds", 300);
        long seed = Long.getLong("seed", System.nanoTime());
        AtomicBoolean end = new AtomicBoolean();
        SegmentPool pool = new SegmentPool(64 << 20);
        try (ExecutorService executor = Executors.newCachedThreadPool()) {
            Future<?> innocent = executor.submit(() -> {
                while (!end.get()) {
                    try (LinkBuffer mine = new LinkBuffer(pool, 0)) {
                        for (int i = 0; i < 1000; i++) {
                            mine.writeLong(i);
                        }
                        mine.flush();
                        for (int i = 0; i < 1000; i++) {
                            assertThat(mine.readLong()).isEqualTo(i);
                        }
                    }
                }
            });
            for (int i = 0; i < rounds; i++) {
                LinkBuffer shared = new LinkBuffer(pool, 0);
                SplittableRandom one = new SplittableRandom(seed + 2L * i);
                SplittableRandom two = new SplittableRandom(seed + 2L * i + 1);
                Future<?> first = executor.submit(() -> misuse(shared, one));
                Future<?> second = executor.submit(() -> misuse(shared, two));
                first.get();
                second.get();
                try {
                    shared.close();
                } catch (IllegalStateException _) {
                    // noticed only now
                }
            }
            end.set(true);
            innocent.get();
        }
    }

    private static void misuse(LinkBuffer buffer, SplittableRandom random) {
        for (int i = 0; i < 200; i++) {
            try {
                switch (random.nextInt(6)) {
                    case 0 -> buffer.writeBytes(new byte[random.nextInt(3000)]);
                    case 1 -> buffer.writeInt(i);
                    case 2 -> buffer.flush();
                    case 3 -> buffer.skip(random.nextInt(1 + (int) buffer.readableBytes()));
                    case 4 -> buffer.next(1 + random.nextInt(100));
                    default -> buffer.release();
                }
            } catch (IllegalStateException | IndexOutOfBoundsException | IllegalArgumentException e) {
                assertThat(e.getMessage()).isNotBlank();
            }
        }
    }

    @Test
    void whatWasNotFlushedIsNamedWhenItIsMissed() {
        try (LinkBuffer buffer = new LinkBuffer()) {
            buffer.writeInt(1);
            assertThatThrownBy(buffer::readInt)
                    .isInstanceOf(IndexOutOfBoundsException.class)
                    .hasMessageContaining("4 bytes are pending: flush() first");
            assertThatThrownBy(() -> buffer.readUntil((byte) 0)).hasMessageContaining("flush() first");
            assertThatThrownBy(buffer::readVarInt).hasMessageContaining("flush() first");
            buffer.flush();
            assertThatThrownBy(buffer::readLong).message().doesNotContain("flush");
            assertThat(buffer.readInt()).isEqualTo(1);
            LinkBuffer slice = buffer.slice(0);
            slice.writeByte(1);
            assertThatThrownBy(() -> slice.next(1)).hasMessageContaining("1 bytes are pending: flush() first");
            slice.close();
        }
    }
}

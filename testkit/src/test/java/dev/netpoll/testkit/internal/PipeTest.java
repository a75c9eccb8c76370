// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit.internal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentPool;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A ring that grows, against a count: byte n of the stream is n. */
class PipeTest {
    private static final int STEPS = 1000;

    private final long seed = Long.getLong("seed", System.nanoTime());
    private final Random random = new Random(seed);
    private long written;
    private long read;

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 1000, 1024, 5000, 300_000})
    void bytesComeOutAsTheyWentIn(int capacity) {
        Pipe pipe = new Pipe(capacity);
        for (int step = 0; step < STEPS; step++) {
            int in = random.nextInt(Math.min(pipe.room(), 1 + random.nextInt(capacity)) + 1);
            write(pipe, in);
            int out = random.nextInt(pipe.size() + 1);
            read(pipe, random.nextInt(10) == 0 ? pipe.size() : out);
            assertThat(pipe.size()).as("seed %d", seed).isEqualTo((int) (written - read));
            assertThat(pipe.room()).as("seed %d", seed).isEqualTo(capacity - pipe.size());
        }
    }

    private void write(Pipe pipe, int count) {
        if (count == 0) {
            return;
        }
        Block block = SegmentPool.shared().allocate(count);
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++) {
            bytes[i] = (byte) (written + i);
        }
        MemorySegment.copy(bytes, 0, block.memory(), ValueLayout.JAVA_BYTE, 0, count);
        Segment segment = Segment.of(block, 0, count);
        pipe.write(segment, count);
        segment.free();
        written += count;
    }

    private void read(Pipe pipe, int count) {
        if (count == 0) {
            return;
        }
        byte[] bytes = new byte[count];
        pipe.read(MemorySegment.ofArray(bytes), count);
        for (int i = 0; i < count; i++) {
            if (bytes[i] != (byte) (read + i)) {
                throw new AssertionError("byte " + (read + i) + " is " + bytes[i] + ", seed " + seed);
            }
        }
        read += count;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.buffer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.benchmarks.buffer.FramesBenchmark.Script;
import dev.netpoll.internal.memory.SegmentPool;
import io.netty.util.internal.PlatformDependent;
import java.io.IOException;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A benchmark of something that gives wrong answers measures nothing, so each peer does each scenario once here. */
class PeersTest {
    private final long blocksBefore = SegmentPool.shared().outstandingBlocks();

    @AfterEach
    void allBlocksAreBack() {
        assertThat(SegmentPool.shared().outstandingBlocks()).isEqualTo(blocksBefore);
    }

    @Test
    void nettyMayUseItsFastestAccess() {
        assertThat(PlatformDependent.hasUnsafe()).isTrue();
    }

    @ParameterizedTest
    @EnumSource(names = "NETPOLL_POOL", mode = EnumSource.Mode.EXCLUDE)
    void framesComeBackAsTheyWere(Peer peer) throws IOException {
        for (Script script : Script.values()) {
            for (int bytes : new int[] {10, 1024, 65536}) {
                String text = script.text(bytes);
                assertThat(text.getBytes(UTF_8)).hasSize(bytes);
                try (Frames reused = Frames.reused(peer, bytes);
                        Frames perMessage = Frames.perMessage(peer)) {
                    for (int i = 0; i < 3; i++) {
                        assertThat(reused.roundTrip(text, bytes)).isEqualTo(text);
                        assertThat(perMessage.roundTrip(text, bytes)).isEqualTo(text);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            names = {"NETPOLL_POOL", "NETTY_GET_BYTES"},
            mode = EnumSource.Mode.EXCLUDE)
    void fieldsComeBackInOrder(Peer peer) throws IOException {
        String[] texts = new String[Fields.TEXT_ROUNDS];
        try (Fields numbers = Fields.of(peer);
                Fields mixed = Fields.of(peer)) {
            for (int i = 0; i < 1000; i++) {
                numbers.write(i);
                mixed.write(i, "0123456789");
                if (i >= Fields.BACKLOG) {
                    int written = i - Fields.BACKLOG;
                    Arrays.fill(texts, null);
                    assertThat(numbers.read()).isEqualTo(sum(written, Fields.ROUNDS));
                    assertThat(mixed.read(texts)).isEqualTo(sum(written, Fields.TEXT_ROUNDS));
                    assertThat(texts).containsOnly("0123456789");
                }
            }
        }
    }

    private static long sum(int seed, int rounds) {
        long sum = 0;
        for (int i = seed; i < seed + rounds; i++) {
            sum += (byte) i + (short) i + i + i;
        }
        return sum;
    }

    @ParameterizedTest
    @EnumSource(
            names = {"NETPOLL_POOL", "NETTY_GET_BYTES"},
            mode = EnumSource.Mode.EXCLUDE)
    void slicesOfAllBuffersAreUsedByTheOtherThread(Peer peer) throws IOException {
        int buffers = 3;
        int count = buffers * Slices.RECEIVED / Slices.SLICE + 1;
        AtomicLong received = new AtomicLong();
        try (Slices slices = Slices.of(peer);
                HandOver handOver = new HandOver(16, 4, slice -> {
                    slices.use(slice);
                    received.incrementAndGet();
                })) {
            for (int i = 0; i < count; i++) {
                handOver.put(slices.next());
            }
        }
        assertThat(received).hasValue(count);
    }

    @ParameterizedTest
    @EnumSource(
            names = {"NETPOLL_POOL", "NETTY_GET_BYTES"},
            mode = EnumSource.Mode.EXCLUDE)
    void transfersLeaveNothingBehind(Peer peer) throws IOException {
        for (int bytes : new int[] {4096, 65536}) {
            try (Transfers transfers = Transfers.of(peer, bytes)) {
                for (int i = 0; i < 3; i++) {
                    transfers.appendAndSkip(bytes);
                    transfers.appendAndCopy(new byte[bytes]); // throws if there are not so many
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            names = {"OKIO", "NETTY_GET_BYTES"},
            mode = EnumSource.Mode.EXCLUDE)
    void blocksAreFreedByBothThreads(Peer peer) {
        AtomicLong freed = new AtomicLong();
        try (Blocks blocks = Blocks.of(peer);
                HandOver handOver = new HandOver(2, 2, block -> {
                    blocks.free(block);
                    freed.incrementAndGet();
                })) {
            for (int bytes : new int[] {256, 4096, 65536, 1 << 20, 8 << 20}) {
                blocks.free(blocks.allocate(bytes));
                handOver.put(blocks.allocate(bytes));
            }
        }
        assertThat(freed).hasValue(5);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.poll.ReceiveBuffer;
import dev.netpoll.memory.MemoryLimitException;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An operation that finds no memory has changed nothing: no byte, no block and no charge is lost. */
class NoMemoryTest {
    private final SegmentPool pool = new SegmentPool(64 << 20);

    /** Fails when the countdown comes to 0. */
    private final class Failing implements BlockSource {
        int countdown = Integer.MAX_VALUE;
        Supplier<Throwable> failure = () -> new OutOfMemoryError("for the test");

        @Override
        public Block allocate(int minCapacity) {
            if (countdown-- <= 0) {
                throw Misuse.rethrown(failure.get());
            }
            return pool.allocate(minCapacity);
        }
    }

    private final Failing blocks = new Failing();

    @AfterEach
    void allBlocksAreBack() {
        pool.close();
    }

    private static byte[] pattern(int n) {
        byte[] bytes = new byte[n];
        for (int i = 0; i < n; i++) {
            bytes[i] = (byte) (i * 31 + (i >> 8));
        }
        return bytes;
    }

    private Segment chain(byte[] bytes, int piece) {
        SegmentWriter writer = new SegmentWriter(pool, piece);
        writer.writeBytes(bytes, 0, bytes.length);
        return Objects.requireNonNull(writer.take());
    }

    @ParameterizedTest
    @ValueSource(strings = {"heap", "limit", "stack"})
    void readersLoseNothing(String kind) {
        blocks.failure = switch (kind) {
            case "heap" -> () -> new OutOfMemoryError("for the test");
            case "limit" -> () -> new MemoryLimitException("for the test");
            default -> StackOverflowError::new;
        };
        byte[] bytes = pattern(5000);
        SegmentReader reader = new SegmentReader(blocks);
        reader.append(chain(bytes, 300));
        blocks.countdown = 0;
        assertThat(fails(() -> reader.peek(1000))).isTrue();
        reader.check();
        assertThat(fails(() -> reader.next(301))).isTrue();
        reader.check();
        assertThat(reader.next(300).toArray(Layouts.BYTE)).isEqualTo(Arrays.copyOf(bytes, 300));
        reader.release();
        byte[] all = new byte[4700];
        reader.copyTo(all, 0, 4700);
        assertThat(all).isEqualTo(Arrays.copyOfRange(bytes, 300, 5000));
        reader.clear();
    }

    @Test
    void aLeftoverStaysWhereItIs() {
        SegmentReader reader = new SegmentReader(blocks);
        reader.append(chain(pattern(60_000), 65_536));
        reader.skip(59_990);
        blocks.countdown = 0;
        reader.release();
        assertThat(reader.length()).isEqualTo(10);
        Segment taken = reader.take();
        assertThat(taken).isNotNull();
        Segment.freeAll(taken);
    }

    /** Random writes, of which each may fail: the bytes are those of the writes that did not. */
    @Test
    void writersKeepWhatWasWrittenBefore() {
        long seed = Long.getLong("seed", System.nanoTime());
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 300; round++) {
            SegmentWriter writer = new SegmentWriter(blocks, random.nextInt(2) * 64);
            ByteArrayOutputStream expected = new ByteArrayOutputStream();
            for (int i = 0; i < 20; i++) {
                blocks.countdown = random.nextInt(4);
                int n = random.nextInt(random.nextInt(10) == 0 ? 20_000 : 200);
                byte[] bytes = pattern(n);
                String text = "é".repeat(n);
                int kind = random.nextInt(5);
                long at = random.nextLong(writer.pending() + 1);
                boolean failed = fails(() -> {
                    switch (kind) {
                        case 0 -> writer.writeBytes(bytes, 0, n);
                        case 1 -> writer.writeUtf8(text);
                        case 2 -> writer.reserve(n).copyFrom(MemorySegment.ofArray(bytes));
                        case 3 -> writer.writeLong(n);
                        default -> writer.writeDirect(MemorySegment.ofArray(bytes), at);
                    }
                });
                if (!failed) {
                    byte[] added = switch (kind) {
                        case 1 -> text.getBytes(StandardCharsets.UTF_8);
                        case 3 -> ByteBuffer.allocate(8).putLong(n).array();
                        default -> bytes;
                    };
                    byte[] old = expected.toByteArray();
                    int end = old.length - (kind == 4 ? (int) at : 0);
                    expected.reset();
                    expected.write(old, 0, end);
                    expected.write(added, 0, added.length);
                    expected.write(old, end, old.length - end);
                }
                writer.check();
                assertThat(writer.pending()).as("-Dseed=" + seed).isEqualTo(expected.size());
            }
            SegmentReader reader = new SegmentReader(pool);
            reader.append(writer.take());
            assertThat(reader.readBytes((int) reader.length()))
                    .as("-Dseed=" + seed)
                    .isEqualTo(expected.toByteArray());
            assertThat(pool.outstandingBlocks()).isZero();
        }
    }

    /** The user closes his arena too early: what others wrote stays readable, and everything is freed. */
    @Test
    void aChainWithMemoryThatIsGoneIsNotTornApart() {
        SegmentReader reader = new SegmentReader(pool);
        SegmentWriter writer = new SegmentWriter(pool);
        Arena arena = Arena.ofShared();
        writer.writeInt(1);
        writer.writeDirect(arena.allocate(100), 0);
        writer.writeInt(2);
        Segment chain = writer.take();
        arena.close();
        reader.append(chain);
        reader.check();
        assertThat(reader.length()).isEqualTo(108);
        assertThat(fails(() -> reader.peek(50))).isTrue();
        reader.check();
        assertThat(reader.readInt()).isEqualTo(1);
        reader.skip(100);
        assertThat(reader.readInt()).isEqualTo(2);
    }

    @Test
    void receivedBytesAreNotLostForLackOfMemory() {
        ReceiveBuffer buffer = new ReceiveBuffer(blocks);
        buffer.block().memory().fill((byte) 'a');
        blocks.countdown = 0;
        Segment received = buffer.received(10);
        assertThat(received.length()).isEqualTo(10);
        assertThat(received.room()).as("for what arrives next").isEqualTo(ReceiveBuffer.CAPACITY - 10);
        assertThat(received.getByte(9)).isEqualTo((byte) 'a');
        assertThat(fails(buffer::block)).isTrue();
        blocks.countdown = 10;
        buffer.block().memory().fill((byte) 'b');
        assertThat(received.getByte(0)).isEqualTo((byte) 'a');
        received.free();
        buffer.received(20_000).free();
        buffer.received(5).free();
        buffer.release();
    }

    private static boolean fails(Runnable operation) {
        try {
            operation.run();
            return false;
        } catch (MemoryLimitException | OutOfMemoryError | StackOverflowError | IllegalStateException _) {
            return true;
        }
    }
}

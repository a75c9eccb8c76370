// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.memory.MemoryLimitException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Writing: results, errors, and which memory is used. */
class LinkBufferWriteTest extends BufferFixture {

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 4096, 0})
    void writesNumbersInBothByteOrders(int segmentSize) {
        try (LinkBuffer buffer = bufferOfSegments(segmentSize)) {
            buffer.writeByte(0xFF81).writeShort(0xFF8283).writeInt(0x84858687).writeLong(0x88898a8b8c8d8e8fL);
            buffer.writeShortLE(0xFF9190).writeIntLE(0x95949392).writeLongLE(0x9d9c9b9a99989796L);
            assertThat(buffer.pendingBytes()).isEqualTo(29);
            buffer.flush();
            byte[] bytes = buffer.readBytes(29);
            for (int i = 0; i < bytes.length; i++) {
                assertThat(bytes[i]).isEqualTo((byte) (0x81 + i));
            }
        }
    }

    /** What others left in the block must not be sent by a program that does not fill the memory. */
    @ParameterizedTest
    @ValueSource(ints = {1, 200, 5000, 100_000})
    void reservedMemoryIsZero(int bytes) {
        byte[] others = new byte[bytes];
        Arrays.fill(others, (byte) 'x');
        for (int round = 0; round < 10; round++) {
            try (LinkBuffer before = new LinkBuffer()) {
                before.writeBytes(others).flush();
            }
            try (LinkBuffer buffer = new LinkBuffer()) {
                buffer.reserve(bytes);
                buffer.flush();
                assertThat(buffer.readBytes(bytes)).containsOnly(0);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 0})
    void writesCopiesOfAnyKindOfMemory(int segmentSize) {
        byte[] bytes = pattern(50);
        try (Arena arena = Arena.ofConfined();
                LinkBuffer buffer = bufferOfSegments(segmentSize)) {
            MemorySegment confined = arena.allocate(50).copyFrom(MemorySegment.ofArray(bytes));
            ByteBuffer direct =
                    ByteBuffer.allocateDirect(60).position(5).put(bytes).flip().position(5);
            ByteBuffer readOnly = ByteBuffer.wrap(bytes).asReadOnlyBuffer();
            buffer.writeBytes(bytes).writeBytes(bytes, 10, 20).writeBytes(confined);
            buffer.writeBytes(MemorySegment.ofArray(bytes)).writeBytes(direct).writeBytes(readOnly);
            assertThat(direct.hasRemaining()).isFalse();
            assertThat(readOnly.hasRemaining()).isFalse();
            confined.fill((byte) 0);
            buffer.flush();
            assertThat(buffer.readBytes(50)).isEqualTo(bytes);
            assertThat(buffer.readBytes(20)).isEqualTo(Arrays.copyOfRange(bytes, 10, 30));
            for (int i = 0; i < 4; i++) {
                assertThat(buffer.readBytes(50)).isEqualTo(bytes);
            }
        }
    }

    /** Go: TestUnsafeStringToSlice, as far as it is about the content of strings. */
    @ParameterizedTest
    @ValueSource(ints = {1, 7, 0})
    void writesTextAsStringGetBytesDoes(int segmentSize) {
        String[] texts = {
            "",
            "a",
            "plain text",
            "naïve café",
            "日本語",
            "👍👍 and 𝄞",
            "\uD83D",
            "x\uDC4Dy",
            "\uDC4D\uD83D",
            "\0",
            "é".repeat(64),
            "日".repeat(64),
            "👍".repeat(32),
            "é".repeat(65),
            "long and plain ".repeat(1000),
        };
        for (String text : texts) {
            byte[] expected = text.getBytes(StandardCharsets.UTF_8);
            try (LinkBuffer buffer = bufferOfSegments(segmentSize)) {
                buffer.writeUtf8(text);
                assertThat(buffer.pendingBytes()).isEqualTo(expected.length);
                buffer.flush();
                assertThat(buffer.toByteArray()).isEqualTo(expected);
                assertThat(buffer.readUtf8(expected.length)).isEqualTo(new String(expected, StandardCharsets.UTF_8));
            }
        }
    }

    @Test
    void aReservationIsContiguousWritableAndCanBeCutOnce() {
        try (LinkBuffer buffer = buffer()) {
            MemorySegment reserved = buffer.reserve(100_000);
            assertThat(reserved.byteSize()).isEqualTo(100_000);
            assertThat(buffer.pendingBytes()).isEqualTo(100_000);
            reserved.fill((byte) 5);
            buffer.commit(10);
            assertThat(buffer.pendingBytes()).isEqualTo(10);
            assertThatIllegalStateException()
                    .isThrownBy(() -> buffer.commit(10))
                    .withMessageContaining("the last operation was not a reserve");
            buffer.writeByte(6).flush();
            assertThat(buffer.toByteArray()).containsExactly(5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6);
        }
    }

    @Test
    void commitIsRefusedAfterEveryOtherOperationAndBeyondTheReservation() {
        try (LinkBuffer buffer = buffer();
                LinkBuffer other = buffer()) {
            Runnable[] operations = {
                () -> buffer.writeByte(1),
                () -> buffer.writeLong(1),
                () -> buffer.writeBytes(new byte[1]),
                () -> buffer.writeUtf8("a"),
                () -> buffer.writeDirect(MemorySegment.NULL),
                () -> buffer.writeDirect(MemorySegment.ofArray(new byte[1]), 1),
                () -> buffer.truncate(1),
                () -> buffer.append(other),
                buffer::flush,
            };
            for (Runnable operation : operations) {
                buffer.reserve(10);
                operation.run();
                assertThatIllegalStateException().isThrownBy(() -> buffer.commit(0));
            }
            buffer.reserve(10);
            assertThatThrownBy(() -> buffer.commit(11))
                    .isInstanceOf(IndexOutOfBoundsException.class)
                    .hasMessage("commit(11): only 10 bytes are reserved");
            buffer.commit(3);
        }
    }

    @Test
    void givingBackEverythingGivesBackTheMemory() {
        try (LinkBuffer buffer = buffer()) {
            buffer.reserve(10);
            buffer.commit(0);
            assertThat(pool.outstandingBlocks()).isZero();
            buffer.writeBytes(pattern(100_000)).truncate(0);
            assertThat(pool.outstandingBlocks()).isZero();
            buffer.writeLong(1);
            buffer.reserve(10_000);
            buffer.commit(0);
            assertThat(pool.outstandingBlocks()).isEqualTo(1);
            buffer.writeLong(2).flush();
            assertThat(buffer.readLong() + buffer.readLong()).isEqualTo(3);
        }
    }

    @Test
    void truncateAndWriteDirectRefuseMoreThanIsPending() {
        try (LinkBuffer buffer = buffer()) {
            buffer.writeInt(1);
            assertThatThrownBy(() -> buffer.truncate(5))
                    .isInstanceOf(IndexOutOfBoundsException.class)
                    .hasMessage("truncate(5): only 4 bytes are pending");
            assertThatThrownBy(() -> buffer.writeDirect(MemorySegment.NULL, 5))
                    .isInstanceOf(IndexOutOfBoundsException.class)
                    .hasMessage("writeDirect(5): only 4 bytes are pending");
            assertThat(buffer.pendingBytes()).isEqualTo(4);
        }
    }

    @Test
    void truncatingASharedSegmentDoesNotGiveItsRestToLaterWrites() {
        try (LinkBuffer source = buffer();
                LinkBuffer target = buffer()) {
            source.writeBytes(pattern(2000)).flush();
            LinkBuffer slice = source.slice(1000);
            target.append(slice).truncate(500).writeBytes(new byte[1000]).flush();
            assertThat(source.readBytes(1000)).isEqualTo(Arrays.copyOfRange(pattern(2000), 1000, 2000));
            assertThat(target.readBytes(500)).isEqualTo(java.util.Arrays.copyOf(pattern(2000), 500));
            slice.close();
        }
    }

    @Test
    void sharedMemoryIsWrittenByReferenceAndOtherMemoryIsCopied() {
        try (Arena shared = Arena.ofShared();
                Arena confined = Arena.ofConfined();
                LinkBuffer buffer = buffer()) {
            MemorySegment referred = shared.allocate(100);
            MemorySegment own = confined.allocate(100);
            byte[] heap = new byte[100];
            buffer.writeDirect(referred).writeDirect(own).writeDirect(MemorySegment.ofArray(heap), 50);
            referred.fill((byte) 1);
            own.fill((byte) 1);
            java.util.Arrays.fill(heap, (byte) 1);
            buffer.flush();
            assertThat(buffer.peek(100).address()).isEqualTo(referred.address());
            assertThat(buffer.readBytes(100)).containsOnly(1);
            assertThat(buffer.readBytes(200)).containsOnly(0);
        }
    }

    @Test
    void goneAndForeignMemoryIsRefusedAndNothingIsWritten() throws InterruptedException {
        try (LinkBuffer buffer = buffer()) {
            MemorySegment gone;
            try (Arena arena = Arena.ofShared()) {
                gone = arena.allocate(10);
            }
            assertThatIllegalStateException().isThrownBy(() -> buffer.writeBytes(gone));
            assertThatIllegalStateException().isThrownBy(() -> buffer.writeDirect(gone));
            AtomicReference<MemorySegment> foreign = new AtomicReference<>(MemorySegment.NULL);
            Thread thread = new Thread(() -> foreign.set(Arena.ofConfined().allocate(10)));
            thread.start();
            thread.join();
            assertThatThrownBy(() -> buffer.writeBytes(foreign.get())).isInstanceOf(WrongThreadException.class);
            assertThatThrownBy(() -> buffer.writeDirect(foreign.get())).isInstanceOf(WrongThreadException.class);
            assertThatThrownBy(() -> buffer.writeBytes(new byte[3], 1, 3))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThat(buffer.pendingBytes()).isZero();
            assertThat(pool.outstandingBlocks()).isZero();
        }
    }

    @Test
    void aBufferIsNotAppendedToItself() {
        try (LinkBuffer buffer = buffer()) {
            assertThatIllegalArgumentException().isThrownBy(() -> buffer.append(buffer));
        }
    }

    @Test
    void appendEndsTheViewsOfTheArgumentAndKeepsTheOrder() {
        try (LinkBuffer target = buffer();
                LinkBuffer source = filled(8, ascii("0123456789abcdef"))) {
            source.next(2);
            source.peek(10);
            source.writeBytes(ascii("pending"));
            target.writeBytes(ascii("before "))
                    .append(source)
                    .writeBytes(ascii(" after"))
                    .flush();
            assertThat(target.readUtf8((int) target.readableBytes())).isEqualTo("before 23456789abcdefpending after");
            assertThat(pool.outstandingBlocks()).isZero();
        }
    }

    @Test
    void manySmallFlushesDoNotPinABlockEach() {
        try (LinkBuffer buffer = buffer()) {
            for (int i = 0; i < 1000; i++) {
                buffer.writeInt(i).flush();
            }
            assertThat(pool.outstandingBlocks()).isLessThanOrEqualTo(2);
            for (int i = 0; i < 1000; i++) {
                assertThat(buffer.readInt()).isEqualTo(i);
            }
        }
    }

    @Test
    void aWriteThatFindsNoMemoryWritesNothing() {
        try (SegmentPool small = new SegmentPool(128 << 10);
                LinkBuffer buffer = new LinkBuffer(small, 0)) {
            buffer.writeInt(42);
            assertThatThrownBy(() -> buffer.writeBytes(new byte[1 << 20])).isInstanceOf(MemoryLimitException.class);
            assertThatThrownBy(() -> buffer.reserve(1 << 20)).isInstanceOf(MemoryLimitException.class);
            assertThatThrownBy(() -> buffer.writeDirect(MemorySegment.ofArray(new byte[1 << 20]), 2))
                    .isInstanceOf(MemoryLimitException.class);
            assertThat(buffer.pendingBytes()).isEqualTo(4);
            assertThat(buffer.check()).isZero();
            assertThat(small.outstandingBlocks()).isEqualTo(1);
            buffer.flush();
            assertThat(buffer.readInt()).isEqualTo(42);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Reading: results, errors, and how long memory lives. */
class LinkBufferReadTest extends BufferFixture {

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 4096})
    void readsNumbersInBothByteOrders(int segmentSize) {
        byte[] bytes = new byte[29];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (0x81 + i);
        }
        try (LinkBuffer buffer = filled(segmentSize, bytes)) {
            assertThat(buffer.readByte()).isEqualTo((byte) 0x81);
            assertThat(buffer.readShort()).isEqualTo((short) 0x8283);
            assertThat(buffer.readInt()).isEqualTo(0x84858687);
            assertThat(buffer.readLong()).isEqualTo(0x88898a8b8c8d8e8fL);
            assertThat(buffer.readShortLE()).isEqualTo((short) 0x9190);
            assertThat(buffer.readIntLE()).isEqualTo(0x95949392);
            assertThat(buffer.readLongLE()).isEqualTo(0x9d9c9b9a99989796L);
            assertThat(buffer.isEmpty()).isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4096})
    void readingTooMuchNamesTheNumbersAndConsumesNothing(int segmentSize) {
        try (LinkBuffer buffer = filled(segmentSize, new byte[1])) {
            List<Runnable> calls = List.of(
                    () -> buffer.next(9),
                    () -> buffer.peek(9),
                    () -> buffer.skip(9),
                    () -> buffer.slice(9),
                    () -> buffer.readBytes(9),
                    () -> buffer.readBytes(new byte[9]),
                    () -> buffer.readBytes(new byte[20], 5, 9),
                    () -> buffer.readBytes(MemorySegment.ofArray(new byte[9])),
                    () -> buffer.readUtf8(9));
            for (Runnable call : calls) {
                assertThatThrownBy(call::run)
                        .isInstanceOf(IndexOutOfBoundsException.class)
                        .hasMessageContaining("(9): only 1 bytes are readable");
            }
            for (Runnable call : List.<Runnable>of(
                    buffer::readShort,
                    buffer::readInt,
                    buffer::readLong,
                    buffer::readShortLE,
                    buffer::readIntLE,
                    buffer::readLongLE)) {
                assertThatThrownBy(call::run)
                        .isInstanceOf(IndexOutOfBoundsException.class)
                        .hasMessageContaining("only 1 bytes are readable");
            }
            assertThat(buffer.readableBytes()).isEqualTo(1);
            buffer.readByte();
            assertThatThrownBy(buffer::readByte).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void wrongDestinationsAreRefusedAndNothingIsConsumed() {
        try (LinkBuffer buffer = filled(4, ascii("hello"))) {
            byte[] small = new byte[3];
            assertThatThrownBy(() -> buffer.readBytes(small, 1, 3)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> buffer.readBytes(small, -1, 2)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> buffer.read(small, 2, -1)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> buffer.read(ByteBuffer.allocate(2).asReadOnlyBuffer()))
                    .isInstanceOf(ReadOnlyBufferException.class);
            assertThatIllegalArgumentException()
                    .isThrownBy(
                            () -> buffer.readBytes(MemorySegment.ofArray(small).asReadOnly()));
            assertThat(buffer.readUtf8(5)).isEqualTo("hello");
        }
    }

    @Test
    void readTakesWhatIsThereAndTellsTheEnd() {
        try (LinkBuffer buffer = filled(4, ascii("hello"))) {
            byte[] dst = new byte[10];
            assertThat(buffer.read(dst, 0, 0)).isZero();
            assertThat(buffer.read(dst, 2, 8)).isEqualTo(5);
            assertThat(dst).isEqualTo(ascii("\0\0hello\0\0\0"));
            assertThat(buffer.read(dst, 0, 10)).isEqualTo(-1);
            assertThat(buffer.read(dst, 0, 0)).isZero();
            assertThat(buffer.read(ByteBuffer.allocate(1))).isEqualTo(-1);
            assertThat(buffer.read(ByteBuffer.allocate(0))).isZero();
        }
    }

    @Test
    void readUntilIncludesTheDelimiterAndConsumesNothingWithoutOne() {
        try (LinkBuffer buffer = filled(4, ascii("one\ntwo\n\nrest"))) {
            assertThat(buffer.readUntil((byte) '\n')).isEqualTo(ascii("one\n"));
            assertThat(buffer.readUntil((byte) '\n')).isEqualTo(ascii("two\n"));
            assertThat(buffer.readUntil((byte) '\n')).isEqualTo(ascii("\n"));
            assertThat(buffer.bytesBefore((byte) '\n')).isEqualTo(-1);
            assertThatThrownBy(() -> buffer.readUntil((byte) '\n'))
                    .isInstanceOf(IndexOutOfBoundsException.class)
                    .hasMessageContaining("not in the 4 readable bytes");
            assertThat(buffer.readUtf8(4)).isEqualTo("rest");
        }
    }

    @Test
    void searchingIsExactForEveryPositionAndByte() {
        for (int at = 0; at < 40; at++) {
            byte[] bytes = new byte[40];
            Arrays.fill(bytes, (byte) 0x80);
            bytes[at] = 0x7F;
            for (byte other : new byte[] {0x01, (byte) 0x81, (byte) 0xFF, 0}) {
                if (at > 0) {
                    bytes[at - 1] = other;
                }
                try (LinkBuffer buffer = filled(13, bytes)) {
                    assertThat(buffer.bytesBefore((byte) 0x7F)).isEqualTo(at);
                    assertThat(buffer.bytesBefore((byte) 0x55)).isEqualTo(-1);
                    assertThat(buffer.bytesBefore(other)).isEqualTo(at > 0 ? at - 1 : -1);
                }
            }
        }
    }

    @Test
    void malformedUtf8IsReplaced() {
        try (LinkBuffer buffer = filled(1, new byte[] {'a', (byte) 0xC3, 'b', (byte) 0xE2, (byte) 0x82})) {
            assertThat(buffer.readUtf8(5)).isEqualTo("a\uFFFDb\uFFFD");
        }
    }

    @Test
    void viewsAreReadOnlyAndBounded() {
        try (LinkBuffer buffer = filled(4, ascii("hello world"))) {
            for (MemorySegment view : List.of(buffer.peek(3), buffer.peek(7), buffer.next(2), buffer.next(6))) {
                assertThat(view.isReadOnly()).isTrue();
                assertThatThrownBy(() -> view.set(ValueLayout.JAVA_BYTE, 0, (byte) 1))
                        .isInstanceOf(IllegalArgumentException.class);
                assertThatThrownBy(() -> view.get(ValueLayout.JAVA_BYTE, view.byteSize()))
                        .isInstanceOf(IndexOutOfBoundsException.class);
            }
        }
    }

    @Test
    void viewsStayIntactUntilRelease() {
        byte[] bytes = pattern(100);
        try (LinkBuffer buffer = filled(8, bytes)) {
            MemorySegment inOne = buffer.peek(5);
            MemorySegment joined = buffer.peek(20);
            MemorySegment larger = buffer.peek(60);
            MemorySegment consumed = buffer.next(40);
            MemorySegment after = buffer.peek(30);
            buffer.skip(60);
            assertThat(buffer.isEmpty()).isTrue();
            buffer.writeBytes(new byte[1000]).flush(); // whatever was freed gets reused
            buffer.writeBytes(new byte[1000]).flush();
            assertThat(copyOf(inOne)).isEqualTo(Arrays.copyOf(bytes, 5));
            assertThat(copyOf(joined)).isEqualTo(Arrays.copyOf(bytes, 20));
            assertThat(copyOf(larger)).isEqualTo(Arrays.copyOf(bytes, 60));
            assertThat(copyOf(consumed)).isEqualTo(Arrays.copyOf(bytes, 40));
            assertThat(copyOf(after)).isEqualTo(Arrays.copyOfRange(bytes, 40, 70));
            buffer.skip(2000);
            assertThat(pool.outstandingBlocks()).isPositive();
            buffer.release();
            assertThat(pool.outstandingBlocks()).isZero();
            buffer.release();
        }
    }

    @Test
    void growingPeeksCopyIntoTheRoomOfTheFirstJoin() {
        try (LinkBuffer buffer = filled(10, pattern(250))) {
            MemorySegment first = buffer.peek(20);
            long allocations = pool.stats().allocations();
            MemorySegment second = buffer.peek(250);
            assertThat(second.address()).isEqualTo(first.address());
            assertThat(pool.stats().allocations()).isEqualTo(allocations);
            assertThat(copyOf(second)).isEqualTo(pattern(250));
        }
    }

    /** Go: TestLinkBufferReadCopy/SingleNode, MultiNode, PartialRead. */
    @Test
    void plainReadsCopyAcrossSegments() {
        byte[] bytes = pattern(32);
        try (LinkBuffer buffer = filled(8, bytes)) {
            byte[] dst = new byte[100];
            assertThat(buffer.read(dst, 0, 5)).isEqualTo(5);
            assertThat(buffer.read(dst, 5, 16)).isEqualTo(16);
            assertThat(buffer.read(dst, 21, 79)).isEqualTo(11);
            assertThat(Arrays.copyOf(dst, 32)).isEqualTo(bytes);
            assertThat(buffer.isEmpty()).isTrue();
        }
    }

    /** Go: TestLinkBufferReadCopy/ReleasesNonExposedNodes. */
    @Test
    void plainReadsFreeConsumedSegmentsAtOnce() {
        try (LinkBuffer buffer = filled(8, pattern(64))) {
            for (int left = 8; left > 0; left--) {
                assertThat(pool.outstandingBlocks()).isEqualTo(left);
                buffer.readLong();
            }
            assertThat(pool.outstandingBlocks()).isZero();
        }
    }

    /** Go: TestLinkBufferReadCopy/SkipsExposedNodes. */
    @Test
    void exposedSegmentsWaitForRelease() {
        try (LinkBuffer buffer = filled(8, pattern(16))) {
            MemorySegment view = buffer.peek(4);
            buffer.readBytes(16);
            assertThat(pool.outstandingBlocks()).isEqualTo(1);
            assertThat(copyOf(view)).isEqualTo(Arrays.copyOf(pattern(16), 4));
            buffer.release();
            assertThat(pool.outstandingBlocks()).isZero();
        }
    }

    /** Go: TestLinkBufferReadCopy/ExposedThenNonExposedThenPartial. */
    @Test
    void anUnexposedSegmentBehindAnExposedOneIsFreedFirst() {
        try (LinkBuffer buffer = filled(8, pattern(24))) {
            buffer.next(4);
            buffer.readBytes(14);
            assertThat(pool.outstandingBlocks())
                    .as("the exposed and the half-read one")
                    .isEqualTo(2);
            buffer.release();
            assertThat(pool.outstandingBlocks()).isEqualTo(1);
            assertThat(buffer.readBytes(6)).isEqualTo(Arrays.copyOfRange(pattern(24), 18, 24));
            assertThat(pool.outstandingBlocks()).isZero();
        }
    }

    @Test
    void releaseMovesASmallLeftoverOutOfALargeBlock() {
        byte[] bytes = pattern(60_000);
        try (LinkBuffer buffer = filled(65_536, bytes)) {
            buffer.skip(50_000);
            buffer.release();
            assertThat(pool.stats().outstandingBytes())
                    .as("still a lot of it unread")
                    .isEqualTo(65_536);
            buffer.skip(9_900);
            buffer.release();
            assertThat(pool.stats().outstandingBytes()).isEqualTo(256);
            long allocations = pool.stats().allocations();
            buffer.release();
            assertThat(pool.stats().allocations()).isEqualTo(allocations);
            assertThat(buffer.readBytes(100)).isEqualTo(Arrays.copyOfRange(bytes, 59_900, 60_000));
        }
    }

    @Test
    void aSliceOfViewedBytesLeavesTheViewIntact() {
        byte[] bytes = pattern(8);
        try (LinkBuffer buffer = filled(8, bytes)) {
            MemorySegment view = buffer.peek(8);
            buffer.slice(8).close();
            try (LinkBuffer other = filled(8, new byte[8])) {
                assertThat(other.readableBytes()).isEqualTo(8);
                assertThat(copyOf(view)).isEqualTo(bytes);
            }
        }
    }

    @Test
    void copiesOutliveTheBuffer() {
        byte[] copy;
        String text;
        try (LinkBuffer buffer = filled(4, ascii("hello world"))) {
            copy = buffer.toByteArray();
            text = buffer.readUtf8(11);
        }
        assertThat(copy).isEqualTo(ascii("hello world"));
        assertThat(text).isEqualTo("hello world");
    }

    @Test
    void everyUseAfterCloseSaysSo() throws IOException {
        LinkBuffer buffer = filled(8, pattern(100));
        buffer.next(20);
        buffer.writeLong(1);
        buffer.close();
        assertThat(pool.outstandingBlocks()).isZero();
        LinkBuffer open = buffer();
        List<Runnable> calls = List.of(
                buffer::readableBytes,
                buffer::isEmpty,
                buffer::toByteArray,
                buffer::views,
                () -> buffer.next(0),
                () -> buffer.peek(1),
                () -> buffer.skip(1),
                () -> buffer.slice(1),
                () -> buffer.bytesBefore((byte) 0),
                () -> buffer.readUntil((byte) 0),
                buffer::readByte,
                buffer::readShort,
                buffer::readInt,
                buffer::readLong,
                buffer::readShortLE,
                buffer::readIntLE,
                buffer::readLongLE,
                () -> buffer.readBytes(1),
                () -> buffer.readBytes(new byte[1]),
                () -> buffer.readBytes(new byte[1], 0, 1),
                () -> buffer.readBytes(MemorySegment.ofArray(new byte[1])),
                () -> buffer.read(new byte[1], 0, 1),
                () -> buffer.read(ByteBuffer.allocate(1)),
                () -> buffer.readUtf8(1),
                () -> buffer.reserve(1),
                () -> buffer.commit(1),
                () -> buffer.truncate(0),
                () -> buffer.writeByte(1),
                () -> buffer.writeShort(1),
                () -> buffer.writeInt(1),
                () -> buffer.writeLong(1),
                () -> buffer.writeShortLE(1),
                () -> buffer.writeIntLE(1),
                () -> buffer.writeLongLE(1),
                () -> buffer.writeBytes(new byte[1]),
                () -> buffer.writeBytes(new byte[1], 0, 1),
                () -> buffer.writeBytes(MemorySegment.ofArray(new byte[1])),
                () -> buffer.writeBytes(ByteBuffer.allocate(1)),
                () -> buffer.writeUtf8("a"),
                () -> buffer.writeDirect(MemorySegment.NULL),
                () -> buffer.append(open),
                () -> open.append(buffer),
                buffer::pendingBytes,
                buffer::flush);
        for (Runnable call : calls) {
            assertThatThrownBy(call::run)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("closed");
        }
        buffer.release();
        assertThat(buffer).hasToString("LinkBuffer[closed]");
        open.close();
    }

    @Test
    void theUsersClosedArenaIsAnErrorAndNotACrash() {
        try (LinkBuffer buffer = buffer()) {
            Arena arena = Arena.ofShared();
            buffer.writeDirect(arena.allocate(10)).flush();
            arena.close();
            assertThatThrownBy(() -> buffer.readBytes(10)).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void growingPeeksOfALargeMessageHoldAFewTimesItsSize() {
        byte[] message = pattern(24 << 20);
        try (LinkBuffer buffer = filled(0, message)) {
            for (int n = 4 << 20; n <= message.length; n += 256 << 10) {
                buffer.peek(n);
            }
            assertThat(pool.stats().outstandingBytes())
                    .as("joins of 4, 8, 16 and 32 MiB")
                    .isLessThanOrEqualTo(60 << 20);
            assertThat(MemorySegment.ofArray(message).mismatch(buffer.peek(message.length)))
                    .isEqualTo(-1);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Views as byte buffers, floating point and unsigned numbers, and direct writes from every kind of memory. */
class TypedAccessTest extends BufferFixture {

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 64})
    void viewsAsByteBuffersAreReadOnlyAndBigEndianAndLastUntilRelease(int segmentSize) {
        byte[] bytes = pattern(100);
        try (LinkBuffer buffer = filled(segmentSize, bytes)) {
            ByteBuffer peeked = buffer.peekBuffer(50);
            ByteBuffer next = buffer.nextBuffer(60);
            assertThat(buffer.readableBytes()).isEqualTo(40);
            buffer.skip(40);
            for (ByteBuffer view : new ByteBuffer[] {peeked, next}) {
                assertThat(view.isReadOnly()).isTrue();
                assertThat(view.isDirect()).isTrue();
                assertThat(view.order()).isEqualTo(ByteOrder.BIG_ENDIAN);
            }
            assertThat(peeked).isEqualTo(ByteBuffer.wrap(bytes, 0, 50));
            assertThat(next).isEqualTo(ByteBuffer.wrap(bytes, 0, 60));
        }
    }

    @Test
    void movingTheByteBufferOfAPeekConsumesNothing() {
        try (LinkBuffer buffer = filled(64, ascii("hello"))) {
            ByteBuffer view = buffer.peekBuffer(5);
            view.get();
            assertThat(view.remaining()).isEqualTo(4);
            assertThat(buffer.readUtf8(5)).isEqualTo("hello");
        }
    }

    @Test
    void byteBuffersOfNothingAreEmptyAndWrongCountsAreRefused() {
        try (LinkBuffer buffer = filled(64, ascii("x"))) {
            assertThat(buffer.nextBuffer(0).hasRemaining()).isFalse();
            assertThat(buffer.peekBuffer(0).hasRemaining()).isFalse();
            assertThat(buffer.reserveBuffer(0).hasRemaining()).isFalse();
            assertThatIllegalArgumentException().isThrownBy(() -> buffer.nextBuffer(-1));
            assertThatIllegalArgumentException().isThrownBy(() -> buffer.peekBuffer(-1));
            assertThatIllegalArgumentException().isThrownBy(() -> buffer.reserveBuffer(-1));
            assertThatThrownBy(() -> buffer.nextBuffer(2)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> buffer.peekBuffer(2)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThat(buffer.readableBytes()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 64})
    void aReservedByteBufferIsFilledAndCommitted(int segmentSize) {
        try (LinkBuffer buffer = bufferOfSegments(segmentSize)) {
            ByteBuffer reserved = buffer.reserveBuffer(40);
            assertThat(reserved.remaining()).isEqualTo(40);
            reserved.put(ascii("he")).putInt(0x6c6c6f21);
            buffer.commit(reserved.position()).flush();
            assertThat(buffer.readUtf8(6)).isEqualTo("hello!");
            assertThat(buffer.isEmpty()).isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 64})
    void floatingPointNumbersKeepEveryBitInBothByteOrders(int segmentSize) {
        float nan = Float.intBitsToFloat(0x7FC0_1234);
        double minusZero = -0.0;
        try (LinkBuffer buffer = bufferOfSegments(segmentSize)) {
            buffer.writeFloat(1.5f).writeDouble(Math.PI).writeFloatLE(1.5f).writeDoubleLE(Math.PI);
            buffer.flush();
            ByteBuffer expected = ByteBuffer.allocate(24).putFloat(1.5f).putDouble(Math.PI);
            expected.order(ByteOrder.LITTLE_ENDIAN).putFloat(1.5f).putDouble(Math.PI);
            assertThat(buffer.toByteArray()).isEqualTo(expected.array());
            assertThat(buffer.readFloat()).isEqualTo(1.5f);
            assertThat(buffer.readDouble()).isEqualTo(Math.PI);
            assertThat(buffer.readFloatLE()).isEqualTo(1.5f);
            assertThat(buffer.readDoubleLE()).isEqualTo(Math.PI);
            buffer.writeFloat(nan).writeFloatLE(nan).writeDouble(minusZero).writeDoubleLE(minusZero);
            buffer.flush();
            assertThat(Float.floatToRawIntBits(buffer.readFloat())).isEqualTo(0x7FC0_1234);
            assertThat(Float.floatToRawIntBits(buffer.readFloatLE())).isEqualTo(0x7FC0_1234);
            assertThat(Double.doubleToRawLongBits(buffer.readDouble())).isEqualTo(Long.MIN_VALUE);
            assertThat(Double.doubleToRawLongBits(buffer.readDoubleLE())).isEqualTo(Long.MIN_VALUE);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 64})
    void unsignedNumbersAreNeverNegative(int segmentSize) {
        byte[] bytes = {-1, -1, -2, -1, -1, -1, -2, -2, -1, -2, -1, -1, -1};
        try (LinkBuffer buffer = filled(segmentSize, bytes)) {
            assertThat(buffer.readUnsignedByte()).isEqualTo(0xFF);
            assertThat(buffer.readUnsignedShort()).isEqualTo(0xFFFE);
            assertThat(buffer.readUnsignedInt()).isEqualTo(0xFFFF_FFFEL);
            assertThat(buffer.readUnsignedShortLE()).isEqualTo(0xFFFE);
            assertThat(buffer.readUnsignedIntLE()).isEqualTo(0xFFFF_FFFEL);
            assertThatThrownBy(buffer::readUnsignedByte).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 64})
    void directWritesTakeEveryKindOfMemoryAtEveryPlace(int segmentSize) {
        ByteBuffer direct =
                ByteBuffer.allocateDirect(8).put(ascii("<direct>")).position(1).limit(7);
        ByteBuffer heap = ByteBuffer.wrap(ascii("<heap>")).position(1).limit(5);
        ByteBuffer readOnly = ByteBuffer.wrap(ascii("read")).asReadOnlyBuffer();
        try (LinkBuffer buffer = bufferOfSegments(segmentSize)) {
            buffer.writeUtf8("(").writeUtf8(")");
            buffer.writeDirect(direct, 1).writeDirect(heap, 1).writeDirect(ascii("array"), 1);
            buffer.writeDirect(readOnly).writeDirect(ascii("end"));
            assertThat(direct.position()).isEqualTo(7);
            assertThat(heap.position()).isEqualTo(5);
            assertThat(readOnly.hasRemaining()).isFalse();
            buffer.flush();
            assertThat(buffer.readUtf8((int) buffer.readableBytes())).isEqualTo("(directheaparray)readend");
        }
    }

    @Test
    void onlyDirectMemoryIsWrittenByReference() {
        byte[] array = ascii("array");
        ByteBuffer heap = ByteBuffer.wrap(ascii("heap"));
        ByteBuffer direct = ByteBuffer.allocateDirect(2000); // smaller ones are joined when they become readable
        try (LinkBuffer buffer = buffer()) {
            buffer.writeDirect(array).writeDirect(heap).writeDirect(direct);
            array[0] = 'X';
            heap.put(0, (byte) 'X');
            buffer.flush();
            assertThat(buffer.readUtf8(9)).isEqualTo("arrayheap");
            MemorySegment view = buffer.next(2000);
            assertThat(view.address())
                    .isEqualTo(MemorySegment.ofBuffer(direct.rewind()).address());
        }
        try (LinkBuffer buffer = buffer()) {
            buffer.writeDirect(ByteBuffer.allocateDirect(100));
            assertThat(pool.outstandingBlocks()).isZero();
        }
    }

    @Test
    void aRefusedDirectWriteLeavesTheBytesWithTheCaller() {
        ByteBuffer data = ByteBuffer.allocateDirect(4);
        ByteBuffer gone;
        try (Arena arena = Arena.ofShared()) {
            gone = arena.allocate(4).asByteBuffer();
        }
        try (LinkBuffer buffer = buffer()) {
            buffer.writeByte(1);
            assertThatThrownBy(() -> buffer.writeDirect(data, 2)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatIllegalArgumentException().isThrownBy(() -> buffer.writeDirect(data, -1));
            assertThatThrownBy(() -> buffer.writeDirect(new byte[1], 2)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatIllegalStateException().isThrownBy(() -> buffer.writeDirect(gone));
            assertThat(data.position()).isZero();
            assertThat(gone.position()).isZero();
            assertThat(buffer.pendingBytes()).isEqualTo(1);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the tests of Go netpoll's nocopy_linkbuffer_test.go ask of a buffer; each names the Go test it comes from. */
class GoLinkBufferTest extends BufferFixture {

    /** Go: TestLinkBuffer. */
    @Test
    void bytesAreReadableOnlyAfterFlushAndConsumedOnlyOnce() {
        try (LinkBuffer buffer = buffer()) {
            assertThat(buffer.isEmpty()).isTrue();
            buffer.reserve(128);
            assertThat(buffer.isEmpty()).isTrue();
            assertThat(buffer.pendingBytes()).isEqualTo(128);
            assertThatThrownBy(() -> buffer.next(10)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> buffer.peek(10)).isInstanceOf(IndexOutOfBoundsException.class);

            buffer.flush();
            assertThat(buffer.readableBytes()).isEqualTo(128);
            assertThat(buffer.pendingBytes()).isZero();
            assertThat(buffer.next(28).byteSize()).isEqualTo(28);
            assertThat(buffer.readableBytes()).isEqualTo(100);
            assertThat(buffer.peek(90).byteSize()).isEqualTo(90);
            assertThat(buffer.readableBytes()).isEqualTo(100);
            buffer.release();
            assertThat(buffer.readableBytes()).isEqualTo(100);

            buffer.reserve(8192);
            buffer.truncate(1024).flush();
            assertThat(buffer.readableBytes()).isEqualTo(100 + 1024);
            assertThat(buffer.pendingBytes()).isZero();
            assertThat(buffer.views().stream()
                            .mapToLong(MemorySegment::byteSize)
                            .sum())
                    .isEqualTo(1124);
            buffer.skip(1124);
            assertThat(buffer.isEmpty()).isTrue();
        }
    }

    /** Go: TestLinkBufferGetBytes. */
    @Test
    void viewsCoverEveryReadableByte() {
        try (LinkBuffer buffer = buffer()) {
            long total = 0;
            for (int size = 1; size <= 10_000_000; size *= 10) {
                buffer.writeBytes(new byte[size]);
                total += size;
            }
            buffer.flush();
            assertThat(buffer.views().stream()
                            .mapToLong(MemorySegment::byteSize)
                            .sum())
                    .isEqualTo(total);
            assertThat(buffer.readableBytes()).isEqualTo(total);
        }
    }

    /** Go: TestLinkBufferWithInvalid; unlike Go, a negative count is an error and not nothing. */
    @Test
    void countsOfZeroDoNothingAndNegativeOnesAreRefused() {
        try (LinkBuffer buffer = buffer()) {
            assertThat(buffer.reserve(0).byteSize()).isZero();
            buffer.commit(0).truncate(0).writeUtf8("").writeBytes(new byte[0]).writeDirect(MemorySegment.NULL);
            buffer.flush();
            assertThat(buffer.next(0).byteSize()).isZero();
            assertThat(buffer.peek(0).byteSize()).isZero();
            buffer.skip(0);
            assertThat(buffer.readUtf8(0)).isEmpty();
            assertThat(buffer.readBytes(0)).isEmpty();
            try (LinkBuffer slice = buffer.slice(0)) {
                assertThat(slice.isEmpty()).isTrue();
            }
            buffer.release();
            assertThat(pool.stats().allocations()).isZero();

            for (int n = -1; n >= -4; n--) {
                int count = n;
                List<Runnable> calls = List.of(
                        () -> buffer.reserve(count),
                        () -> buffer.truncate(count),
                        () -> buffer.writeDirect(MemorySegment.NULL, count),
                        () -> buffer.next(count),
                        () -> buffer.peek(count),
                        () -> buffer.skip(count),
                        () -> buffer.slice(count),
                        () -> buffer.readBytes(count),
                        () -> buffer.readUtf8(count));
                for (Runnable call : calls) {
                    assertThatIllegalArgumentException().isThrownBy(call::run).withMessageContaining("" + count);
                }
                buffer.reserve(1);
                assertThatIllegalArgumentException().isThrownBy(() -> buffer.commit(count));
                buffer.truncate(0);
            }
        }
    }

    /** Go: TestLinkBufferMultiNode. */
    @Test
    void readsAndTruncationsCrossSegments() {
        byte[] bytes = pattern(22);
        try (LinkBuffer buffer = bufferOfSegments(8)) {
            buffer.reserve(15).copyFrom(MemorySegment.ofArray(bytes).asSlice(0, 15));
            buffer.reserve(7).copyFrom(MemorySegment.ofArray(bytes).asSlice(15));
            buffer.flush();
            assertThat(copyOf(buffer.next(13))).isEqualTo(Arrays.copyOfRange(bytes, 0, 13));
            for (int n : new int[] {4, 3, 5, 6}) {
                assertThat(copyOf(buffer.peek(n))).isEqualTo(Arrays.copyOfRange(bytes, 13, 13 + n));
            }
            assertThat(buffer.readableBytes()).isEqualTo(9);
            buffer.writeBytes(pattern(40)).truncate(5).flush();
            assertThat(buffer.readableBytes()).isEqualTo(14);
            buffer.skip(1);
            assertThat(copyOf(buffer.next(8))).isEqualTo(Arrays.copyOfRange(bytes, 14, 22));
            assertThat(copyOf(buffer.next(5))).isEqualTo(Arrays.copyOf(pattern(40), 5));
        }
    }

    /** Go: TestLinkBufferRefer. */
    @Test
    void aSliceSharesTheMemoryAndReturnsItWhenBothAreDone() {
        byte[] bytes = pattern(2000);
        LinkBuffer parent = buffer();
        LinkBuffer source = buffer();
        source.writeBytes(bytes).flush();
        long address = source.peek(1).address();
        parent.append(source).flush();
        assertThat(parent.peek(1).address()).as("appended without copying").isEqualTo(address);

        LinkBuffer slice = parent.slice(4);
        assertThat(parent.readableBytes()).isEqualTo(1996);
        assertThat(slice.peek(1).address()).isEqualTo(address);
        assertThat(pool.outstandingBlocks()).isEqualTo(1);
        parent.close();
        assertThat(copyOf(slice.next(4))).isEqualTo(Arrays.copyOf(bytes, 4));
        assertThat(pool.outstandingBlocks()).isEqualTo(1);
        slice.release();
        assertThat(pool.outstandingBlocks())
                .as("read and released, without close")
                .isZero();
        source.close();
        slice.close();
    }

    /** Go: TestLinkBufferResetTail. */
    @Test
    void aSliceSurvivesReleasesAndLaterWritesOfItsParent() {
        byte[] bytes = pattern(20_000);
        try (LinkBuffer buffer = buffer()) {
            buffer.writeBytes(bytes).flush();
            LinkBuffer slice = buffer.slice(19_990);
            buffer.release(); // moves the leftover out of the large block
            buffer.writeBytes(new byte[20_000]).flush();
            buffer.skip(20_010);
            buffer.release();
            buffer.writeBytes(new byte[20_000]).flush();
            assertThat(slice.toByteArray()).isEqualTo(Arrays.copyOf(bytes, 19_990));
            slice.close();
        }
    }

    /** Go: TestLinkBufferWriteBuffer. */
    @Test
    void appendedBuffersAreReadableAfterFlushAndStayUsable() {
        try (LinkBuffer one = buffer();
                LinkBuffer two = buffer();
                LinkBuffer three = buffer()) {
            two.writeByte(2).flush();
            three.writeByte(3);
            one.append(two).append(three);
            assertThat(one.readableBytes()).isZero();
            assertThat(one.pendingBytes()).isEqualTo(2);
            one.flush();
            assertThat(one.toByteArray()).containsExactly(2, 3);
            assertThat(two.isEmpty()).isTrue();
            assertThat(three.pendingBytes()).isZero();
            two.writeByte(4).flush();
            assertThat(two.readByte()).isEqualTo((byte) 4);
        }
    }

    /** Go: TestLinkBufferCheckSingleNode. */
    @Test
    void bytesOfOneSegmentAreNotCopiedAndOneMoreIs() {
        try (LinkBuffer buffer = filled(8192, pattern(8193))) {
            long address = buffer.views().getFirst().address();
            long blocks = pool.outstandingBlocks();
            assertThat(buffer.peek(8192).address()).isEqualTo(address);
            assertThat(pool.outstandingBlocks()).isEqualTo(blocks);
            assertThat(buffer.peek(8193).address()).isNotEqualTo(address);
            assertThat(copyOf(buffer.next(8193))).isEqualTo(pattern(8193));
        }
    }

    /** Go: TestLinkBufferWriteMultiFlush. */
    @Test
    void flushingAgainChangesNothing() {
        try (LinkBuffer buffer = buffer()) {
            buffer.writeBytes(ascii("hello")).flush();
            buffer.flush();
            buffer.flush();
            assertThat(buffer.toByteArray()).isEqualTo(ascii("hello"));
            buffer.skip(2);
            assertThat(buffer.toByteArray()).isEqualTo(ascii("llo"));
            buffer.writeBytes(ascii(" you")).flush();
            assertThat(buffer.toByteArray()).isEqualTo(ascii("llo you"));
        }
    }

    /** Go: TestLinkBufferWriteBinary. */
    @Test
    void theMemoryBehindTheUsersBytesIsNeverWritten() {
        try (Arena arena = Arena.ofShared();
                LinkBuffer buffer = buffer()) {
            MemorySegment user = arena.allocate(1024);
            user.fill((byte) 7);
            buffer.writeDirect(user.asSlice(0, 9)).writeLong(-1);
            buffer.reserve(100).fill((byte) -1);
            buffer.flush();
            assertThat(copyOf(user)).containsOnly(7);
            assertThat(buffer.readableBytes()).isEqualTo(117);
        }
    }

    /** Go: TestLinkBufferWriteDirect. */
    @Test
    void directWritesAreInsertedIntoAReservation() {
        try (Arena arena = Arena.ofShared();
                LinkBuffer buffer = buffer()) {
            MemorySegment reserved = buffer.reserve(32);
            for (int i = 0; i < 32; i++) {
                reserved.set(java.lang.foreign.ValueLayout.JAVA_BYTE, i, (byte) ('a' + i % 26));
            }
            String[] inserted = {"-A-", "-B-", "-C-", "-D-", "-E-"};
            int[] remaining = {30, 29, 28, 27, 0};
            for (int i = 0; i < inserted.length; i++) {
                MemorySegment data = arena.allocate(3).copyFrom(MemorySegment.ofArray(ascii(inserted[i])));
                buffer.writeDirect(data, remaining[i]);
            }
            buffer.flush();
            assertThat(textOf(buffer.next(47))).isEqualTo("ab-A-c-B-d-C-e-D-fghijklmnopqrstuvwxyzabcdef-E-");
        }
    }

    /** Go: TestLinkBufferBufferMode: here an idle buffer owns no memory, and the user's memory is not the pool's. */
    @Test
    void onlyBytesTakeMemoryAndTheUsersMemoryTakesNone() {
        try (Arena arena = Arena.ofShared();
                LinkBuffer buffer = buffer()) {
            buffer.writeDirect(arena.allocate(100_000)).flush();
            assertThat(pool.stats().allocations()).isZero();
            buffer.skip(100_000);
            buffer.writeBytes(pattern(10_000)).flush();
            assertThat(pool.outstandingBlocks()).isPositive();
            buffer.skip(10_000);
            assertThat(pool.outstandingBlocks()).isZero();
        }
    }

    /** Go: TestLinkBufferIndexByte. */
    @Test
    void searchingFindsTheFirstDelimiterOfEveryBlock() {
        byte[] block = new byte[1002];
        block[500] = '\n';
        block[1001] = '\n';
        try (LinkBuffer buffer = bufferOfSegments(64)) {
            for (int i = 0; i < 100; i++) {
                buffer.writeBytes(block).flush();
                assertThat(buffer.bytesBefore((byte) '\n')).isEqualTo(500);
                assertThat(buffer.readUntil((byte) '\n')).hasSize(501);
                assertThat(buffer.bytesBefore((byte) '\n')).isEqualTo(500);
                assertThat(buffer.readUntil((byte) '\n')).hasSize(501);
                assertThat(buffer.bytesBefore((byte) '\n')).isEqualTo(-1);
            }
        }
    }

    /** Go: TestLinkBufferPeekOutOfMemory. */
    @Test
    void peekingAgainNeverAccumulatesMemory() {
        try (LinkBuffer buffer = filled(8192, pattern(100 * 8192))) {
            for (int i = 0; i < 10; i++) {
                buffer.peek(1024);
            }
            assertThat(pool.outstandingBlocks()).isEqualTo(100);
            long misses = pool.stats().allocations();
            for (int i = 0; i < 1024; i++) {
                assertThat(copyOf(buffer.peek(20_000))).hasSize(20_000);
            }
            assertThat(pool.stats().allocations()).as("joined once").isEqualTo(misses + 1);

            for (int n = 20_001; n < 120_000; n += 100) { // growing peeks: joins double, so they stay below twice
                buffer.peek(n);
            }
            assertThat(pool.stats().allocations()).isLessThanOrEqualTo(misses + 4);
            assertThat(pool.stats().outstandingBytes()).isLessThan(100 * 8192 + 2 * 262_144);
            buffer.release();
            assertThat(copyOf(buffer.next(100 * 8192))).isEqualTo(pattern(100 * 8192));
        }
    }

    /** Go: TestMallocAck. */
    @Test
    void truncateCountsDirectBytesAndWritingGoesOnBehindThem() {
        int size = 7 << 10;
        try (Arena arena = Arena.ofShared();
                LinkBuffer buffer = buffer()) {
            MemorySegment data = arena.allocate(size);
            data.copyFrom(MemorySegment.ofArray(pattern(size)));
            buffer.reserve(4 + size).asSlice(0, 4).copyFrom(MemorySegment.ofArray(ascii("head")));
            buffer.writeDirect(data, size);
            buffer.truncate(4 + size);
            buffer.reserve(4).copyFrom(MemorySegment.ofArray(ascii("tail")));
            buffer.flush();
            assertThat(buffer.readableBytes()).isEqualTo(4 + size + 4);
            assertThat(buffer.readUtf8(4)).isEqualTo("head");
            assertThat(copyOf(buffer.next(size))).isEqualTo(pattern(size));
            assertThat(buffer.readUtf8(4)).isEqualTo("tail");
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Segments, and the accounting of received bytes through every way they can take. */
class SegmentTest {
    private final SegmentPool pool = new SegmentPool(64 << 20);
    private long retained;
    private final RetainedBytes counter = n -> {
        assertThat(n).isPositive();
        retained -= n;
    };

    @AfterEach
    void nothingIsRetainedAndAllBlocksAreBack() {
        assertThat(retained).isZero();
        pool.close();
    }

    /** What a connection gets: {@code n} charged bytes that don't start or end with their block. */
    private Segment received(int n) {
        Block block = pool.allocate(n + 10);
        for (int i = 0; i < n; i++) {
            block.memory().set(Layouts.BYTE, 5 + i, (byte) i);
        }
        retained += n;
        return Segment.of(block, 5, 5 + n).charge(counter, n);
    }

    @Test
    void aSegmentIsFreedExactlyOnce() {
        Segment segment = received(100);
        assertThat(segment.isFreed()).isFalse();
        segment.free();
        assertThat(segment.isFreed()).isTrue();
        assertThatIllegalStateException().isThrownBy(segment::free).withMessageContaining("freed twice");
    }

    @Test
    void splittingSharesTheMemoryAndDividesTheCharge() {
        Segment rest = received(100);
        long address = rest.address();
        Segment front = rest.split(30);
        assertThat(front.length()).isEqualTo(30);
        assertThat(front.address()).isEqualTo(address);
        assertThat(front.charged()).isEqualTo(30);
        assertThat(front.room()).isZero();
        assertThat(rest.length()).isEqualTo(70);
        assertThat(rest.address()).isEqualTo(address + 30);
        assertThat(rest.charged()).isEqualTo(70);
        rest.free();
        assertThat(retained).isEqualTo(30);
        assertThat(pool.outstandingBlocks()).isEqualTo(1);
        front.free();
    }

    @Test
    void onlyTheLastPartOfABlockMayAppend() {
        Segment rest = Segment.writable(pool.allocate(256));
        assertThat(rest.room()).isEqualTo(256);
        rest.end = 100;
        Segment front = rest.split(40);
        assertThat(front.room()).isZero();
        assertThat(rest.room()).isEqualTo(156);
        rest.truncate(10);
        assertThat(rest.room()).isEqualTo(206);
        front.truncate(10);
        assertThat(front.room()).as("what follows belongs to the other part").isZero();
        Segment.freeAll(rest);
        front.free();
    }

    @Test
    void wrongWindowsSplitsAndChargesAreRefused() {
        Segment segment = received(10);
        Block block = Objects.requireNonNull(segment.block);
        assertThatThrownBy(() -> Segment.of(block, -1, 5)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> Segment.of(block, 6, 5)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> Segment.of(block, 0, 257)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> segment.split(0)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> segment.split(11)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatIllegalStateException().isThrownBy(() -> segment.charge(counter, 1));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Segment.writable(block).charge(counter, -1));
        assertThatIllegalArgumentException().isThrownBy(() -> Segment.ofUser(MemorySegment.ofArray(new byte[1])));
        segment.free();
    }

    @Test
    void userMemoryIsNeverWritable() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(10);
            Segment segment = Segment.ofUser(memory);
            assertThat(segment.memory.isReadOnly()).isTrue();
            assertThat(segment.address()).isEqualTo(memory.address());
            assertThat(segment.view(4).byteSize()).isEqualTo(4);
            segment.check();
            segment.free();
            assertThatThrownBy(segment::check).isInstanceOf(AssertionError.class);
        }
    }

    @Test
    void plainReadsReportWhenASegmentIsConsumedOrReleased() {
        SegmentReader reader = new SegmentReader(pool);
        reader.append(received(100));
        reader.append(received(50));
        reader.skip(40);
        assertThat(retained).isEqualTo(150);
        reader.release();
        assertThat(retained).as("release settles the partly consumed segment").isEqualTo(110);
        reader.readBytes(60);
        assertThat(retained).isEqualTo(50);
        reader.skip(50);
        assertThat(retained).isZero();
    }

    @Test
    void viewedBytesCountUntilRelease() {
        SegmentReader reader = new SegmentReader(pool);
        reader.append(received(100));
        reader.next(100);
        assertThat(retained).isEqualTo(100);
        assertThat(reader.chargedForViews()).isEqualTo(100);
        reader.release();
        assertThat(reader.chargedForViews()).isZero();
        assertThat(retained).isZero();
    }

    @Test
    void joinedBytesCountOnceUntilRelease() {
        SegmentReader reader = new SegmentReader(pool);
        for (int i = 0; i < 10; i++) {
            reader.append(received(100));
        }
        reader.peek(50);
        reader.peek(250);
        reader.peek(950);
        assertThat(retained).isEqualTo(1000);
        assertThat(reader.check()).isEqualTo(1000);
        reader.next(400);
        assertThat(retained).isEqualTo(1000);
        reader.release();
        assertThat(retained).isEqualTo(600);
        reader.clear();
    }

    @Test
    void slicedBytesCountUntilTheSliceIsFreed() {
        SegmentReader reader = new SegmentReader(pool);
        reader.append(received(100));
        reader.append(received(100));
        reader.skip(10);
        reader.peek(20);
        Segment slice = reader.slice(120);
        assertThat(reader.length()).isEqualTo(70);
        reader.clear();
        assertThat(retained).isEqualTo(120);
        Segment.freeAll(slice);
    }

    @Test
    void aWholeSegmentIsSlicedWithExactlyItsUnreadCharge() {
        SegmentReader reader = new SegmentReader(pool);
        reader.append(received(100));
        reader.skip(30);
        Segment slice = Objects.requireNonNull(reader.slice(70));
        assertThat(slice.charged()).isEqualTo(70);
        assertThat(retained).isEqualTo(70);
        slice.free();
    }

    @Test
    void appendedBytesCountUntilTheyAreSentOrTruncated() {
        SegmentWriter writer = new SegmentWriter(pool);
        Segment chain = received(100);
        chain.next = received(100);
        writer.append(chain, 200);
        writer.writeDirect(MemorySegment.ofArray(new byte[10]), 150);
        assertThat(retained).isEqualTo(200);
        assertThat(writer.check()).isEqualTo(200);
        writer.truncate(130);
        assertThat(retained).isEqualTo(120);
        Segment.freeAll(writer.take());
        assertThat(retained).isZero();
        assertThat(writer.take()).isNull();
    }

    @Test
    void aChainOfAnotherLengthIsRefused() {
        SegmentWriter writer = new SegmentWriter(pool);
        Segment chain = received(100);
        assertThatIllegalArgumentException().isThrownBy(() -> writer.append(chain, 99));
        chain.free();
        writer.append(null, 0);
        Segment empty = Segment.writable(pool.allocate(1));
        writer.append(empty, 0);
        assertThat(empty.isFreed()).isTrue();
        SegmentReader reader = new SegmentReader(pool);
        reader.append(Segment.writable(pool.allocate(1)));
        reader.append(null);
        reader.check();
    }

    @Test
    void chargesOfDifferentOwnersAreNotMixed() {
        long[] other = {0};
        SegmentReader reader = new SegmentReader(pool);
        reader.append(received(100));
        Segment foreign = received(100);
        foreign.free();
        Block block = pool.allocate(100);
        reader.append(Segment.of(block, 0, 100).charge(n -> other[0] += n, 100));
        reader.peek(200);
        assertThat(retained).isEqualTo(100);
        reader.clear();
        assertThat(other[0]).isEqualTo(100);
    }

    @Test
    void aSmallSegmentIsNotCopiedBehindBytesOfAnotherOwner() {
        long[] other = {0};
        SegmentReader reader = new SegmentReader(pool);
        reader.append(received(100));
        reader.append(received(100));
        reader.peek(200); // one segment with room
        reader.append(received(10));
        reader.append(Segment.of(pool.allocate(10), 0, 10).charge(n -> other[0] += n, 10));
        assertThat(other[0]).as("still unread").isZero();
        assertThat(reader.check()).isEqualTo(220);
        reader.skip(220);
        assertThat(other[0]).isEqualTo(10);
        reader.release();
    }

    @Test
    void aLeftoverTakesItsChargeAlong() {
        SegmentReader reader = new SegmentReader(pool);
        reader.append(received(60_000));
        reader.skip(59_900);
        reader.release();
        assertThat(retained).isEqualTo(100);
        assertThat(pool.stats().outstandingBytes()).isEqualTo(256);
        assertThat(reader.indexOf((byte) (59_950 & 0xFF), 10)).isEqualTo(50);
        assertThat(reader.indexOf((byte) 0, 100)).isEqualTo(-1);
        assertThatIllegalArgumentException().isThrownBy(() -> reader.indexOf((byte) 0, -1));
        reader.clear();
    }

    @Test
    void releaseGoesOnWhenThereIsNoMemoryForALeftover() {
        try (SegmentPool full = new SegmentPool(64 << 10)) {
            SegmentReader reader = new SegmentReader(full);
            Segment segment = Segment.writable(full.allocate(64 << 10));
            segment.end = 100;
            reader.append(segment);
            reader.release();
            assertThat(reader.length()).isEqualTo(100);
            reader.clear();
        }
    }
}

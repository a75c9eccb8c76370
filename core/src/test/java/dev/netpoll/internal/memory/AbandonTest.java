// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What nobody will release is given back when nobody can look at it, and never before. */
@SuppressWarnings({"ReachabilityFenceUsage", "UnusedVariable"}) // a test that fails needs nothing any more
class AbandonTest {
    private static final Duration SOON = Duration.ofSeconds(20);

    private final SegmentPool pool = new SegmentPool(256 << 20);
    private long retained;

    @AfterEach
    void allBlocksAreBack() {
        awaitOutstanding(0);
        assertThat(pool.stats().lostBytes()).isZero();
        assertThat(retained).isZero();
        pool.close();
    }

    private void awaitOutstanding(int blocks) {
        long deadline = System.nanoTime() + SOON.toNanos();
        while (pool.outstandingBlocks() > blocks && System.nanoTime() - deadline < 0) {
            System.gc();
            LockSupport.parkNanos(20_000_000);
        }
        assertThat(pool.outstandingBlocks()).isEqualTo(blocks);
    }

    /** Collections find nothing to free: others would get the block, and write to it. */
    private void othersGetMemory(int size) {
        for (int i = 0; i < 3; i++) {
            System.gc();
            LockSupport.parkNanos(20_000_000);
            Block[] others = new Block[8];
            for (int k = 0; k < others.length; k++) {
                others[k] = pool.allocate(size);
                others[k].memory().fill((byte) 'x');
            }
            for (Block other : others) {
                other.release();
            }
        }
    }

    private Segment filled(int size, char value) {
        Segment segment = Segment.allocate(pool, size);
        segment.memory.fill((byte) value);
        segment.end = size;
        return segment;
    }

    @ParameterizedTest(name = "a block of {0} bytes")
    @ValueSource(ints = {256, 65_536, 9 << 20})
    void aViewStaysIntactWhileItIsReachable(int size) {
        SegmentReader reader = new SegmentReader(pool);
        reader.append(filled(size, 'a'));
        MemorySegment view = reader.next(200);
        reader.abandon();
        assertThat(pool.outstandingBlocks()).isEqualTo(1);
        othersGetMemory(size);
        assertThat(view.toArray(Layouts.BYTE)).hasSize(200).containsOnly('a');
        assertThat(pool.outstandingBlocks()).isEqualTo(1);
        Reference.reachabilityFence(view);
    }

    @Test
    void aPartOfAViewAsAByteBufferKeepsItIntact() {
        SegmentReader reader = new SegmentReader(pool);
        reader.append(filled(4096, 'a'));
        ByteBuffer part = reader.peek(4096).asSlice(1000, 100).asByteBuffer().slice(10, 50);
        reader.abandon();
        othersGetMemory(4096);
        for (int i = 0; i < part.limit(); i++) {
            assertThat(part.get(i)).isEqualTo((byte) 'a');
        }
        Reference.reachabilityFence(part);
    }

    @Test
    void whatWasNotShownGoesBackAtOnce() {
        SegmentReader reader = new SegmentReader(pool);
        reader.append(filled(4096, 'a'));
        reader.append(filled(4096, 'b'));
        reader.append(filled(4096, 'c'));
        MemorySegment retired = reader.next(4096);
        MemorySegment peeked = reader.peek(10);
        reader.abandon();
        assertThat(pool.outstandingBlocks()).isEqualTo(2);
        assertThat(reader.length()).isZero();
        othersGetMemory(4096);
        assertThat(retired.get(Layouts.BYTE, 4095)).isEqualTo((byte) 'a');
        assertThat(peeked.get(Layouts.BYTE, 9)).isEqualTo((byte) 'b');
        Reference.reachabilityFence(retired);
        Reference.reachabilityFence(peeked);
        SegmentReader unseen = new SegmentReader(pool);
        unseen.append(filled(4096, 'd'));
        unseen.abandon();
    }

    @Test
    void theChargeIsReportedWhenTheMemoryComesBack() {
        SegmentReader reader = new SegmentReader(pool);
        retained = 4096;
        reader.append(filled(4096, 'a').charge(n -> retained -= n, 4096));
        MemorySegment view = reader.next(4096);
        reader.abandon();
        System.gc();
        assertThat(retained).isEqualTo(4096);
        Reference.reachabilityFence(view);
    }

    @Test
    void aBlockThatWasAbandonedIsUsedAgainAndAbandonedAgain() {
        for (int i = 0; i < 3; i++) {
            SegmentReader reader = new SegmentReader(pool);
            reader.append(filled(4096, (char) ('a' + i)));
            MemorySegment view = reader.next(100);
            reader.abandon();
            othersGetMemory(256);
            assertThat(view.get(Layouts.BYTE, 99)).isEqualTo((byte) ('a' + i));
            Reference.reachabilityFence(view);
            view = null;
            awaitOutstanding(0);
        }
    }

    @Test
    void ofTwoSlicesOfABlockBothAreWaitedFor() {
        Segment rest = filled(4096, 'a');
        SegmentReader one = new SegmentReader(pool);
        one.append(rest.split(2048));
        SegmentReader two = new SegmentReader(pool);
        two.append(rest);
        MemorySegment early = two.peek(100);
        MemorySegment other = one.peek(100);
        one.abandon();
        MemorySegment late = two.peek(100); // of a life of its own
        other = null;
        two.abandon();
        othersGetMemory(4096);
        assertThat(early.get(Layouts.BYTE, 99)).isEqualTo((byte) 'a');
        assertThat(late.get(Layouts.BYTE, 99)).isEqualTo((byte) 'a');
        assertThat(pool.outstandingBlocks()).isEqualTo(1);
        Reference.reachabilityFence(late);
        late = null;
        othersGetMemory(4096);
        assertThat(early.get(Layouts.BYTE, 99)).isEqualTo((byte) 'a');
        assertThat(pool.outstandingBlocks()).isEqualTo(1);
        Reference.reachabilityFence(early);
    }

    @ParameterizedTest(name = "{0} bytes")
    @ValueSource(ints = {100, 9 << 20})
    void aReservationCanBeWrittenToWithoutHarmWhileItIsReachable(int size) {
        SegmentWriter writer = new SegmentWriter(pool);
        writer.writeInt(1);
        MemorySegment reservation = writer.reserve(size);
        writer.abandon();
        assertThat(writer.pending()).isZero();
        othersGetMemory(size);
        Block other = pool.allocate(size);
        other.memory().fill((byte) 'b');
        reservation.fill((byte) 'r');
        assertThat(other.memory().get(Layouts.BYTE, 50)).isEqualTo((byte) 'b');
        other.release();
        Reference.reachabilityFence(reservation);
    }

    @Test
    void aWriterWithoutReservationsGivesEverythingBackAtOnce() {
        SegmentWriter writer = new SegmentWriter(pool);
        writer.reserve(10).fill((byte) 1);
        Segment.freeAll(writer.take());
        writer.writeBytes(new byte[100_000], 0, 100_000);
        writer.abandon();
        assertThat(pool.outstandingBlocks()).isZero();
    }

    @Test
    void showingTheSameBlockAgainAndAgainMakesNothing() {
        SegmentReader reader = new SegmentReader(pool);
        Block block = null;
        MemorySegment views = null;
        for (int i = 0; i < 10; i++) {
            Segment segment = filled(4096, 'a');
            Block shown = java.util.Objects.requireNonNull(segment.block);
            assertThat(block == null || block == shown).isTrue();
            block = shown;
            reader.append(segment);
            reader.next(4096);
            if (views != null) {
                assertThat(shown.shown()).isSameAs(views);
            }
            views = shown.shown();
            reader.release();
        }
    }
}

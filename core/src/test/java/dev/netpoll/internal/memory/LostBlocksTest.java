// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A block that nobody gave back is found when nobody can reach it, and not while somebody looks at its memory. */
@SuppressWarnings({"ReachabilityFenceUsage", "UnusedVariable"}) // a test that fails needs nothing any more
class LostBlocksTest {
    private static final Duration SOON = Duration.ofSeconds(20);

    private static final int DIVES = 100;

    private final SegmentPool pool = new SegmentPool(256 << 20);

    private void collect() {
        System.gc();
        LockSupport.parkNanos(20_000_000);
        boolean _ = pool.trim();
    }

    private void awaitOutstanding(int blocks) {
        long deadline = System.nanoTime() + SOON.toNanos();
        while (pool.outstandingBlocks() > blocks && System.nanoTime() - deadline < 0) {
            collect();
        }
        assertThat(pool.outstandingBlocks()).isEqualTo(blocks);
    }

    private void lose(int size) {
        for (int i = 0; i < 3; i++) {
            pool.allocate(size).memory().fill((byte) 'a');
        }
    }

    @ParameterizedTest(name = "blocks of {0} bytes")
    @ValueSource(ints = {256, 65_536, 9 << 20})
    void comeBack(int size) {
        Block kept = pool.allocate(size);
        lose(size);
        assertThat(pool.outstandingBlocks()).isEqualTo(4);
        awaitOutstanding(1);
        assertThat(pool.stats().foundBlocks()).isEqualTo(3);
        assertThat(pool.stats().lostBytes()).isZero();
        lose(size);
        awaitOutstanding(1);
        assertThat(pool.stats().foundBlocks()).isEqualTo(6);
        kept.release();
        awaitOutstanding(0);
        assertThat(pool.stats().slabBytes()).isLessThanOrEqualTo(4L << 20);
        pool.close();
    }

    @ParameterizedTest(name = "a block of {0} bytes")
    @ValueSource(ints = {256, 65_536, 9 << 20})
    void notWhileAViewIsReachable(int size) {
        Assumptions.assumeTrue(RawMemory.AVAILABLE, "without native access, what was shown stays lost");
        MemorySegment view = viewOfALostBlock(size);
        for (int i = 0; i < 5; i++) {
            collect();
        }
        Block[] others = new Block[8];
        for (int i = 0; i < others.length; i++) {
            others[i] = pool.allocate(size);
            others[i].memory().fill((byte) 'x');
        }
        assertThat(view.toArray(Layouts.BYTE)).containsOnly('a');
        assertThat(pool.outstandingBlocks()).isEqualTo(9);
        Reference.reachabilityFence(view);
        view = null;
        for (Block other : others) {
            other.release();
        }
        awaitOutstanding(0);
        pool.close();
    }

    private MemorySegment viewOfALostBlock(int size) {
        SegmentReader reader = new SegmentReader(pool);
        Segment segment = Segment.allocate(pool, size);
        segment.memory.fill((byte) 'a');
        segment.end = size;
        reader.append(segment);
        return reader.next(200);
    }

    /** The stack ends at each point of the call: what was made of a view tells that nobody looks at it. */
    @Test
    void afterTheStackHasEndedInAReservation() throws InterruptedException {
        Assumptions.assumeTrue(RawMemory.AVAILABLE, "without native access, what was shown stays lost");
        // Free blocks that had no views yet: no new one is made there, and the views of each are made only once.
        Stream.generate(() -> pool.allocate(4096)).limit(100 * DIVES).toList().forEach(Block::release);
        List<SegmentWriter> all = new ArrayList<>();
        for (int dive = 0; dive < DIVES; dive++) {
            List<SegmentWriter> writers =
                    Stream.generate(() -> new SegmentWriter(pool)).limit(100).toList();
            all.addAll(writers);
            Iterator<SegmentWriter> next = writers.iterator();
            Thread.ofPlatform().start(() -> reserveAtTheEndOfTheStack(next)).join();
        }
        all.forEach(SegmentWriter::clear);
        awaitOutstanding(0);
        assertThat(pool.stats().lostBytes()).isZero();
        pool.close();
    }

    /** One writer after the other, each a frame above the one where the last has failed. */
    @SuppressWarnings("InfiniteRecursion")
    private static void reserveAtTheEndOfTheStack(Iterator<SegmentWriter> writers) {
        try {
            reserveAtTheEndOfTheStack(writers);
        } catch (StackOverflowError end) {
            // it ends here, and in some frames above
        }
        if (writers.hasNext()) {
            MemorySegment _ = writers.next().reserve(100);
        }
    }

    @Test
    void whatIsGivenBackInOrderIsNotFound() {
        for (int i = 0; i < 100; i++) {
            pool.allocate(9 << 20).release();
            pool.allocate(100).release();
        }
        for (int i = 0; i < 5; i++) {
            collect();
        }
        assertThat(pool.stats().foundBlocks()).isZero();
        assertThat(pool.outstandingBlocks()).isZero();
        pool.close();
    }
}

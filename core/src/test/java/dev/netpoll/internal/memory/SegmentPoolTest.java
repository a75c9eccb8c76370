// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.memory.MemoryLimitException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SegmentPoolTest {

    @ParameterizedTest
    @CsvSource({
        "0, 256",
        "1, 256",
        "255, 256",
        "256, 256",
        "257, 512",
        "4096, 4096",
        "4097, 8192",
        "65536, 65536",
        "8388607, 8388608",
        "8388608, 8388608",
        "8388609, 8388609",
        "20000000, 20000000",
    })
    void handsOutTheSmallestClassThatFits(int wanted, int capacity) {
        try (SegmentPool pool = new SegmentPool(64 << 20)) {
            Block block = pool.allocate(wanted);
            assertThat(block.capacity()).isEqualTo(capacity);
            assertThat(block.memory().byteSize()).isEqualTo(capacity);
            assertThat(block.memory().address()).isEqualTo(block.address());
            assertThat(block.readOnly().isReadOnly()).isTrue();
            assertThat(pool.stats().outstandingBytes()).isEqualTo(capacity);
            assertThat(pool.outstandingBlocks()).isEqualTo(1);
            block.release();
            assertThat(pool.stats().outstandingBytes()).isZero();
        }
    }

    @Test
    void refusesNegativeCapacitiesAndCaps() {
        try (SegmentPool pool = new SegmentPool(1 << 20)) {
            assertThatIllegalArgumentException().isThrownBy(() -> pool.allocate(-1));
        }
        assertThatIllegalArgumentException().isThrownBy(() -> new SegmentPool(0));
    }

    @Test
    void blocksOfOneSlabDoNotOverlap() {
        try (SegmentPool pool = new SegmentPool(64 << 20)) {
            List<Block> blocks = new ArrayList<>();
            Set<Long> addresses = new HashSet<>();
            for (int i = 0; i < 2000; i++) {
                Block block = pool.allocate(i % 5 == 0 ? 8000 : 200);
                block.memory().fill((byte) i);
                blocks.add(block);
                assertThat(addresses.add(block.address())).isTrue();
            }
            for (int i = 0; i < 2000; i++) {
                byte expected = (byte) i;
                assertThat(blocks.get(i).memory().toArray(Layouts.BYTE)).containsOnly(expected);
                blocks.get(i).release();
            }
        }
    }

    @Test
    void theBlockFreedLastIsHandedOutFirst() {
        try (SegmentPool pool = new SegmentPool(1 << 20)) {
            Block one = pool.allocate(256);
            Block two = pool.allocate(256);
            one.release();
            two.release();
            assertThat(pool.allocate(256)).isSameAs(two);
            assertThat(pool.allocate(256)).isSameAs(one);
            assertThat(pool.stats().allocations()).isEqualTo(4);
            assertThat(pool.stats().misses()).isEqualTo(2);
            one.release();
            two.release();
        }
    }

    @Test
    void startsSmallAndNeverGrowsBeyondWhatIsInUse() {
        try (SegmentPool pool = new SegmentPool(64 << 20)) {
            for (int i = 0; i < 10_000; i++) {
                pool.allocate(4096).release();
            }
            assertThat(pool.stats().slabBytes()).isEqualTo(64 << 10);
        }
    }

    @Test
    void returnsTheMemoryOfHugeBlocksAtOnce() {
        try (SegmentPool pool = new SegmentPool(64 << 20)) {
            Block block = pool.allocate(10 << 20);
            assertThat(pool.stats().slabBytes()).isEqualTo(10 << 20);
            block.release();
            assertThat(pool.stats().slabBytes()).isZero();
            assertThatIllegalStateException().isThrownBy(() -> block.memory().get(Layouts.BYTE, 0));
        }
    }

    @Test
    void theCapIsATypedErrorThatSaysWhatToDo() {
        try (SegmentPool pool = new SegmentPool(100_000)) {
            List<Block> blocks = new ArrayList<>();
            for (int i = 0; i < 24; i++) { // 24 blocks of 4 KiB fit below the cap
                blocks.add(pool.allocate(4096));
            }
            for (int wanted : new int[] {4096, 8192, 9 << 20}) {
                assertThatThrownBy(() -> pool.allocate(wanted))
                        .isInstanceOf(MemoryLimitException.class)
                        .hasMessageContaining("no buffer of " + wanted + " bytes: the limit of 100000 bytes")
                        .hasMessageContaining(SegmentPool.MAX_PROPERTY)
                        .hasMessageContaining("outstandingBlocks=24");
            }
            assertThat(pool.stats().slabBytes()).isEqualTo(24 * 4096);
            blocks.removeLast().release();
            blocks.add(pool.allocate(4096));
            blocks.forEach(Block::release);
        }
    }

    @Test
    void atTheCapALargerBlockServes() {
        try (SegmentPool pool = new SegmentPool(64 << 10)) {
            pool.allocate(16_384).release(); // takes the whole cap for this class
            Block block = pool.allocate(300);
            assertThat(block.capacity()).isEqualTo(16_384);
            block.release();
            assertThat(pool.outstandingBlocks()).isZero();
        }
    }

    @Test
    void releasingTooOftenIsDetected() {
        try (SegmentPool pool = new SegmentPool(64 << 20)) {
            for (int capacity : new int[] {256, 9 << 20}) {
                Block block = pool.allocate(capacity);
                block.retain();
                assertThat(block.references()).isEqualTo(2);
                block.release();
                block.release();
                assertThatIllegalStateException()
                        .isThrownBy(block::release)
                        .withMessageContaining("released more often than retained");
                assertThatIllegalStateException()
                        .isThrownBy(block::retain)
                        .withMessageContaining("retained after its last release");
                assertThat(pool.outstandingBlocks()).isZero();
            }
        }
    }

    @Test
    void aPoolWithBlocksInUseIsNotClosed() {
        SegmentPool pool = new SegmentPool(1 << 20);
        Block block = pool.allocate(1);
        assertThatIllegalStateException().isThrownBy(pool::close).withMessageStartingWith("1 blocks are still in use");
        block.release();
        pool.close();
        pool.close();
        assertThatIllegalStateException()
                .isThrownBy(() -> pool.allocate(70_000))
                .withMessage("the pool is closed");
        assertThatIllegalStateException().isThrownBy(() -> SegmentPool.shared().close());
    }

    @Test
    void theCapOfTheSharedPoolIsReadFromText() {
        assertThat(PoolLimit.parse("1000")).isEqualTo(1000);
        assertThat(PoolLimit.parse(" 3k ")).isEqualTo(3 << 10);
        assertThat(PoolLimit.parse("512M")).isEqualTo(512 << 20);
        assertThat(PoolLimit.parse("4g")).isEqualTo(4L << 30);
        assertThat(PoolLimit.parse(null)).isGreaterThanOrEqualTo(256 << 20);
        for (String text : new String[] {"", "k", "0", "-1", "1t", "9999999999g", "99999999999999999999"}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> PoolLimit.parse(text))
                    .withMessageContaining(SegmentPool.MAX_PROPERTY);
        }
    }

    /** Every thread allocates, marks, passes half of its blocks on, and frees what it gets from others. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void noBlockIsInTwoHandsWhenThreadsExchangeThem(boolean virtual) throws Exception {
        int threads = 6;
        int rounds = Integer.getInteger("stress.rounds", 40_000);
        long seed = Long.getLong("seed", System.nanoTime());
        BlockingQueue<Block> exchange = new ArrayBlockingQueue<>(64);
        try (SegmentPool pool = new SegmentPool(32 << 20);
                ExecutorService executor =
                        virtual ? Executors.newVirtualThreadPerTaskExecutor() : Executors.newCachedThreadPool()) {
            List<Future<?>> futures = new ArrayList<>();
            for (int t = 0; t < threads; t++) {
                SplittableRandom random = new SplittableRandom(seed + t);
                futures.add(executor.submit(() -> exchangeBlocks(pool, exchange, random, rounds)));
            }
            for (Future<?> future : futures) {
                future.get();
            }
            exchange.forEach(Block::release);
            assertThat(pool.outstandingBlocks()).as("-Dseed=" + seed).isZero();
            assertThat(pool.stats().allocations()).isEqualTo((long) threads * rounds);
            assertThat(pool.stats().slabBytes()).as("no slabs without need").isLessThan(4 << 20);
        }
    }

    private static void exchangeBlocks(
            SegmentPool pool, BlockingQueue<Block> exchange, SplittableRandom random, int rounds) {
        for (int i = 0; i < rounds; i++) {
            Block block = pool.allocate(256 << random.nextInt(3));
            long mark = random.nextLong();
            block.memory().set(Layouts.LONG, 0, mark);
            block.memory().set(Layouts.LONG, block.capacity() - 8, mark);
            if (block.references() != 1) {
                throw new AssertionError("handed out twice: " + block);
            }
            if (random.nextBoolean() && exchange.offer(block)) {
                block = exchange.poll();
            }
            if (block != null) {
                long first = block.memory().get(Layouts.LONG, 0);
                if (first != block.memory().get(Layouts.LONG, block.capacity() - 8)) {
                    throw new AssertionError("somebody else wrote to " + block);
                }
                block.release();
            }
        }
    }

    /** References of one block, given up from all sides: exactly one release returns it. */
    @Test
    void theLastOfManyConcurrentReleasesReturnsTheBlock() throws Exception {
        try (SegmentPool pool = new SegmentPool(1 << 20);
                ExecutorService executor = Executors.newFixedThreadPool(4)) {
            for (int round = 0; round < 2000; round++) {
                Block block = pool.allocate(256);
                List<Future<?>> futures = new ArrayList<>();
                for (int t = 0; t < 4; t++) {
                    block.retain();
                    futures.add(executor.submit(() -> {
                        block.retain();
                        block.release();
                        block.release();
                    }));
                }
                block.release();
                for (Future<?> future : futures) {
                    future.get();
                }
                assertThat(block.references()).isZero();
                assertThat(pool.outstandingBlocks()).isZero();
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.memory.MemoryLimitException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The blocks that a loop keeps for itself; the test's thread is the loop, so it must be one for each test. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SAME_THREAD)
class LoopCacheTest {
    private SegmentPool pool = new SegmentPool(64 << 20);
    private LoopCache cache = new LoopCache(pool);

    @BeforeEach
    @Timeout(value = 60, threadMode = Timeout.ThreadMode.SAME_THREAD)
    void own() {
        cache.own();
    }

    @AfterEach
    @Timeout(value = 60, threadMode = Timeout.ThreadMode.SAME_THREAD)
    void nothingIsKeptAndAllBlocksAreBack() {
        cache.disown();
        assertThat(pool.stats().cachedBytes()).isZero();
        assertThat(pool.outstandingBlocks()).isZero();
        pool.close(); // throws when blocks are outstanding
    }

    private List<Block> take(int count, int capacity) {
        List<Block> blocks = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            blocks.add(cache.allocate(capacity));
        }
        return blocks;
    }

    /** Runs on a thread that is not the owner. */
    private static void elsewhere(Runnable action) {
        CompletableFuture.runAsync(action, Thread::startVirtualThread).join();
    }

    private static void freeElsewhere(List<Block> blocks) {
        elsewhere(() -> blocks.forEach(Block::release));
    }

    @Test
    void theBlockFreedLastIsHandedOutFirstAndThePoolDoesNotHearOfIt() {
        Block one = cache.allocate(4096);
        Block two = cache.allocate(4096);
        one.release();
        two.release();
        assertThat(cache.allocate(4096)).isSameAs(two);
        assertThat(cache.allocate(4000)).isSameAs(one);
        assertThat(cache.hits()).isEqualTo(2);
        assertThat(pool.stats().allocations()).isEqualTo(4);
        assertThat(pool.stats().misses()).isEqualTo(2);
        one.release();
        two.release();
    }

    @Test
    void figuresCountWhatIsKeptAsFreeAndWhatIsOutAsInUse() {
        List<Block> blocks = take(3, 4096);
        blocks.addAll(take(2, 300));
        assertThat(pool.outstandingBlocks()).isEqualTo(5);
        assertThat(pool.stats().outstandingBytes()).isEqualTo(3 * 4096 + 2 * 512);
        assertThat(pool.stats().cachedBytes()).isZero();
        blocks.removeFirst().release();
        freeElsewhere(List.of(blocks.removeLast()));
        assertThat(pool.outstandingBlocks()).isEqualTo(3);
        assertThat(pool.stats().outstandingBytes()).isEqualTo(2 * 4096 + 512);
        assertThat(pool.stats().cachedBytes()).isEqualTo(4096 + 512);
        assertThat(cache.heldBlocks()).isEqualTo(2);
        blocks.forEach(Block::release);
        assertThat(pool.outstandingBlocks()).isZero();
        assertThat(pool.stats().outstandingBytes()).isZero();
    }

    @ParameterizedTest(name = "at most {1} blocks of {0} bytes")
    @CsvSource({"256, 64", "512, 64", "4096, 64", "8192, 32", "16384, 16", "32768, 8", "65536, 4"})
    void keepsAFewBlocksOfEachSizeAndPassesTheRestOn(int size, int limit) {
        take(100, size).forEach(Block::release);
        assertThat(cache.heldBlocks()).isEqualTo(limit);
        assertThat(cache.heldBytes()).isEqualTo((long) limit * size);
        assertThat(limit * size).isLessThanOrEqualTo(LoopCache.MAX_BYTES);
        assertThat(pool.outstandingBlocks()).isZero();
    }

    @Test
    void aBlockTooLargeToBeKeptGoesToThePool() {
        for (int size : new int[] {LoopCache.LARGEST + 1, 1 << 20, SizeClasses.MAX_BLOCK + 1}) {
            Block block = cache.allocate(size);
            assertThat(block.home).isNull();
            block.release();
            assertThat(cache.heldBlocks()).isZero();
        }
        assertThat(cache.isActive()).isFalse();
        assertThatIllegalArgumentException().isThrownBy(() -> cache.allocate(-1));
    }

    @Test
    void blocksFreedElsewhereAreTakenOverWhenTheOwnerRunsOut() {
        List<Block> blocks = take(10, 4096);
        freeElsewhere(blocks);
        assertThat(cache.heldBytes()).isEqualTo(10 * 4096);
        List<Block> again = take(10, 4096);
        assertThat(again).containsExactlyInAnyOrderElementsOf(blocks);
        assertThat(cache.hits()).isEqualTo(10);
        assertThat(cache.heldBlocks()).isZero();
        again.forEach(Block::release);
    }

    @Test
    void blocksOfAllSizesFreedElsewhereFindTheirPlaces() {
        List<Block> blocks = take(5, 256);
        blocks.addAll(take(5, 65_536));
        freeElsewhere(blocks);
        List<Block> again = take(5, 65_536);
        assertThat(again).containsExactlyInAnyOrderElementsOf(blocks.subList(5, 10));
        assertThat(cache.heldBlocks()).as("the small ones, and no more").isEqualTo(5);
        again.forEach(Block::release);
    }

    @Test
    void noMoreThanOneMebibyteWaitsForTheOwner() {
        List<Block> blocks = take(40, 65_536);
        freeElsewhere(blocks);
        assertThat(cache.heldBytes()).isEqualTo(LoopCache.MAX_REMOTE);
        assertThat(pool.outstandingBlocks()).isZero();
    }

    @Test
    void anOddBlockMayExceedTheMebibyteByItsOwnSizeOnly() {
        List<Block> blocks = take(15, 65_536);
        blocks.addAll(take(1, 256));
        blocks.addAll(take(5, 65_536));
        freeElsewhere(blocks);
        assertThat(cache.heldBytes()).isBetween((long) LoopCache.MAX_REMOTE, LoopCache.MAX_REMOTE + 65_536L);
    }

    @Test
    void trimGivesBackWhatWasNotNeededSinceTheLastOne() {
        take(10, 4096).forEach(Block::release);
        cache.trim();
        assertThat(cache.heldBlocks()).as("all were needed").isEqualTo(10);
        take(3, 4096).forEach(Block::release);
        cache.trim();
        assertThat(cache.heldBlocks())
                .as("no more than three were needed at a time")
                .isEqualTo(3);
        cache.allocate(256).release();
        cache.trim();
        assertThat(cache.heldBlocks()).as("only the small one was").isEqualTo(1);
        assertThat(cache.isActive()).isTrue();
    }

    @Test
    void aTrimAfterAWhileWithoutUseGivesEverythingBack() {
        List<Block> blocks = take(10, 4096);
        freeElsewhere(blocks.subList(0, 5));
        blocks.subList(5, 10).forEach(Block::release);
        cache.trim();
        assertThat(cache.heldBlocks()).isEqualTo(10);
        cache.trim();
        assertThat(cache.heldBlocks()).isZero();
        assertThat(cache.isActive()).isFalse();
        cache.allocate(4096).release();
        assertThat(cache.isActive()).as("it is used again").isTrue();
        assertThat(cache.heldBlocks()).isEqualTo(1);
    }

    @Test
    void aLoopThatIsLittleUsedDoesNotKeepWhatOthersFreedLongAgo() {
        List<Block> blocks = take(16, 65_536);
        cache.allocate(256).release();
        freeElsewhere(blocks);
        for (int i = 0; i < 3; i++) {
            cache.allocate(256).release();
            cache.trim();
        }
        assertThat(cache.heldBytes()).isEqualTo(256);
    }

    @Test
    void whatComesBackToACacheWithoutUseGoesToThePool() {
        List<Block> blocks = take(4, 4096);
        cache.trim();
        cache.trim();
        assertThat(cache.isActive()).isFalse();
        blocks.removeFirst().release();
        freeElsewhere(blocks);
        assertThat(cache.heldBlocks()).isZero();
        assertThat(pool.outstandingBlocks()).isZero();
    }

    @Test
    void otherThreadsAreServedByThePool() {
        cache.allocate(4096).release();
        elsewhere(() -> {
            Block block = cache.allocate(4096);
            assertThat(block.home).isNull();
            assertThat(cache.heldBlocks()).isEqualTo(1);
            block.release();
            cache.disown(); // not its to disown
        });
        assertThat(cache.heldBlocks()).isEqualTo(1);
        assertThat(pool.outstandingBlocks()).isZero();
    }

    @Test
    void thereIsOneOwner() {
        cache.own(); // it is already
        String owned = "owned by " + Thread.currentThread();
        elsewhere(() -> assertThatIllegalStateException().isThrownBy(cache::own).withMessage(owned));
    }

    @Test
    void theNextOwnerFindsTheBlocksOfTheOneBefore() {
        cache.allocate(4096).release();
        cache.release();
        assertThat(cache.isOwner()).isFalse();
        elsewhere(() -> {
            cache.own();
            assertThat(cache.isOwner()).isTrue();
            cache.allocate(4096).release();
            assertThat(cache.heldBlocks()).isEqualTo(1);
            cache.release();
        });
        cache.own();
        assertThat(pool.outstandingBlocks()).isZero();
    }

    @Test
    void withoutAnOwnerItOnlyPassesOn() {
        Block late = cache.allocate(4096);
        cache.allocate(4096).release();
        cache.disown();
        cache.disown();
        assertThat(cache.heldBlocks()).isZero();
        late.release();
        cache.allocate(4096).release();
        assertThat(cache.heldBlocks()).isZero();
        assertThat(pool.outstandingBlocks()).isZero();
        assertThat(pool.stats().allocations())
                .as("hits of a cache that is gone count on")
                .isEqualTo(3);
    }

    @Test
    void hitsOfACacheThatIsGoneStayCounted() {
        for (int i = 0; i < 10; i++) {
            cache.allocate(256).release();
        }
        assertThat(pool.stats().allocations()).isEqualTo(10);
        cache.disown();
        assertThat(pool.stats().allocations()).isEqualTo(10);
        assertThat(pool.stats().misses()).isEqualTo(1);
    }

    private void withPool(long maxBytes) {
        cache.disown();
        pool.close();
        pool = new SegmentPool(maxBytes);
        cache = new LoopCache(pool);
        cache.own();
    }

    @Test
    void atTheCapItUsesWhatItKeepsForOtherSizes() {
        withPool(64 << 10);
        take(16, 4096).forEach(Block::release); // all there may be
        assertThat(cache.heldBlocks()).isEqualTo(16);
        Block small = cache.allocate(256);
        assertThat(small.capacity()).as("a larger one serves").isEqualTo(4096);
        small.release();
        Block large = cache.allocate(65_536);
        assertThat(large.capacity()).isEqualTo(65_536);
        assertThatThrownBy(() -> cache.allocate(1)).isInstanceOf(MemoryLimitException.class);
        large.release();
    }

    @Test
    void atTheCapItGivesBackWhatItKeepsForABlockTooLargeForIt() {
        withPool(1 << 20);
        take(40, 16_384).forEach(Block::release);
        Block large = cache.allocate(1 << 20);
        assertThat(large.capacity()).isEqualTo(1 << 20);
        large.release();
    }

    @Test
    void aLargerBlockThatServedIsKeptAmongItsKind() {
        withPool(64 << 10);
        Block block = pool.allocate(16_384);
        block.release();
        Block served = cache.allocate(256);
        assertThat(served.capacity()).isEqualTo(16_384);
        served.release();
        assertThat(cache.heldBytes()).isEqualTo(16_384);
        assertThat(cache.allocate(10_000)).isSameAs(served);
        served.release();
    }

    /** The owner hands out, others free, and the owner trims and stops as it likes: nothing gets lost or used twice. */
    @Test
    void nothingIsLostWhenTheOwnerTrimsWhileOthersFree() throws Exception {
        long seed = Long.getLong("seed", System.nanoTime());
        SplittableRandom random = new SplittableRandom(seed);
        int rounds = Integer.getInteger("stress.rounds", 100_000);
        BlockingQueue<Block> queue = new ArrayBlockingQueue<>(256);
        Block end = pool.allocate(1);
        try (ExecutorService executor = Executors.newCachedThreadPool()) {
            List<Future<?>> others = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                others.add(executor.submit(() -> freeUntil(end, queue)));
            }
            for (int i = 0; i < rounds; i++) {
                Block block = cache.allocate(256 << random.nextInt(9));
                block.memory().set(Layouts.LONG, 0, block.address());
                assertThat(block.references()).isEqualTo(1);
                if (random.nextInt(4) == 0 || !queue.offer(block)) {
                    block.release();
                }
                if (random.nextInt(50) == 0) {
                    cache.trim();
                }
                if (random.nextInt(500) == 0) {
                    cache.trim();
                    cache.trim();
                    assertThat(cache.isActive()).isFalse();
                }
            }
            for (int i = 0; i < others.size(); i++) {
                queue.put(end);
            }
            for (Future<?> other : others) {
                other.get();
            }
        }
        end.release();
        assertThat(pool.outstandingBlocks()).as("-Dseed=" + seed).isZero();
        assertThat(pool.stats().allocations()).isEqualTo(rounds + 1L);
    }

    private static Void freeUntil(Block end, BlockingQueue<Block> queue) throws InterruptedException {
        for (Block block = queue.take(); block != end; block = queue.take()) {
            if (block.memory().get(Layouts.LONG, 0) != block.address()) {
                throw new AssertionError("somebody else wrote to " + block);
            }
            block.release();
        }
        return null;
    }

    /** I4: the free that comes at the same time as the end is either seen by the owner or passed on by who frees. */
    @Test
    void aFreeThatRacesWithTheEndOfUseLeavesNothingBehind() throws Exception {
        CyclicBarrier barrier = new CyclicBarrier(2);
        try (ExecutorService executor = Executors.newSingleThreadExecutor()) {
            for (int round = 0; round < 2000; round++) {
                List<Block> blocks = take(3, 4096);
                Future<?> other = executor.submit(() -> {
                    barrier.await();
                    blocks.forEach(Block::release);
                    return null;
                });
                cache.trim();
                barrier.await();
                cache.trim();
                other.get();
                assertThat(cache.isActive()).isFalse();
                assertThat(cache.heldBlocks()).isZero();
                assertThat(pool.outstandingBlocks()).isZero();
            }
        }
    }
}

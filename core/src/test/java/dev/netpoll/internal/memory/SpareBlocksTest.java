// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The blocks that a driver keeps between handlers. The test's thread is the driver; nobody owns the loop's cache. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SAME_THREAD)
class SpareBlocksTest {
    private final SegmentPool pool = new SegmentPool(64 << 20);
    private final LoopCache cache = new LoopCache(pool);
    private final SpareBlocks spares = new SpareBlocks(Thread.currentThread(), cache);

    @BeforeEach
    @Timeout(value = 60, threadMode = Timeout.ThreadMode.SAME_THREAD)
    void begin() {
        spares.begin();
    }

    @AfterEach
    @Timeout(value = 60, threadMode = Timeout.ThreadMode.SAME_THREAD)
    void nothingIsKeptAndAllBlocksAreBack() {
        spares.release();
        assertThat(pool.stats().cachedBytes()).isZero();
        assertThat(pool.outstandingBlocks()).isZero();
        pool.close(); // throws when blocks are outstanding
    }

    private static <T> T elsewhere(Supplier<T> action) {
        return CompletableFuture.supplyAsync(action, Thread::startVirtualThread).join();
    }

    private List<Block> take(int count, int capacity) {
        List<Block> blocks = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            blocks.add(spares.allocate(capacity));
        }
        return blocks;
    }

    @Test
    void aBlockThatTheOwnerFreesIsHandedOutAgainIfItIsOfTheSize() {
        Block small = spares.allocate(1000);
        Block large = spares.allocate(4096);
        large.release();
        small.release();
        assertThat(spares.heldBlocks()).isEqualTo(2);
        assertThat(spares.heldBytes()).isEqualTo(1024 + 4096);
        assertThat(pool.stats().cachedBytes()).isEqualTo(1024 + 4096);
        assertThat(pool.outstandingBlocks()).isZero();
        assertThat(spares.allocate(4000)).isSameAs(large);
        Block other = spares.allocate(2000);
        assertThat(other).isNotSameAs(small);
        assertThat(spares.allocate(600)).isSameAs(small);
        assertThat(spares.hits()).isEqualTo(2);
        assertThat(pool.outstandingBlocks()).isEqualTo(3);
        List.of(small, large, other).forEach(Block::release);
    }

    @Test // I2
    void itKeepsFewAndSmallBlocks() {
        List<Block> blocks = take(SpareBlocks.MOST + 5, SpareBlocks.LARGEST);
        blocks.addAll(take(2, SpareBlocks.LARGEST + 1));
        blocks.addAll(take(1, SizeClasses.MAX_BLOCK + 1));
        blocks.forEach(Block::release);
        assertThat(spares.heldBlocks()).isEqualTo(SpareBlocks.MOST);
        assertThat(spares.heldBytes()).isEqualTo((long) SpareBlocks.MOST * SpareBlocks.LARGEST);
    }

    @Test // I1
    void whatAnotherThreadAllocatesOrFreesGoesPastIt() {
        Block mine = spares.allocate(500);
        elsewhere(() -> {
            mine.release();
            return null;
        });
        assertThat(spares.heldBlocks()).isZero();
        Block theirs = elsewhere(() -> spares.allocate(500));
        assertThat(theirs.home).isNull();
        theirs.release();
        assertThat(spares.heldBlocks()).isZero();
    }

    @Test
    void whatTheLoopsCacheHandsOutGoesBackThere() {
        cache.own();
        cache.allocate(500).release();
        Block block = spares.allocate(500);
        assertThat(block.home).isSameAs(cache);
        block.release();
        assertThat(spares.heldBlocks()).isZero();
        assertThat(cache.heldBlocks()).isEqualTo(1);
        cache.disown();
    }

    @Test
    void aTrimGivesBackWhatWasNotNeededSinceTheLast() {
        spares.allocate(500).release();
        spares.allocate(500).release(); // needed
        spares.trim();
        assertThat(spares.isActive()).isTrue();
        spares.trim();
        assertThat(spares.isActive()).isFalse();
        assertThat(pool.stats().cachedBytes()).isZero();
    }

    @Test // I2
    void afterItsReleaseItKeepsNothing() {
        Block late = spares.allocate(500);
        spares.allocate(500).release();
        spares.release();
        assertThat(pool.stats().cachedBytes()).isZero();
        late.release();
        spares.allocate(500).release();
        assertThat(spares.heldBlocks()).isZero();
    }

    @Test
    void aNegativeCapacityIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> spares.allocate(-1));
    }
}

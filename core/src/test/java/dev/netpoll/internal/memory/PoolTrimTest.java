// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.memory.MemoryLimitException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.Pipe;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How a pool gives memory back. Trims are called by the test; what the trimmer does meanwhile only adds to them. */
class PoolTrimTest {
    /** So many trims in a row find a slab used, then idle, then idle again. */
    private static final int ENOUGH = 3;

    private static final Duration SOON = Duration.ofSeconds(10);

    private static List<Block> burst(SegmentPool pool, int bytes, int size) {
        List<Block> blocks = new ArrayList<>();
        for (int i = 0; i < bytes / size; i++) {
            blocks.add(pool.allocate(size));
        }
        return blocks;
    }

    private static void trim(SegmentPool pool) {
        trim(pool, ENOUGH);
    }

    private static void trim(SegmentPool pool, int times) {
        for (int i = 0; i < times; i++) {
            pool.trim();
        }
    }

    private static boolean within(Duration limit, BooleanSupplier condition) {
        long deadline = System.nanoTime() + limit.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadline > 0) {
                return false;
            }
            LockSupport.parkNanos(1_000_000);
        }
        return true;
    }

    @ParameterizedTest(name = "blocks of {0} bytes")
    @ValueSource(ints = {256, 4096, 65_536, 1 << 20, 8 << 20})
    void afterABurstAllMemoryGoesBack(int size) {
        try (SegmentPool pool = new SegmentPool(64 << 20)) {
            burst(pool, 16 << 20, size).forEach(Block::release);
            long peak = pool.stats().slabBytes();
            assertThat(peak).isGreaterThanOrEqualTo(16 << 20);
            trim(pool);
            assertThat(pool.stats().slabBytes()).isZero();
            assertThat(pool.stats().trimmedBytes()).isEqualTo(peak);
            assertThat(pool.trim()).as("nothing left to trim").isFalse();
            Block block = pool.allocate(size);
            assertThat(pool.stats().slabBytes()).as("it starts small again").isEqualTo(Math.max(64 << 10, size));
            block.release();
        }
    }

    @Test
    void memoryThatIsUsedNowAndThenStays() {
        try (SegmentPool pool = new SegmentPool(64 << 20)) {
            for (int i = 0; i < 20; i++) {
                pool.allocate(4096).release();
                pool.trim();
                assertThat(pool.stats().slabBytes()).isEqualTo(64 << 10);
            }
        }
    }

    @Test
    void aSlabWithOneBlockInUseStaysAndItsBytesAreUntouched() {
        try (SegmentPool pool = new SegmentPool(64 << 20)) {
            List<Block> blocks = burst(pool, 8 << 20, 4096);
            Block kept = blocks.remove(1000);
            kept.memory().fill((byte) 'k');
            blocks.forEach(Block::release);
            long peak = pool.stats().slabBytes();
            trim(pool);
            assertThat(pool.stats().slabBytes()).isEqualTo(2 << 20);
            assertThat(pool.stats().trimmedBytes()).isEqualTo(peak - (2 << 20));
            assertThat(kept.memory().toArray(Layouts.BYTE)).containsOnly('k');
            assertThat(pool.outstandingBlocks()).isEqualTo(1);
            kept.release();
            trim(pool);
            assertThat(pool.stats().slabBytes()).isZero();
        }
    }

    @Test
    void noBlockIsLostOrHandedOutTwiceAfterATrimOfPartlyUsedSlabs() {
        try (SegmentPool pool = new SegmentPool(64 << 20)) {
            List<Block> blocks = burst(pool, 4 << 20, 4096);
            List<Block> kept = new ArrayList<>();
            for (int i = 0; i < blocks.size(); i++) {
                if (i % 100 == 0) {
                    kept.add(blocks.get(i));
                } else {
                    blocks.get(i).release();
                }
            }
            long slabBytes = pool.stats().slabBytes();
            trim(pool);
            long misses = pool.stats().misses();
            List<Block> again = burst(pool, (int) pool.stats().slabBytes() - kept.size() * 4096, 4096);
            assertThat(pool.stats().slabBytes())
                    .as("all that was free was found")
                    .isLessThanOrEqualTo(slabBytes);
            assertThat(new HashSet<>(again)).hasSameSizeAs(again).doesNotContainAnyElementsOf(kept);
            assertThat(pool.stats().misses() - misses)
                    .as("the newest slab may have room")
                    .isLessThan(512);
            again.forEach(Block::release);
            kept.forEach(Block::release);
        }
    }

    @Test
    void blocksOfSlabsInUseAreHandedOutFirstSoThatTheOthersBecomeFree() {
        try (SegmentPool pool = new SegmentPool(64 << 20)) {
            List<Block> blocks = burst(pool, 4 << 20, 65_536);
            Block kept = blocks.remove(40); // of a large slab in the middle
            blocks.forEach(Block::release);
            pool.trim();
            for (int i = 0; i < 10; i++) {
                Block block = pool.allocate(65_536);
                assertThat(block.slab).isSameAs(kept.slab);
                block.release();
                pool.trim();
            }
            assertThat(pool.stats().slabBytes()).isEqualTo(2 << 20);
            kept.release();
        }
    }

    @Test
    void atTheCapFreeSlabsOfOneSizeMakeRoomForAnother() {
        try (SegmentPool pool = new SegmentPool(8 << 20)) {
            burst(pool, 8 << 20, 256).forEach(Block::release);
            assertThat(pool.stats().slabBytes()).isGreaterThan(7 << 20);
            Block large = pool.allocate(4 << 20);
            assertThat(large.capacity()).isEqualTo(4 << 20);
            assertThat(pool.stats().trimmedBytes()).isPositive();
            large.release();
            Block huge = pool.allocate(8 << 20);
            assertThat(pool.stats().slabBytes()).isEqualTo(8 << 20);
            huge.release();
        }
        try (SegmentPool pool = new SegmentPool(9 << 20)) {
            burst(pool, 8 << 20, 256).forEach(Block::release);
            Block dedicated = pool.allocate((8 << 20) + 1);
            assertThat(dedicated.capacity()).isEqualTo((8 << 20) + 1);
            dedicated.release();
        }
    }

    @Test
    void atTheCapWhatIsInUseIsNotTakenAway() {
        try (SegmentPool pool = new SegmentPool(4 << 20)) {
            List<Block> blocks = burst(pool, 4 << 20, 65_536);
            for (int i = 0; i < blocks.size(); i += 2) {
                blocks.get(i).release();
            }
            assertThatThrownBy(() -> pool.allocate(4 << 20)).isInstanceOf(MemoryLimitException.class);
            for (int i = 1; i < blocks.size(); i += 2) {
                blocks.get(i).memory().fill((byte) i);
                blocks.get(i).release();
            }
            Block all = pool.allocate(4 << 20);
            all.release();
        }
    }

    @Test
    void aClosedPoolHasGivenEverythingBackAndHandsNothingOut() {
        SegmentPool pool = new SegmentPool(8 << 20);
        Block block = pool.allocate(100);
        block.release();
        pool.close();
        assertThat(pool.stats().slabBytes()).isZero();
        assertThatIllegalStateException().isThrownBy(() -> pool.allocate(100)).withMessage("the pool is closed");
        assertThat(pool.trim()).isFalse();
    }

    /** A view used after its release, by a read of the system that takes its time, keeps a large block mapped. */
    @Test
    void memoryInWhichTheSystemIsReadingGoesBackWhenItIsDone() throws Exception {
        int size = 9 << 20;
        Pipe pipe = Pipe.open();
        try (SegmentPool pool = new SegmentPool(64 << 20);
                Pipe.SinkChannel sink = pipe.sink();
                Pipe.SourceChannel source = pipe.source()) {
            Block block = pool.allocate(size);
            ByteBuffer view = block.memory().asSlice(0, 1).asByteBuffer();
            FutureTask<Integer> read = new FutureTask<>(() -> source.read(view));
            Thread reader = Thread.ofPlatform().start(read);
            assertThat(within(SOON, () -> isReading(reader))).isTrue();
            block.release();
            burst(pool, 1 << 20, 65_536).forEach(Block::release);
            trim(pool);
            assertThat(pool.stats().slabBytes()).as("the others went").isEqualTo(size);
            sink.write(ByteBuffer.allocate(1));
            assertThat(read.get()).isEqualTo(1);
            trim(pool);
            assertThat(pool.stats().slabBytes()).isZero();
        }
    }

    @Test
    void whatIsParkedServesTheNextWhoNeedsASlabOfItsSizeWhateverItsBlocks() {
        try (SegmentPool pool = new SegmentPool(64 << 20)) {
            Block small = pool.allocate(256);
            MemorySegment parked = small.slab.memory; // reachable, so that no collection takes it
            small.release();
            trim(pool);
            assertThat(pool.stats().slabBytes()).isZero();
            Block other = pool.allocate(16_384);
            assertThat(other.slab.memory).isSameAs(parked);
            assertThat(other.memory().byteSize()).isEqualTo(16_384);
            assertThat(pool.stats().slabBytes()).isEqualTo(parked.byteSize());
            other.release();
        }
    }

    /** The segment of an owner that never comes back to it, and whose block was free long enough to go. */
    @Test
    void memoryOfASlabThatHasGoneCanBeReadWithoutACrash() {
        try (SegmentPool pool = new SegmentPool(64 << 20)) {
            Block block = pool.allocate(4096);
            MemorySegment stray = block.memory();
            block.release();
            trim(pool);
            assertThat(pool.stats().slabBytes()).isZero();
            System.gc();
            assertThat(stray.toArray(Layouts.BYTE)).hasSize(4096);
        }
    }

    private static boolean isReading(Thread thread) {
        return Arrays.stream(thread.getStackTrace())
                .anyMatch(frame -> frame.getMethodName().equals("read0"));
    }

    /** The promise in real time: nobody calls trim. */
    @Test
    void withinTenSecondsAfterABurstTheFootprintIsBack() {
        try (SegmentPool pool = new SegmentPool(256 << 20)) {
            pool.allocate(1).release();
            trim(pool, ENOUGH + 1); // so the first trimmer has ended, and another comes
            List<Block> idle = burst(pool, 4 << 20, 65_536);
            long before = pool.stats().slabBytes();
            for (int size : new int[] {512, 16_384, 65_536, 1 << 20}) {
                burst(pool, 16 << 20, size).forEach(Block::release);
            }
            assertThat(pool.stats().slabBytes()).isGreaterThan(before + (48 << 20));
            assertThat(within(SOON, () -> pool.stats().slabBytes() <= before * 11 / 10))
                    .as("%d bytes before, %s now", before, pool.stats())
                    .isTrue();
            idle.forEach(Block::release);
        }
    }

    @Test
    void blocksStayWholeWhileThreadsUseThemAndTrimsRunAllTheTime() throws Exception {
        int rounds = Integer.getInteger("stress.rounds", 40_000);
        long seed = Long.getLong("seed", System.nanoTime());
        AtomicBoolean end = new AtomicBoolean();
        try (SegmentPool pool = new SegmentPool(16 << 20);
                ExecutorService executor = Executors.newCachedThreadPool()) {
            Future<?> trims = executor.submit(() -> {
                while (!end.get()) {
                    pool.trim();
                }
            });
            List<Future<?>> users = new ArrayList<>();
            for (int t = 0; t < 3; t++) {
                SplittableRandom random = new SplittableRandom(seed + t);
                users.add(executor.submit(() -> use(pool, random, rounds)));
            }
            try {
                for (Future<?> user : users) {
                    user.get();
                }
            } finally {
                end.set(true);
            }
            trims.get();
            assertThat(pool.outstandingBlocks()).as("-Dseed=" + seed).isZero();
            trim(pool);
            assertThat(pool.stats().slabBytes()).isZero();
            assertThat(pool.stats().trimmedBytes()).isPositive();
        }
    }

    private static void use(SegmentPool pool, SplittableRandom random, int rounds) {
        Block[] mine = new Block[8];
        for (int i = 0; i < rounds; i++) {
            int at = random.nextInt(mine.length);
            Block old = mine[at];
            if (old != null) {
                if (old.memory().get(Layouts.LONG, 0) != old.address()) {
                    throw new AssertionError("somebody else wrote to " + old);
                }
                old.release();
            }
            mine[at] = pool.allocate(256 << random.nextInt(10));
            mine[at].memory().set(Layouts.LONG, 0, mine[at].address());
        }
        for (Block block : mine) {
            if (block != null) {
                block.release();
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.netpoll.memory.MemoryLimitException;
import org.jspecify.annotations.Nullable;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/** Threads that use a {@link SegmentPool} while slabs are given back. */
public class SegmentPoolStress {
    private static final int SMALL = SizeClasses.MIN_BLOCK;
    private static final int LARGE = 2 * SMALL;

    /** A pool of one slab of two small blocks, which is all its cap allows. */
    abstract static class Fixture {
        final SegmentPool pool = new SegmentPool(LARGE);

        /** 1 if the block's memory is mapped and writable, 2 if not, 0 if there is none. */
        static int use(@Nullable Block block) {
            if (block == null) {
                return 0;
            }
            try {
                block.memory().fill((byte) 1);
                return 1;
            } catch (IllegalStateException _) {
                return 2;
            }
        }

        final @Nullable Block allocate(int size) {
            try {
                return pool.allocate(size);
            } catch (MemoryLimitException _) {
                return null;
            }
        }

        /** Releases them and closes the pool; the number of blocks that are not back then, less than 0 if too many. */
        final int done(@Nullable Block... used) {
            for (Block block : used) {
                if (block != null) {
                    block.release();
                }
            }
            int outstanding = (int) pool.outstandingBlocks();
            if (outstanding == 0) {
                pool.close();
            }
            return outstanding;
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "The block can be used, of whatever slab it is.")
    @Outcome(
            id = {"2, .*", "., 2, .*"},
            expect = FORBIDDEN,
            desc = "A slab was closed though one of its blocks was out.")
    @Outcome(id = "0, .*", expect = FORBIDDEN, desc = "No block, though there are two.")
    @Outcome(expect = FORBIDDEN, desc = "SegmentPool: a block is lost or returned twice.")
    public static class OneAllocatesWhileTheSlabIsTrimmed extends Fixture {
        private int usable;
        private @Nullable Block taken;

        public OneAllocatesWhileTheSlabIsTrimmed() {
            pool.allocate(SMALL).release();
            pool.trim(); // used a moment ago
            pool.trim(); // idle once; the next trim gives it back
        }

        @Actor
        public void allocator() {
            taken = allocate(SMALL);
            usable = use(taken);
        }

        @Actor
        public void trimmer() {
            pool.trim();
        }

        @Arbiter
        public void result(III_Result r) {
            r.r1 = usable;
            r.r2 = use(taken);
            r.r3 = done(taken);
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "The block came back, its slab stays or goes.")
    @Outcome(id = "2, .*", expect = FORBIDDEN, desc = "A slab was closed though one of its blocks was out.")
    @Outcome(expect = FORBIDDEN, desc = "SegmentPool: a block is lost or returned twice.")
    public static class OneReleasesWhileTheSlabIsTrimmed extends Fixture {
        private final Block block;
        private int usable;

        public OneReleasesWhileTheSlabIsTrimmed() {
            block = pool.allocate(SMALL);
            pool.trim();
        }

        @Actor
        public void releaser() {
            usable = use(block);
            block.release();
        }

        @Actor
        public void trimmer() {
            pool.trim();
            pool.trim();
        }

        @Arbiter
        public void result(II_Result r) {
            r.r1 = usable;
            r.r2 = done();
        }
    }

    @JCStressTest
    @State
    @Outcome(
            id = {"1, 0, 0", "0, 1, 0"},
            expect = ACCEPTABLE,
            desc = "There is memory for one of them.")
    @Outcome(id = "0, 0, 0", expect = FORBIDDEN, desc = "Both were refused, though nobody holds the memory.")
    @Outcome(id = "1, 1, 0", expect = FORBIDDEN, desc = "More memory than the cap allows.")
    @Outcome(
            id = {"2, .*", "., 2, .*"},
            expect = FORBIDDEN,
            desc = "A slab was closed though one of its blocks was out.")
    @Outcome(expect = FORBIDDEN, desc = "SegmentPool: a block is lost or returned twice.")
    public static class TwoSizesWantTheSameMemory extends Fixture {
        private @Nullable Block small;
        private @Nullable Block large;

        public TwoSizesWantTheSameMemory() {
            pool.allocate(SMALL).release();
        }

        @Actor
        public void smallOne() {
            small = allocate(SMALL);
        }

        @Actor
        public void largeOne() {
            large = allocate(LARGE);
        }

        @Arbiter
        public void result(III_Result r) {
            r.r1 = use(small);
            r.r2 = use(large);
            r.r3 = done(small, large);
        }
    }
}

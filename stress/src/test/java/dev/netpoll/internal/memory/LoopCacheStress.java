// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.jspecify.annotations.Nullable;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.IIII_Result;
import org.openjdk.jcstress.infra.results.III_Result;

/** The owner of a {@link LoopCache}, and threads that free blocks it handed out. */
public class LoopCacheStress {
    /** An active cache that has handed out two blocks. */
    abstract static class Fixture {
        final SegmentPool pool = Fixtures.pool();
        final LoopCache cache = Fixtures.activeCache(pool);
        final Block one = Fixtures.handedOutBy(cache);
        final Block two = Fixtures.handedOutBy(cache);

        final Block allocate() {
            return cache.allocate(SizeClasses.MIN_BLOCK);
        }

        /** How many blocks more or less the cache says it holds than are missing in its pool. All are free. */
        final int miscounted() {
            pool.unregister(cache); // then the pool takes what the cache holds for blocks in use
            return cache.heldBlocks() - (int) pool.outstandingBlocks();
        }

        /** The end: the owner goes. How many blocks are not in the pool then. */
        final int lost() {
            Fixtures.takeOver(cache);
            cache.disown();
            return Fixtures.done(pool);
        }
    }

    @JCStressTest
    @State
    @Outcome(
            id = {"1, 42, 0, 0", "1, -1, 0, 0"},
            expect = ACCEPTABLE,
            desc = "Allocated again, or not back yet.")
    @Outcome(id = "0, .*", expect = FORBIDDEN, desc = "LoopCache I3: a block is in two hands.")
    @Outcome(id = "1, 0, .*", expect = FORBIDDEN, desc = "LoopCache I3: what the freeing thread wrote is not visible.")
    @Outcome(expect = FORBIDDEN, desc = "LoopCache I3: a block is lost or miscounted.")
    public static class TheOwnerAllocatesWhileAnotherFrees extends Fixture {
        private @Nullable Block first;
        private @Nullable Block second;
        private int seen = -1;

        public TheOwnerAllocatesWhileAnotherFrees() {
            one.memory().set(Layouts.INT, 0, 0);
        }

        @Actor
        public void freer() {
            one.memory().set(Layouts.INT, 0, 42);
            one.release();
        }

        @Actor
        public void owner() {
            cache.own();
            first = allocate();
            second = allocate();
            if (first == one || second == one) {
                seen = Fixtures.written(one);
            }
        }

        @Arbiter
        public void result(IIII_Result r) {
            r.r1 = Fixtures.differ(first, second, two) ? 1 : 0;
            r.r2 = seen;
            for (Block block : new @Nullable Block[] {first, second, two}) {
                if (block != null) {
                    block.release();
                }
            }
            r.r3 = miscounted();
            r.r4 = lost();
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "2, 0, 0", expect = ACCEPTABLE, desc = "Both are in the list.")
    @Outcome(expect = FORBIDDEN, desc = "LoopCache I3: a push was lost or miscounted.")
    public static class TwoThreadsFree extends Fixture {
        @Actor
        public void freer() {
            one.release();
        }

        @Actor
        public void otherFreer() {
            two.release();
        }

        @Arbiter
        public void result(III_Result r) {
            r.r1 = cache.heldBlocks();
            r.r2 = miscounted();
            r.r3 = lost();
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "1, 0, 0", expect = ACCEPTABLE, desc = "All are back, each was in one hand.")
    @Outcome(id = "0, .*", expect = FORBIDDEN, desc = "LoopCache I3: a block is in two hands.")
    @Outcome(expect = FORBIDDEN, desc = "LoopCache I3: a block is lost or miscounted.")
    public static class TheOwnerTakesTheListTwiceWhileAnotherPushesTwice extends Fixture {
        private boolean differ;

        @Actor
        public void freer() {
            one.release();
            two.release();
        }

        @Actor
        public void owner() {
            cache.own();
            Block first = allocate();
            Block second = allocate();
            Block third = allocate();
            differ = Fixtures.differ(first, second, third);
            second.release();
            first.release();
            third.release();
        }

        @Arbiter
        public void result(III_Result r) {
            r.r1 = differ ? 1 : 0;
            r.r2 = miscounted();
            r.r3 = lost();
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "0, 0, 0", expect = ACCEPTABLE, desc = "The cache holds nothing, the pool has everything.")
    @Outcome(expect = FORBIDDEN, desc = "LoopCache I4: a block was left in an inactive cache.")
    public static class AnotherFreesWhileTheOwnerGoes extends Fixture {
        @Actor
        public void freer() {
            one.release();
        }

        @Actor
        public void owner() {
            cache.own();
            two.release();
            cache.disown();
        }

        @Arbiter
        public void result(III_Result r) {
            r.r1 = cache.heldBlocks();
            r.r2 = one.home == null && two.home == null ? 0 : 1;
            r.r3 = Fixtures.done(pool);
            if (r.r3 != 0) {
                lost();
            }
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "0, 0, 0", expect = ACCEPTABLE, desc = "The cache holds nothing, the pool has everything.")
    @Outcome(expect = FORBIDDEN, desc = "LoopCache I4: a block was left in an inactive cache.")
    public static class AnotherFreesWhileAnIdleCacheIsTrimmed extends Fixture {
        @Actor
        public void freer() {
            one.release();
            two.release();
        }

        @Actor
        public void owner() {
            cache.own();
            cache.trim();
        }

        @Arbiter
        public void result(III_Result r) {
            r.r1 = cache.heldBlocks();
            r.r2 = cache.isActive() ? 1 : 0;
            pool.unregister(cache);
            r.r3 = Fixtures.done(pool);
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "1, 0, 0", expect = ACCEPTABLE, desc = "Trimmed and in use again; nothing is lost.")
    @Outcome(id = "0, .*", expect = FORBIDDEN, desc = "A block is in two hands.")
    @Outcome(expect = FORBIDDEN, desc = "LoopCache I4: a block is lost or miscounted.")
    public static class AnotherFreesWhileTheCacheIsTrimmedAndUsedAgain extends Fixture {
        private boolean differ;

        @Actor
        public void freer() {
            one.release();
            two.release();
        }

        @Actor
        public void owner() {
            cache.own();
            cache.trim();
            Block first = allocate();
            Block second = allocate();
            differ = Fixtures.differ(first, second);
            first.release();
            second.release();
        }

        @Arbiter
        public void result(III_Result r) {
            r.r1 = differ ? 1 : 0;
            r.r2 = miscounted();
            r.r3 = lost();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/** Threads that count the references of one {@link Block}. */
public class BlockStress {
    /** A block with one reference, and the pool it comes from. */
    abstract static class Fixture {
        final SegmentPool pool = Fixtures.pool();
        final Block block = pool.allocate(SizeClasses.MIN_BLOCK);

        /** 1 if there was no reference to give up, else 0. */
        final int release() {
            try {
                block.release();
                return 0;
            } catch (IllegalStateException _) {
                return 1;
            }
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "Returned once.")
    @Outcome(id = "1, 0", expect = FORBIDDEN, desc = "Block I2: no release was the last, the block is lost.")
    @Outcome(id = "-1, 0", expect = FORBIDDEN, desc = "Block I2: returned twice.")
    @Outcome(id = "0, 1", expect = FORBIDDEN, desc = "Checked mode takes the block for one in use.")
    @Outcome(expect = FORBIDDEN, desc = "Block I2.")
    public static class TwoReleasesOfTwoReferences extends Fixture {
        public TwoReleasesOfTwoReferences() {
            block.retain();
        }

        @Actor
        public void one() {
            block.release();
        }

        @Actor
        public void two() {
            block.release();
        }

        @Arbiter
        public void count(II_Result r) {
            r.r2 = pool.whereAllocated().isEmpty() ? 0 : 1;
            r.r1 = Fixtures.done(pool);
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "Retained in time: it stays until the second release.")
    @Outcome(id = "0, 0, 0", expect = ACCEPTABLE, desc = "Too late: the retain is refused and changes nothing.")
    @Outcome(id = "1, 0, .*", expect = FORBIDDEN, desc = "Block I1: retained, and free all the same.")
    @Outcome(expect = FORBIDDEN, desc = "Block I2, I3.")
    public static class RetainRacesTheLastRelease extends Fixture {
        private int retained;

        @Actor
        public void retainer() {
            try {
                block.retain();
                retained = 1;
            } catch (IllegalStateException _) {
                retained = 0;
            }
        }

        @Actor
        public void releaser() {
            block.release();
        }

        @Arbiter
        public void count(III_Result r) {
            r.r1 = retained;
            r.r2 = (int) pool.outstandingBlocks();
            if (retained != 0) {
                block.release();
            }
            r.r3 = Fixtures.done(pool);
        }
    }

    @JCStressTest
    @State
    @Outcome(
            id = {"1, 0, 0", "0, 1, 0"},
            expect = ACCEPTABLE,
            desc = "One of them learns that it is wrong.")
    @Outcome(id = "0, 0, .*", expect = FORBIDDEN, desc = "Block I3: a release too many goes unnoticed.")
    @Outcome(id = "1, 1, .*", expect = FORBIDDEN, desc = "Block I2: nobody released it.")
    @Outcome(expect = FORBIDDEN, desc = "Block I2: lost or returned twice.")
    public static class OneReleaseTooMany extends Fixture {
        private int first;
        private int second;

        @Actor
        public void one() {
            first = release();
        }

        @Actor
        public void two() {
            second = release();
        }

        @Arbiter
        public void count(III_Result r) {
            r.r1 = first;
            r.r2 = second;
            r.r3 = Fixtures.done(pool);
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "2, 0", expect = ACCEPTABLE, desc = "As many references as there were.")
    @Outcome(expect = FORBIDDEN, desc = "A retain or a release was lost.")
    public static class TwoHoldersRetainAndRelease extends Fixture {
        public TwoHoldersRetainAndRelease() {
            block.retain();
        }

        @Actor
        public void one() {
            block.retain();
            block.release();
        }

        @Actor
        public void two() {
            block.retain();
            block.retain();
            block.release();
            block.release();
        }

        @Arbiter
        public void count(II_Result r) {
            r.r1 = block.references();
            block.release();
            block.release();
            r.r2 = Fixtures.done(pool);
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "42, 0", expect = ACCEPTABLE, desc = "The block was released and allocated again.")
    @Outcome(id = "-1, 0", expect = ACCEPTABLE, desc = "It was not back yet, another block was allocated.")
    @Outcome(id = "0, .*", expect = FORBIDDEN, desc = "What was written before the release is not visible afterwards.")
    @Outcome(expect = FORBIDDEN, desc = "Block I1, I2.")
    public static class TheNextOwnerSeesWhatTheLastOneWrote extends Fixture {
        private int seen;

        public TheNextOwnerSeesWhatTheLastOneWrote() {
            block.memory().set(Layouts.INT, 0, 0);
        }

        @Actor
        public void writer() {
            block.memory().set(Layouts.INT, 0, 42);
            block.release();
        }

        @Actor
        public void allocator() {
            Block next = pool.allocate(SizeClasses.MIN_BLOCK);
            seen = next == block ? Fixtures.written(next) : -1;
            next.release();
        }

        @Arbiter
        public void result(II_Result r) {
            r.r1 = seen;
            r.r2 = Fixtures.done(pool);
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "42, 0", expect = ACCEPTABLE, desc = "The last release was the second thread's.")
    @Outcome(id = "-1, 0", expect = ACCEPTABLE, desc = "The writer has not released yet.")
    @Outcome(id = "0, .*", expect = FORBIDDEN, desc = "The last release does not happen after the one before.")
    @Outcome(expect = FORBIDDEN, desc = "Block I1, I2.")
    public static class TheLastReleaseHappensAfterTheOthers extends Fixture {
        private int seen;

        public TheLastReleaseHappensAfterTheOthers() {
            block.memory().set(Layouts.INT, 0, 0);
            block.retain();
        }

        @Actor
        public void writer() {
            block.memory().set(Layouts.INT, 0, 42);
            block.release();
        }

        @Actor
        public void reader() {
            block.release();
            Block next = pool.allocate(SizeClasses.MIN_BLOCK);
            seen = next == block ? Fixtures.written(next) : -1;
            next.release();
        }

        @Arbiter
        public void result(II_Result r) {
            r.r1 = seen;
            r.r2 = Fixtures.done(pool);
        }
    }
}

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

/** Threads that free one {@link Segment}, against the rules, while its block finds another owner. */
public class SegmentStress {
    /** A segment, perhaps one of two of its block. */
    abstract static class Fixture {
        final SegmentPool pool = Fixtures.pool();
        final Segment segment = Segment.filled(pool.allocate(SizeClasses.MIN_BLOCK), 100);

        final int free() {
            try {
                segment.free();
                return 1;
            } catch (IllegalStateException _) {
                return 0;
            }
        }
    }

    @JCStressTest
    @State
    @Outcome(
            id = {"1, 1, 0"},
            expect = ACCEPTABLE,
            desc = "One of them freed it; the new owner has its block.")
    @Outcome(
            id = {"2, .*"},
            expect = FORBIDDEN,
            desc = "Segment I6: both did.")
    @Outcome(expect = FORBIDDEN, desc = "Segment I5: the new owner was harmed.")
    public static class TwoFreesAndANewOwner extends Fixture {
        private int one;
        private int two;
        private Block owned;

        @Actor
        public void freer() {
            one = free();
        }

        @Actor
        public void otherFreer() {
            two = free();
        }

        @Actor
        public void owner() {
            owned = pool.allocate(SizeClasses.MIN_BLOCK);
        }

        @Arbiter
        public void result(III_Result r) {
            r.r1 = one + two;
            r.r2 = owned.references();
            owned.release();
            r.r3 = Fixtures.done(pool);
        }
    }

    @JCStressTest
    @State
    @Outcome(
            id = {"1, 1, 0"},
            expect = ACCEPTABLE,
            desc = "One of them freed it; the other part has its block.")
    @Outcome(
            id = {"2, .*"},
            expect = FORBIDDEN,
            desc = "Segment I6: both did.")
    @Outcome(expect = FORBIDDEN, desc = "Segment I6: the other part was harmed.")
    public static class TwoFreesOfOnePartOfABlock extends Fixture {
        private final Segment other = segment.split(50);
        private int one;
        private int two;

        @Actor
        public void freer() {
            one = free();
        }

        @Actor
        public void otherFreer() {
            two = free();
        }

        @Arbiter
        public void result(III_Result r) {
            r.r1 = one + two;
            r.r2 = other.block.references();
            other.free();
            r.r3 = Fixtures.done(pool);
        }
    }
}

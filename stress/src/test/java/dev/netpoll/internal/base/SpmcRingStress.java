// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.base;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.jspecify.annotations.Nullable;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/** Consumers of one {@link SpmcRing}, and its producer. */
public class SpmcRingStress {
    /** An element whose content was written before it was offered. */
    private static final class Element {
        private final int[] content = new int[1];

        Element(int number) {
            content[0] = number;
        }
    }

    private static int number(@Nullable Element element) {
        return element == null ? 0 : element.content[0];
    }

    @JCStressTest
    @State
    @Outcome(
            id = {"1, 2, 0", "2, 1, 0"},
            expect = ACCEPTABLE,
            desc = "Each took one of them.")
    @Outcome(
            id = {"1, 1, .*", "2, 2, .*"},
            expect = FORBIDDEN,
            desc = "SpmcRing I1: both took the same.")
    @Outcome(expect = FORBIDDEN, desc = "SpmcRing I1: an element is lost.")
    public static class TwoPoll {
        private final SpmcRing<Element> ring = new SpmcRing<>(2);

        public TwoPoll() {
            ring.offer(new Element(1));
            ring.offer(new Element(2));
        }

        @Actor
        public void one(III_Result r) {
            r.r1 = number(ring.poll());
        }

        @Actor
        public void two(III_Result r) {
            r.r2 = number(ring.poll());
        }

        @Arbiter
        public void rest(III_Result r) {
            r.r3 = number(ring.poll());
        }
    }

    @JCStressTest
    @State
    @Outcome(
            id = {"0, 1, 2", "1, 1, 2"},
            expect = ACCEPTABLE,
            desc = "The first is taken, and the third got its slot or found no room.")
    @Outcome(expect = FORBIDDEN, desc = "SpmcRing I1, I2: taken twice, lost, or overwritten.")
    public static class OnePollsWhileTheFullRingIsFilled {
        private final SpmcRing<Element> ring = new SpmcRing<>(2);
        private boolean taken;

        public OnePollsWhileTheFullRingIsFilled() {
            ring.offer(new Element(1));
            ring.offer(new Element(2));
        }

        @Actor
        public void producer(III_Result r) {
            taken = ring.offer(new Element(3));
            r.r1 = taken ? 1 : 0;
        }

        @Actor
        public void consumer(III_Result r) {
            r.r2 = number(ring.poll());
        }

        @Arbiter
        public void rest(III_Result r) {
            r.r3 = number(ring.poll());
            if (number(ring.poll()) != (taken ? 3 : 0) || ring.poll() != null) {
                r.r3 = -1;
            }
        }
    }

    @JCStressTest
    @State
    @Outcome(
            id = {"0, 0", "1, 0", "1, 2"},
            expect = ACCEPTABLE,
            desc = "What was there is found in order, with what was written before.")
    @Outcome(expect = FORBIDDEN, desc = "SpmcRing I1: out of order, or an element is not as it was offered.")
    public static class OnePollsWhatIsOffered {
        private final SpmcRing<Element> ring = new SpmcRing<>(2);

        @Actor
        public void producer() {
            ring.offer(new Element(1));
            ring.offer(new Element(2));
        }

        @Actor
        public void consumer(II_Result r) {
            r.r1 = number(ring.poll());
            r.r2 = r.r1 == 0 ? 0 : number(ring.poll());
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/** Threads that take from and put into one {@link FreeList}. */
public class FreeListStress {
    private static final SegmentPool POOL = new SegmentPool(1 << 20);
    private static final MemorySegment MEMORY = Arena.global().allocate(SizeClasses.MIN_BLOCK);
    private static final Slab SLAB = new Slab(Arena.global(), MEMORY, SizeClasses.MIN_BLOCK);

    /** A free list of its own, and the blocks that exist. */
    abstract static class Fixture {
        final FreeList list;
        private final Set<Block> all = new HashSet<>();

        Fixture(int stripes) {
            list = new FreeList(stripes);
        }

        /** One more block, in use. */
        final Block taken() {
            Block block = new Block(POOL, MEMORY, 0, SLAB, 0);
            all.add(block);
            list.takenElsewhere(0);
            return block;
        }

        /** One more block, in the list; the blocks go to the stripes in turn. */
        final void free() {
            int home = all.size();
            list.put(home, taken());
        }

        /** Looks at all that is free, as a trim does. */
        final void drainAndRestore() {
            Block[] drained = new Block[list.places()];
            for (int i = 0; i < drained.length; i++) {
                drained[i] = list.drain(i);
            }
            for (int i = 0; i < drained.length; i++) {
                Block next;
                for (Block block = drained[i]; block != null; block = next) {
                    next = block.nextFree;
                    list.restore(i, block);
                }
            }
        }

        /** How far {@link FreeList#outstanding} is from the truth when these are taken. */
        final int miscounted(@Nullable Block... taken) {
            int outstanding = (int) list.outstanding();
            for (Block block : taken) {
                outstanding -= found(block);
            }
            return outstanding;
        }

        /** How many blocks are neither taken nor in the list; -1 if one is there twice. Empties the list. */
        final int lost(@Nullable Block... taken) {
            Set<Block> seen = new HashSet<>();
            for (Block block : taken) {
                if (block != null && !seen.add(block)) {
                    return -1;
                }
            }
            for (Block block = list.take(0); block != null; block = list.take(0)) {
                if (!seen.add(block)) {
                    return -1;
                }
            }
            return all.size() - seen.size();
        }
    }

    private static int found(@Nullable Block block) {
        return block == null ? 0 : 1;
    }

    @JCStressTest
    @State
    @Outcome(id = "1, 0, 0", expect = ACCEPTABLE, desc = "One of them got it.")
    @Outcome(id = "2, .*", expect = FORBIDDEN, desc = "FreeList I1: the block is in two hands.")
    @Outcome(id = "0, .*", expect = FORBIDDEN, desc = "FreeList I1: the block is in no hand.")
    @Outcome(expect = FORBIDDEN, desc = "FreeList I3: miscounted, or lost.")
    public static class TwoTakeTheLastBlock extends Fixture {
        private @Nullable Block first;
        private @Nullable Block second;

        public TwoTakeTheLastBlock() {
            super(2);
            free();
        }

        @Actor
        public void one() {
            first = list.take(0);
        }

        @Actor
        public void two() {
            second = list.take(1);
        }

        @Arbiter
        public void count(III_Result r) {
            r.r1 = found(first) + found(second);
            r.r2 = miscounted(first, second);
            r.r3 = lost(first, second);
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "Both are in the list: in the stack, or in the overflow.")
    @Outcome(id = "0, .*", expect = FORBIDDEN, desc = "FreeList I1, I2: a block is lost or there twice.")
    @Outcome(expect = FORBIDDEN, desc = "FreeList I3: miscounted.")
    public static class TwoPutIntoOneStripe extends Fixture {
        private final Block a;
        private final Block b;
        private final Block c;
        private final Block d;

        public TwoPutIntoOneStripe() {
            super(1);
            a = taken();
            b = taken();
            c = taken();
            d = taken();
        }

        @Actor
        public void one() {
            list.put(0, a);
            list.put(0, b);
        }

        @Actor
        public void two() {
            list.put(0, c);
            list.put(0, d);
        }

        @Arbiter
        public void count(II_Result r) {
            r.r1 = miscounted();
            r.r2 = lost();
        }
    }

    @JCStressTest
    @State
    @Outcome(
            id = {"0, 0, 0", "1, 0, 0", "2, 0, 0"},
            expect = ACCEPTABLE,
            desc = "Whatever was back is found, once.")
    @Outcome(id = ".*, 0, .*", expect = FORBIDDEN, desc = "FreeList I1, I2: a block is lost or in two hands.")
    @Outcome(expect = FORBIDDEN, desc = "FreeList I3: miscounted.")
    public static class OneTakesWhatAnotherPuts extends Fixture {
        private final Block a;
        private final Block b;
        private @Nullable Block first;
        private @Nullable Block second;

        public OneTakesWhatAnotherPuts() {
            super(1);
            a = taken();
            b = taken();
        }

        @Actor
        public void putter() {
            list.put(0, a);
            list.put(0, b);
        }

        @Actor
        public void taker() {
            first = list.take(0);
            second = list.take(0);
        }

        @Arbiter
        public void count(III_Result r) {
            r.r1 = found(first) + found(second);
            r.r2 = miscounted(first, second);
            r.r3 = lost(first, second);
        }
    }

    @JCStressTest
    @State
    @Outcome(
            id = {"0, 0, 0", "1, 0, 0", "2, 0, 0"},
            expect = ACCEPTABLE,
            desc = "Whatever was not out is found, once.")
    @Outcome(id = ".*, 0, .*", expect = FORBIDDEN, desc = "FreeList I1, I2: a block is lost or in two hands.")
    @Outcome(expect = FORBIDDEN, desc = "FreeList I3: a look counted as a take.")
    public static class OneTakesWhileATrimLooks extends Fixture {
        private @Nullable Block first;
        private @Nullable Block second;

        public OneTakesWhileATrimLooks() {
            super(2);
            free();
            free();
            free();
        }

        @Actor
        public void taker() {
            first = list.take(0);
            second = list.take(1);
        }

        @Actor
        public void trimmer() {
            drainAndRestore();
        }

        @Arbiter
        public void count(III_Result r) {
            r.r1 = found(first) + found(second);
            r.r2 = miscounted(first, second);
            r.r3 = lost(first, second);
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "All are in the list.")
    @Outcome(id = "0, .*", expect = FORBIDDEN, desc = "FreeList I1, I2: a block is lost or there twice.")
    @Outcome(expect = FORBIDDEN, desc = "FreeList I3: miscounted.")
    public static class OnePutsWhileATrimLooks extends Fixture {
        private final Block a;
        private final Block b;

        public OnePutsWhileATrimLooks() {
            super(1);
            free();
            a = taken();
            b = taken();
        }

        @Actor
        public void putter() {
            list.put(0, a);
            list.put(0, b);
        }

        @Actor
        public void trimmer() {
            drainAndRestore();
            drainAndRestore();
        }

        @Arbiter
        public void count(II_Result r) {
            r.r1 = miscounted();
            r.r2 = lost();
        }
    }
}

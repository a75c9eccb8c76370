// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.netpoll.internal.memory.Fixtures;
import dev.netpoll.internal.memory.SegmentPool;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/** Slices in the hands of one thread, while another goes on with the buffer they were cut from. */
public class SliceStress {
    private static final int SEGMENT = 256;
    private static final int BYTES = 300;
    private static final int SLICE = 280;

    /** A buffer of two segments, and a slice of it that covers the first one and a piece of the second. */
    abstract static class Fixture {
        final SegmentPool pool = Fixtures.pool();
        final LinkBuffer parent = new LinkBuffer(pool, SEGMENT);
        final LinkBuffer slice;

        Fixture() {
            for (int i = 0; i < BYTES; i++) {
                parent.writeByte(i);
            }
            parent.flush();
            slice = parent.slice(SLICE);
        }

        /** 1 if the buffer holds the numbers from {@code first} on, {@code n} of them; else 0. */
        static int intact(LinkBuffer buffer, int first, int n) {
            for (int i = 0; i < n; i++) {
                if (buffer.readByte() != (byte) (first + i)) {
                    return 0;
                }
            }
            return 1;
        }

        /** Takes memory that was given back and writes over it. */
        final void overwrite() {
            try (LinkBuffer other = new LinkBuffer(pool, SEGMENT)) {
                for (int i = 0; i < BYTES; i++) {
                    other.writeByte(-1);
                }
            }
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "Both read their bytes, and all memory is back.")
    @Outcome(id = "0, .*", expect = FORBIDDEN, desc = "Segment I4: the slice's memory was somebody else's.")
    @Outcome(id = "1, 0, .*", expect = FORBIDDEN, desc = "Segment I4: the parent's memory was somebody else's.")
    @Outcome(expect = FORBIDDEN, desc = "Block I2: memory is lost or returned twice.")
    public static class ASliceIsClosedWhileItsParentReleases extends Fixture {
        private int sliceIntact;
        private int parentIntact;

        @Actor
        public void slice() {
            sliceIntact = intact(slice, 0, SLICE);
            slice.close();
            overwrite();
        }

        @Actor
        public void parent() {
            parentIntact = intact(parent, SLICE, BYTES - SLICE);
            parent.release();
            overwrite();
            parent.close();
        }

        @Arbiter
        public void result(III_Result r) {
            r.r1 = sliceIntact;
            r.r2 = parentIntact;
            r.r3 = Fixtures.done(pool);
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "The slice's bytes outlive its parent, and all memory is back.")
    @Outcome(id = "0, .*", expect = FORBIDDEN, desc = "Segment I4: the slice's memory was somebody else's.")
    @Outcome(expect = FORBIDDEN, desc = "Block I2: memory is lost or returned twice.")
    public static class ASliceIsReadWhileItsParentCloses extends Fixture {
        private int sliceIntact;

        @Actor
        public void slice() {
            sliceIntact = intact(slice, 0, SLICE);
            slice.close();
        }

        @Actor
        public void parent() {
            parent.close();
            overwrite();
        }

        @Arbiter
        public void result(II_Result r) {
            r.r1 = sliceIntact;
            r.r2 = Fixtures.done(pool);
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "Both read their bytes, and all memory is back.")
    @Outcome(id = "0, .*", expect = FORBIDDEN, desc = "SegmentWindow I2: the parent wrote where the slice reads.")
    @Outcome(id = "1, 0, .*", expect = FORBIDDEN, desc = "SegmentWindow I2: what the parent appended is not there.")
    @Outcome(expect = FORBIDDEN, desc = "Block I2: memory is lost or returned twice.")
    public static class ASliceIsReadWhileItsParentAppends extends Fixture {
        private int sliceIntact;
        private int parentIntact;

        @Actor
        public void slice() {
            sliceIntact = intact(slice, 0, SLICE);
            slice.close();
        }

        @Actor
        public void parent() {
            for (int i = BYTES; i < 2 * BYTES; i++) {
                parent.writeByte(i);
            }
            parent.flush();
            parentIntact = intact(parent, SLICE, 2 * BYTES - SLICE);
            parent.close();
        }

        @Arbiter
        public void result(III_Result r) {
            r.r1 = sliceIntact;
            r.r2 = parentIntact;
            r.r3 = Fixtures.done(pool);
        }
    }

    @JCStressTest
    @State
    @Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "Both read the same bytes, and all memory is back.")
    @Outcome(
            id = {"0, .*", "1, 0, .*"},
            expect = FORBIDDEN,
            desc = "Segment I4: memory of a slice was somebody else's.")
    @Outcome(expect = FORBIDDEN, desc = "Block I2: memory is lost or returned twice.")
    public static class TwoSlicesOfASliceAreClosed extends Fixture {
        private final LinkBuffer front;
        private int frontIntact;
        private int restIntact;

        public TwoSlicesOfASliceAreClosed() {
            front = slice.slice(SLICE / 2);
            parent.close();
        }

        @Actor
        public void front() {
            frontIntact = intact(front, 0, SLICE / 2);
            front.close();
            overwrite();
        }

        @Actor
        public void rest() {
            restIntact = intact(slice, SLICE / 2, SLICE - SLICE / 2);
            slice.close();
            overwrite();
        }

        @Arbiter
        public void result(III_Result r) {
            r.r1 = frontIntact;
            r.r2 = restIntact;
            r.r3 = Fixtures.done(pool);
        }
    }
}

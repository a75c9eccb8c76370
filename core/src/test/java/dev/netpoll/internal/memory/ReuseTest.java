// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.netpoll.buffer.LinkBuffer;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.opentest4j.TestAbortedException;

/** Segments that are used again with their block: only those that connections alone have had (I5 of Segment). */
class ReuseTest {
    private final SegmentPool pool = new SegmentPool(64 << 20);

    @BeforeEach
    void assumeProduction() {
        if (CheckedMode.ON) {
            System.out.println("not run: in checked mode segments live once");
            throw new TestAbortedException("checked mode is on");
        }
    }

    @AfterEach
    void allBlocksAreBack() {
        pool.close();
    }

    private Segment filled(int count) {
        Segment segment = Segment.writable(pool.allocate(256));
        segment.end = count;
        return segment;
    }

    private Segment next(Segment before) {
        Segment after = Segment.writable(pool.allocate(256));
        assertThat(after.block).as("the pool is a stack").isSameAs(before.block);
        return after;
    }

    @Test
    void oneOfAConnectionIsAsNew() {
        long[] released = {0};
        Segment first = filled(100).reusable().charge(n -> released[0] += n, 100);
        first.exposed = true;
        first.retire();
        assertThat(released[0]).isEqualTo(100);
        assertThat(first.isFreed()).isTrue();
        Segment second = next(first);
        assertThat(second).isSameAs(first);
        assertThat(second.isFreed()).isFalse();
        assertThat(second.length()).isZero();
        assertThat(second.room()).isEqualTo(256);
        assertThat(second.charged()).isZero();
        assertThat(second.exposed).isFalse();
        assertThat(second.next).isNull();
        second.setLong(0, 7);
        assertThat(second.getLong(0)).isEqualTo(7);
        second.check();
        second.retire(); // nobody has said again that it is reusable
        Segment third = next(second);
        assertThat(third).isNotSameAs(second);
        third.free();
    }

    @Test
    void anyOtherLivesOnce() {
        Segment first = filled(10);
        first.retire();
        Segment second = next(first).reusable();
        assertThat(second).isNotSameAs(first);
        second.free(); // a link to it may be left
        Segment third = next(second).reusable();
        assertThat(third).isNotSameAs(second);
        Segment.shareAll(third);
        third.retire();
        Segment fourth = next(third).reusable();
        assertThat(fourth).isNotSameAs(third);
        Segment part = Segment.of(Objects.requireNonNull(fourth.hold()), 0, 0);
        fourth.retire(); // the block is still in use
        assertThatIllegalStateException().isThrownBy(fourth::retire).withMessageContaining("freed twice");
        part.retire();
        Segment fifth = next(part);
        assertThat(fifth).isNotSameAs(fourth).isNotSameAs(part);
        fifth.free();
    }

    @Test
    void theRestOfASegmentOfWhichAPartWasCutLivesOnce() {
        Segment rest = filled(100).reusable();
        Segment front = rest.split(40);
        front.retire();
        rest.retire();
        Segment after = next(rest);
        assertThat(after).isNotSameAs(rest).isNotSameAs(front);
        after.free();
    }

    /** Whoever shares a buffer between threads by mistake must not hold what others use. */
    @Test
    void whatAUserGetsAsABufferLivesOnce() {
        Segment first = filled(100).reusable();
        try (LinkBuffer buffer = BufferAccess.of(LinkBuffer.class).wrap(pool, first)) {
            buffer.skip(100);
            assertThat(first.isFreed()).isTrue();
            Segment second = next(first);
            assertThat(second).isNotSameAs(first);
            second.free();
        }
    }

    @Test
    void aReaderUsesAgainWhatItHasConsumed() {
        SegmentReader reader = new SegmentReader(pool);
        Segment first = filled(8).reusable();
        reader.append(first);
        reader.readLong();
        Segment second = next(first);
        assertThat(second).isSameAs(first);
        second.end = 8;
        reader.append(second.reusable());
        reader.next(8);
        assertThat(second.isFreed()).as("its bytes are looked at").isFalse();
        reader.release();
        Segment third = next(second);
        assertThat(third).isSameAs(second);
        third.free();
    }
}

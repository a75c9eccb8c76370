// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.netpoll.internal.ffi.IoUring;
import dev.netpoll.internal.ffi.RingMemory;
import dev.netpoll.internal.ffi.Scratch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CompletionsTest {
    private static final long NOP = RingMemory.head(IoUring.IORING_OP_NOP, 0, 0, -1);
    private static final long SECOND_NANOS = 1_000_000_000;
    private static final int BURST = 1000;

    private final Scratch scratch = new Scratch();
    private final Completions completions = new Completions();
    private Ring ring;
    private int added;
    private int delivered;

    @BeforeEach
    void openARing() throws Exception {
        String reason = UringMechanism.unavailableReason();
        assumeTrue(reason == null, () -> reason);
        ring = Ring.open(scratch, 0, RingSize.USUAL);
        ring.enable(scratch);
    }

    @AfterEach
    void closeTheRing() {
        if (ring != null) {
            ring.close(scratch);
        }
    }

    @Test
    void aBurstIsDeliveredInOrderAndItsRoomComesBackWhenItIsOver() throws Exception {
        int first = completions.capacity();
        complete(BURST);
        deliver();
        assertThat(completions.capacity()).isGreaterThanOrEqualTo(BURST);
        for (int i = 0; i < 100 && completions.capacity() > first; i++) {
            complete(1);
            deliver();
        }
        assertThat(completions.capacity()).isEqualTo(first);
        complete(BURST);
        deliver();
        assertThat(delivered).isEqualTo(added);
    }

    @Test
    void roomThatIsNeededNowAndThenStays() throws Exception {
        complete(BURST);
        deliver();
        int grown = completions.capacity();
        for (int burst = 0; burst < 5; burst++) {
            for (int i = 0; i < 20; i++) {
                complete(1);
                deliver();
            }
            complete(BURST);
            deliver();
            assertThat(completions.capacity()).isEqualTo(grown);
        }
    }

    /** What waits for the next batch is never in the way of giving room back, nor lost by it. */
    @Test
    void whatIsCompletedWhileABatchIsDeliveredIsKept() throws Exception {
        complete(BURST);
        deliver();
        for (int i = 0; i < 200; i++) {
            complete(1);
            completions.beginBatch();
            complete(BURST / 4);
            takeAll();
            deliver();
        }
        assertThat(delivered).isEqualTo(added);
    }

    private void complete(int count) throws Exception {
        for (int left = count; left > 0; ) {
            for (; left > 0 && !ring.isFull(); left--) {
                ring.add(NOP, 0, 0, Operation.of(Operation.RECEIVE, added++), 0);
            }
            int before = completions.end();
            ring.enter(scratch, completions, 1, SECOND_NANOS, 0);
            assertThat(completions.end()).isGreaterThan(before);
        }
        while (completions.end() - completions.begin() < added - delivered) {
            ring.enter(scratch, completions, 1, SECOND_NANOS, 0);
        }
    }

    private void deliver() {
        completions.beginBatch();
        takeAll();
        assertThat(completions.isEmpty()).isTrue();
    }

    private void takeAll() {
        for (int i = completions.next(); i >= 0; i = completions.next()) {
            assertThat(completions.operation(i)).isEqualTo(Operation.of(Operation.RECEIVE, delivered++));
        }
    }
}

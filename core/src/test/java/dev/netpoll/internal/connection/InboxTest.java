// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.poll.ReceiveBuffer;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class InboxTest {
    /** As much as a poller receives at once while memory is used up. */
    private static final int PIECE = 4096;

    private final TestInbox inbox = new TestInbox();

    @AfterEach
    void free() {
        Segment.freeAll(inbox.takeArrived());
    }

    /** If there is no memory for a copy, a poller hands its big block over: not one for each small piece. */
    @Test
    void piecesThatArriveWhileMemoryIsUsedUpShareABlock() {
        inbox.pushArrived(piece(ReceiveBuffer.CAPACITY, 0));
        int fit = ReceiveBuffer.CAPACITY / PIECE;
        for (int i = 1; i < fit; i++) {
            assertThat(inbox.mergeArrived(piece(PIECE, i))).as("piece %d", i).isTrue();
        }
        Segment beyond = piece(PIECE, fit);
        assertThat(inbox.mergeArrived(beyond)).as("beyond the block").isFalse();
        beyond.free();

        Segment all = inbox.takeArrived();
        assertThat(all.next).isNull();
        assertThat(all.length()).isEqualTo(ReceiveBuffer.CAPACITY);
        for (int i = 0; i < fit; i++) {
            assertThat(all.memory.get(ValueLayout.JAVA_BYTE, (long) i * PIECE)).isEqualTo((byte) i);
        }
        all.free();
    }

    private static Segment piece(int capacity, int content) {
        Segment piece = Segment.allocate(SegmentPool.shared(), capacity);
        piece.memory.asSlice(0, PIECE).fill((byte) content);
        piece.holds(PIECE);
        return piece.reusable();
    }

    /** The stack alone: nothing of it uses the connection. */
    private static final class TestInbox extends Inbox {
        TestInbox() {
            super(null);
        }

        @Override
        Duration defaultTimeout() {
            return Duration.ZERO;
        }

        @Override
        void freeUnseen() {}

        @Override
        void freeAll() {}

        @Override
        String operation() {
            return "read";
        }
    }
}

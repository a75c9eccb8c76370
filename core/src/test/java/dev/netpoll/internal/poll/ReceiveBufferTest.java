// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentPool;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class ReceiveBufferTest {
    private final SegmentPool pool = SegmentPool.shared();
    private final ReceiveBuffer buffer = new ReceiveBuffer(pool);

    @Test
    void littleIsCopiedAndTheBlockIsUsedAgain() {
        long before = pool.outstandingBlocks();
        Block block = buffer.block();
        Block bulk = buffer.bulkBlock();
        block.memory().set(ValueLayout.JAVA_BYTE, ReceiveBuffer.COPIED - 1, (byte) 7);
        Segment received = buffer.received(ReceiveBuffer.COPIED);
        Segment receivedBulk = buffer.receivedBulk(4 * ReceiveBuffer.COPIED);
        assertThat(received.length()).isEqualTo(ReceiveBuffer.COPIED);
        assertThat(received.memory.get(ValueLayout.JAVA_BYTE, ReceiveBuffer.COPIED - 1))
                .isEqualTo((byte) 7);
        assertThat(receivedBulk.length()).isEqualTo(4 * ReceiveBuffer.COPIED);
        assertThat(buffer.block()).isSameAs(block);
        assertThat(buffer.bulkBlock()).isSameAs(bulk);
        Segment.freeAll(received);
        Segment.freeAll(receivedBulk);
        buffer.release();
        assertThat(pool.outstandingBlocks()).isEqualTo(before);
    }

    @Test
    void muchIsHandedOverAsItLiesAndNoMoreThanEightTimesItsMemoryIsHeld() {
        long before = pool.outstandingBlocks();
        Block block = buffer.block();
        Block bulk = buffer.bulkBlock();
        Segment received = buffer.received(ReceiveBuffer.COPIED + 1);
        Segment receivedBulk = buffer.receivedBulk(4 * ReceiveBuffer.COPIED + 1);
        assertThat(received.block).isSameAs(block);
        assertThat(receivedBulk.block).isSameAs(bulk);
        for (Segment segment : new Segment[] {received, receivedBulk}) {
            assertThat(Objects.requireNonNull(segment.block).capacity()).isLessThan(8 * segment.length());
        }
        assertThat(buffer.block()).isNotSameAs(block);
        assertThat(buffer.bulkBlock()).isNotSameAs(bulk);
        Segment.freeAll(received);
        Segment.freeAll(receivedBulk);
        buffer.release();
        assertThat(pool.outstandingBlocks()).isEqualTo(before);
    }
}

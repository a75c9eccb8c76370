// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Objects;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whoever has a segment that was freed finds out, and does no harm to whoever has its block now (Segment I5, I6). */
class OwnershipTest {
    private final SegmentPool pool = new SegmentPool(64 << 20);

    @AfterEach
    void allBlocksAreBack() {
        pool.close();
    }

    private Segment written(int size, byte value) {
        Segment segment = Segment.allocate(pool, size);
        segment.memory.fill(value);
        segment.end = size;
        return segment;
    }

    @Test
    void aSecondFreeIsNoticedThoughTheBlockHasAnotherOwner() {
        Segment stale = written(256, (byte) 'a');
        stale.free();
        Segment owner = written(256, (byte) 'b');
        assertThat(owner.block).as("the block was used again").isSameAs(stale.block);
        assertThat(owner).isNotSameAs(stale);
        assertThatIllegalStateException().isThrownBy(stale::free).withMessageContaining("freed twice");
        assertThatIllegalStateException().isThrownBy(() -> Segment.freeAll(stale));
        assertThat(Objects.requireNonNull(owner.block).references()).isEqualTo(1);
        owner.check();
        assertThat(owner.getByte(255)).isEqualTo((byte) 'b');
        owner.free();
    }

    @Test
    void whatWasFreedGivesAccessToNothing() {
        Segment stale = written(256, (byte) 'a');
        stale.free();
        Segment owner = written(256, (byte) 'b');
        assertThatIllegalStateException()
                .isThrownBy(() -> stale.getByte(0))
                .withMessageContaining("after it was freed");
        assertThatIllegalStateException().isThrownBy(() -> stale.getLong(0));
        assertThatIllegalStateException().isThrownBy(() -> stale.setInt(0, 1));
        assertThatThrownBy(() -> stale.split(1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThat(stale.length()).isZero();
        assertThat(stale.room()).isZero();
        assertThat(owner.getByte(0)).isEqualTo((byte) 'b');
        owner.free();
    }

    @Test
    void aSecondFreeOfOneOfTwoSlicesLeavesTheOtherOneItsBlock() {
        Segment rest = written(256, (byte) 'a');
        Segment front = rest.split(100);
        front.free();
        assertThatIllegalStateException().isThrownBy(front::free).withMessageContaining("freed twice");
        assertThat(Objects.requireNonNull(rest.block).references()).isEqualTo(1);
        rest.free();
        assertThatIllegalStateException().isThrownBy(rest::free).withMessageContaining("freed twice");
    }

    @Test
    void aReferenceOfAnotherGenerationIsNeitherTakenNorGivenUp() {
        Block block = pool.allocate(256);
        int generation = block.generation();
        block.release();
        Block again = pool.allocate(256);
        assertThat(again).isSameAs(block);
        assertThatIllegalStateException().isThrownBy(() -> block.retain(generation));
        assertThatIllegalStateException().isThrownBy(() -> block.release(generation));
        assertThat(block.releaseOnly(generation)).isFalse();
        assertThat(block.isStale(generation)).isTrue();
        assertThat(again.references()).isEqualTo(1);
        again.release();
    }

    @Test
    void theRestOfAChainIsFreedThoughOneOfItWasFreedBefore() {
        Segment first = written(256, (byte) 'a');
        Segment second = written(256, (byte) 'b');
        Segment third = written(256, (byte) 'c');
        second.free();
        first.next = second;
        second.next = third;
        assertThatIllegalStateException().isThrownBy(() -> Segment.freeAll(first));
        assertThat(pool.outstandingBlocks()).isZero();
    }

    /** Two threads free the same segment, while a third one takes and gives back blocks of its size. */
    @Test
    void ofTwoThreadsThatFreeASegmentOneSucceeds() throws Exception {
        race(false);
    }

    @Test
    void ofTwoThreadsThatFreeASliceOneSucceeds() throws Exception {
        race(true);
    }

    private void race(boolean shared) throws Exception {
        int rounds = Integer.getInteger("stress.rounds", 20_000);
        AtomicReference<Segment> target = new AtomicReference<>();
        CyclicBarrier start = new CyclicBarrier(3);
        CyclicBarrier end = new CyclicBarrier(3);
        try (ExecutorService executor = Executors.newCachedThreadPool()) {
            ArrayList<Future<Integer>> freers = new ArrayList<>();
            for (int t = 0; t < 2; t++) {
                freers.add(executor.submit(() -> {
                    int freed = 0;
                    for (int i = 0; i < rounds; i++) {
                        start.await();
                        try {
                            target.get().free();
                            freed++;
                        } catch (IllegalStateException _) {
                            // the other one was first
                        }
                        end.await();
                    }
                    return freed;
                }));
            }
            for (int i = 0; i < rounds; i++) {
                Segment segment = written(256, (byte) 'a');
                Segment other = shared ? segment.split(100) : null;
                target.set(segment);
                start.await();
                Segment owner = written(256, (byte) 'b');
                if (Objects.requireNonNull(owner.block).references() != 1) {
                    throw new AssertionError(owner + " in round " + i);
                }
                end.await();
                assertThat(owner.getByte(100)).isEqualTo((byte) 'b');
                owner.free();
                if (other != null) {
                    assertThat(other.getByte(50)).isEqualTo((byte) 'a');
                    other.free();
                }
            }
            assertThat(freers.get(0).get() + freers.get(1).get()).isEqualTo(rounds);
        }
        assertThat(pool.outstandingBlocks()).isZero();
    }
}

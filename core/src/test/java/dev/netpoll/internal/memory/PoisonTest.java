// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.opentest4j.TestAbortedException;

/** Checked mode's marks on blocks. */
class PoisonTest {
    @BeforeAll
    static void onlyInCheckedMode() {
        if (!CheckedMode.ON) {
            System.out.println("not run: checked mode is off");
            throw new TestAbortedException("checked mode is off");
        }
    }

    @Test
    void aReleasedBlockIsPoisonedFromEndToEnd() {
        try (SegmentPool pool = new SegmentPool(1 << 20)) {
            Block block = pool.allocate(300);
            block.memory().fill((byte) 1);
            block.retain();
            block.release();
            assertThat(block.memory().toArray(Layouts.BYTE))
                    .as("somebody has it")
                    .containsOnly(1);
            block.release();
            assertThat(block.memory().toArray(Layouts.BYTE)).containsOnly(CheckedMode.POISON);
        }
    }

    @Test
    void aBlockReleasedTooOftenSaysWhereItWasReleased() {
        try (SegmentPool pool = new SegmentPool(1 << 20)) {
            Block block = pool.allocate(300);
            block.release();
            assertThatIllegalStateException()
                    .isThrownBy(block::release)
                    .satisfies(e -> assertThat(e.getCause())
                            .hasStackTraceContaining("aBlockReleasedTooOftenSaysWhereItWasReleased"));
            assertThatIllegalStateException()
                    .isThrownBy(block::retain)
                    .satisfies(e -> assertThat(e.getCause()).hasMessageStartingWith("released by"));
        }
    }

    @Test
    void aFreedSegmentCannotBeRead() {
        try (SegmentPool pool = new SegmentPool(1 << 20)) {
            Segment segment = Segment.writable(pool.allocate(300));
            segment.setInt(0, 1);
            segment.free();
            assertThatIllegalStateException()
                    .isThrownBy(() -> segment.getInt(0))
                    .withMessageContaining("after it was freed");
            assertThatIllegalStateException().isThrownBy(() -> segment.setInt(0, 2));
        }
    }

    /** Two releases at a time must not both take the other for the last one. */
    @Test
    void theLastOfConcurrentReleasesPoisons() throws Exception {
        CyclicBarrier barrier = new CyclicBarrier(2);
        try (SegmentPool pool = new SegmentPool(1 << 20);
                ExecutorService executor = Executors.newFixedThreadPool(2)) {
            for (int round = 0; round < 200; round++) {
                List<Block> blocks = new ArrayList<>();
                for (int i = 0; i < 100; i++) {
                    Block block = pool.allocate(256);
                    block.memory().fill((byte) 1);
                    block.retain();
                    blocks.add(block);
                }
                List<Future<?>> releases = new ArrayList<>();
                for (int i = 0; i < 2; i++) {
                    releases.add(executor.submit(() -> {
                        barrier.await();
                        blocks.forEach(Block::release);
                        return null;
                    }));
                }
                for (Future<?> release : releases) {
                    release.get();
                }
                for (Block block : blocks) {
                    assertThat(block.memory().toArray(Layouts.BYTE)).containsOnly(CheckedMode.POISON);
                }
                assertThat(pool.whereAllocated()).isEmpty();
            }
        }
    }
}

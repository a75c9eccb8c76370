// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingStream;
import org.junit.jupiter.api.Test;

/** What flight recordings show of the pool. */
class MemoryEventsTest {
    private static final List<String> NAMES = List.of("SlabAllocation", "PoolMiss", "MemoryTrim", "BufferLeak");

    private static List<RecordedEvent> record(Runnable action) {
        List<RecordedEvent> events = new CopyOnWriteArrayList<>();
        try (RecordingStream stream = new RecordingStream()) {
            stream.setReuse(false);
            for (String name : NAMES) {
                stream.enable("dev.netpoll." + name);
                stream.onEvent("dev.netpoll." + name, events::add);
            }
            stream.startAsync();
            action.run();
            stream.stop(); // returns when all events are delivered
        }
        return events;
    }

    private static List<RecordedEvent> named(String name, List<RecordedEvent> events) {
        return events.stream()
                .filter(event -> event.getEventType().getName().equals("dev.netpoll." + name))
                .toList();
    }

    @Test
    void slabsMissesAndTrimsAreRecordedWithTheirSizes() {
        try (SegmentPool pool = new SegmentPool(32 << 20)) {
            List<RecordedEvent> events = record(() -> {
                Block one = pool.allocate(40_000); // a slab of 64 KiB
                Block two = pool.allocate(65_536); // a slab of 128 KiB
                one.release();
                pool.allocate(65_536).release(); // a hit
                two.release();
                pool.allocate(9 << 20).release(); // memory of its own
                while (pool.trim()) {
                    assertThat(pool.outstandingBlocks()).isZero();
                }
            });
            List<RecordedEvent> slabs = named("SlabAllocation", events);
            assertThat(slabs).extracting(e -> e.getLong("bytes")).containsExactly(64L << 10, 128L << 10);
            assertThat(slabs).extracting(e -> e.getLong("blockBytes")).containsOnly(64L << 10);
            assertThat(slabs).extracting(e -> e.getLong("slabBytes")).containsExactly(64L << 10, 192L << 10);
            List<RecordedEvent> misses = named("PoolMiss", events);
            assertThat(misses).extracting(e -> e.getLong("bytes")).containsExactly(64L << 10, 64L << 10, 9L << 20);
            assertThat(misses).allMatch(miss -> miss.getStackTrace() != null);
            List<RecordedEvent> trims = named("MemoryTrim", events);
            assertThat(trims).hasSize(1);
            assertThat(trims.getFirst().getInt("slabs")).isEqualTo(2);
            assertThat(trims.getFirst().getLong("bytes")).isEqualTo(192 << 10);
            assertThat(trims.getFirst().getLong("slabBytes")).isZero();
            assertThat(named("BufferLeak", events)).isEmpty();
        }
    }

    @Test
    void aLeakIsRecordedWithThePlaceWhereTheBufferWasMade() {
        List<RecordedEvent> events = record(() -> MemoryEvents.leak(1234, CheckedMode.here("made")));
        assertThat(events).hasSize(1);
        assertThat(events.getFirst().getLong("bytes")).isEqualTo(1234);
        assertThat(events.getFirst().getString("madeAt")).contains("made by ", "MemoryEventsTest");
    }

    @Test
    void withoutARecordingNothingIsKept() {
        try (SegmentPool pool = new SegmentPool(1 << 20)) {
            pool.allocate(1).release();
            assertThat(record(() -> {})).isEmpty();
        }
    }
}

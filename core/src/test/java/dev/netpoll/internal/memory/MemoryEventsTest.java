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

    private static List<Long> sizes(List<RecordedEvent> events) {
        return events.stream().map(event -> event.getLong("bytes")).toList();
    }

    /** Of sizes that nobody else uses: the trimmers of other pools may be at work. */
    @Test
    void slabsMissesAndTrimsAreRecordedWithTheirSizes() {
        long size = 4 << 20;
        long huge = (9 << 20) + 17;
        try (SegmentPool pool = new SegmentPool(32 << 20)) {
            List<RecordedEvent> events = record(() -> {
                Block one = pool.allocate((int) size - 100);
                Block two = pool.allocate((int) size);
                one.release();
                pool.allocate((int) size).release(); // a hit
                two.release();
                pool.allocate((int) huge).release();
                while (pool.trim()) {
                    assertThat(pool.outstandingBlocks()).isZero();
                }
            });
            List<RecordedEvent> slabs = named("SlabAllocation", events);
            assertThat(sizes(slabs)).containsExactly(size, size);
            assertThat(slabs).extracting(event -> event.getLong("blockBytes")).containsOnly(size);
            assertThat(slabs).extracting(event -> event.getLong("slabBytes")).containsExactly(size, 2 * size);
            List<RecordedEvent> misses = named("PoolMiss", events);
            assertThat(sizes(misses)).containsExactly(size, size, huge);
            assertThat(misses).allMatch(miss -> miss.getStackTrace() != null);
            List<RecordedEvent> trims = named("MemoryTrim", events).stream()
                    .filter(trim -> trim.getLong("bytes") == 2 * size)
                    .toList();
            assertThat(trims).hasSize(1);
            assertThat(trims.getFirst().getInt("slabs")).isEqualTo(2);
            assertThat(trims.getFirst().getLong("slabBytes")).isZero();
        }
    }

    @Test
    void aLeakIsRecordedWithThePlaceWhereTheBufferWasMade() {
        List<RecordedEvent> events = record(() -> MemoryEvents.leak(1234, CheckedMode.here("made")));
        assertThat(named("BufferLeak", events)).anySatisfy(leak -> {
            assertThat(leak.getLong("bytes")).isEqualTo(1234);
            assertThat(leak.getString("madeAt")).contains("made by ", "MemoryEventsTest");
        });
    }

    @Test
    void withoutARecordingNothingIsKept() {
        try (SegmentPool pool = new SegmentPool(1 << 20)) {
            pool.allocate(1).release();
            assertThat(named("PoolMiss", record(() -> {}))).isEmpty();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.memory.SegmentPool;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Buffers that nobody closes: checked mode reports those that hold memory, and no others. */
class LeakReportTest {
    private static final Duration SOON = Duration.ofSeconds(20);

    /** Never closed, as blocks that are leaked stay out. */
    private static final SegmentPool POOL = new SegmentPool(16 << 20);

    private final List<LogRecord> records = new CopyOnWriteArrayList<>();
    private final Logger logger = Logger.getLogger("dev.netpoll.buffer");
    private final Handler handler = new Handler() {
        @Override
        public void publish(LogRecord logged) {
            records.add(logged);
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    };

    @BeforeAll
    static void onlyInCheckedMode() {
        Checked.assumeOn();
    }

    @BeforeEach
    void listen() {
        logger.addHandler(handler);
        logger.setUseParentHandlers(false);
    }

    @AfterEach
    void unlisten() {
        logger.setUseParentHandlers(true);
        logger.removeHandler(handler);
    }

    private static boolean collectedUntil(BooleanSupplier condition) {
        long deadline = System.nanoTime() + SOON.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadline > 0) {
                return false;
            }
            System.gc();
            LockSupport.parkNanos(5_000_000);
        }
        return true;
    }

    private static long leaks() {
        return BufferMemory.stats().leaks();
    }

    private static void leakBytes() {
        new LinkBuffer(POOL, 0).writeBytes(new byte[12]).flush();
    }

    private static void leakPendingBytes() {
        new LinkBuffer(POOL, 0).writeBytes(new byte[34]);
    }

    private static void leakView() {
        LinkBuffer buffer = new LinkBuffer(POOL, 0);
        buffer.writeBytes(new byte[5]).flush();
        assertThat(buffer.next(5).byteSize()).isEqualTo(5);
    }

    private static void leakSlice() {
        try (LinkBuffer buffer = new LinkBuffer(POOL, 0)) {
            buffer.writeBytes(new byte[100]).flush();
            assertThat(buffer.slice(56).readableBytes()).isEqualTo(56);
        }
    }

    @SuppressWarnings("resource") // that is the leak
    private static void leakStreamReader() {
        try {
            StreamReader.of(new ByteArrayInputStream(new byte[78])).skip(1);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @SuppressWarnings("resource") // that is the leak
    private static void leakStreamWriter() {
        try {
            StreamWriter.of(new ByteArrayOutputStream()).writeInt(1);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private void isReported(Runnable leak, String what, String method) {
        leak.run();
        assertThat(collectedUntil(() -> records.stream().anyMatch(r -> madeBy(r, method))))
                .as("the report of " + method)
                .isTrue();
        LogRecord report =
                records.stream().filter(r -> madeBy(r, method)).findFirst().orElseThrow();
        assertThat(report.getLevel()).isEqualTo(java.util.logging.Level.SEVERE);
        assertThat(report.getMessage()).startsWith("leak: a " + what + " was never closed");
    }

    private static boolean madeBy(LogRecord logged, String method) {
        Throwable madeAt = logged.getThrown();
        for (StackTraceElement frame : madeAt == null ? new StackTraceElement[0] : madeAt.getStackTrace()) {
            if (frame.getClassName().equals(LeakReportTest.class.getName())
                    && frame.getMethodName().equals(method)) {
                return true;
            }
        }
        return false;
    }

    @Test
    void aLeakedBufferIsCountedAndReportedWithThePlaceWhereItWasMade() {
        long before = leaks();
        isReported(LeakReportTest::leakBytes, "LinkBuffer with 12 bytes", "leakBytes");
        isReported(LeakReportTest::leakPendingBytes, "LinkBuffer with 34 bytes", "leakPendingBytes");
        isReported(LeakReportTest::leakView, "LinkBuffer with 0 bytes", "leakView");
        isReported(LeakReportTest::leakSlice, "LinkBuffer with 56 bytes", "leakSlice");
        isReported(LeakReportTest::leakStreamReader, "StreamReader with 77 bytes", "leakStreamReader");
        isReported(LeakReportTest::leakStreamWriter, "StreamWriter with 4 bytes", "leakStreamWriter");
        assertThat(leaks()).isGreaterThanOrEqualTo(before + 6);
    }

    @Test
    void theBlocksOfALeakAreListedWithThePlaceWhereTheyWereHandedOut() {
        try (SegmentPool pool = new SegmentPool(1 << 20)) {
            assertThat(pool.whereAllocated()).isEmpty();
            LinkBuffer buffer = new LinkBuffer(pool, 0);
            buffer.writeByte(1);
            assertThat(pool.whereAllocated())
                    .contains("allocated by", "theBlocksOfALeakAreListedWithThePlaceWhereTheyWereHandedOut");
            buffer.close();
            assertThat(pool.whereAllocated()).isEmpty();
        }
    }

    @Test
    void buffersThatHoldNothingAreNoLeaks() throws IOException {
        List<WeakReference<Object>> abandoned = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            abandonHarmlessly(abandoned);
        }
        assertThat(collectedUntil(() -> abandoned.stream().allMatch(reference -> reference.refersTo(null))))
                .as("all are collected")
                .isTrue();
        isReported(LeakReportTest::leakBytes, "LinkBuffer with 12 bytes", "leakBytes"); // the reports are up to date
        assertThat(records).noneMatch(report -> madeBy(report, "abandonHarmlessly"));
    }

    @SuppressWarnings("resource") // not closed, but they hold nothing
    private static void abandonHarmlessly(List<WeakReference<Object>> abandoned) throws IOException {
        LinkBuffer fresh = new LinkBuffer(POOL, 0);
        LinkBuffer closed = new LinkBuffer(POOL, 0);
        closed.writeByte(1).flush();
        closed.peek(1);
        closed.close();
        LinkBuffer consumed = new LinkBuffer(POOL, 0);
        consumed.writeBytes(new byte[10_000]).flush();
        consumed.skip(10_000);
        LinkBuffer viewed = new LinkBuffer(POOL, 0);
        viewed.writeInt(1).flush();
        MemorySegment view = viewed.next(4);
        viewed.release();
        LinkBuffer truncated = new LinkBuffer(POOL, 0);
        truncated.writeInt(1).truncate(0);
        LinkBuffer appended = new LinkBuffer(POOL, 0);
        appended.writeInt(1).flush();
        appended.peek(2);
        appended.writeInt(2);
        StreamWriter out = StreamWriter.of(new ByteArrayOutputStream());
        out.append(appended).flush();
        LinkBuffer emptySlice = consumed.slice(0);
        StreamReader in = StreamReader.of(new ByteArrayInputStream(new byte[4]));
        assertThat(in.readInt() + view.byteSize()).isEqualTo(4);
        for (Object object : List.of(fresh, closed, consumed, viewed, truncated, appended, emptySlice, in, out)) {
            abandoned.add(new WeakReference<>(object));
        }
    }
}

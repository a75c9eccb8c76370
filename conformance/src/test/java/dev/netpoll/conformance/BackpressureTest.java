// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.FrameTooLargeException;
import dev.netpoll.ReadTimeoutException;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.buffer.Reader;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Nothing a peer does makes memory grow without bound. */
class BackpressureTest extends ConformanceTest {
    private static final int HIGH = 128 << 10;
    private static final int LOW = 64 << 10;

    /** More than the kernel's buffers and the marks together hold. */
    private static final int FLOOD = 64 << 20;

    /** Nobody takes anything for so long: the peer is stuck. */
    private static final Duration QUIET = Duration.ofMillis(50);

    private static final ConnectionOptions MARKS =
            ConnectionOptions.builder().inboundMarks(LOW, HIGH).build();

    /** Reading may overshoot the mark by what one read brings. */
    private static final long BOUND = HIGH + (2 << 20);

    @Test
    void readingPausesAtTheHighMarkAndGoesOnBelowTheLowMark() throws Exception {
        long before = LeakCheck.outstandingBytes();
        Pair pair = net.pair(MARKS);
        Reader in = pair.connection().reader();
        long sent = pair.peer().sendUntilStuck(QUIET, FLOOD);
        assertThat(sent).as("the peer is slowed down").isLessThan(FLOOD);
        assertThat(in.readableBytes()).isBetween(1L, BOUND);
        assertThat(LeakCheck.outstandingBytes() - before).isLessThan(2 * BOUND);
        Background<Void> read = Background.run(() -> in.skip(sent));
        read.result();
        assertThat(in.readableBytes()).isZero();
        pair.peer().send("more");
        assertThat(in.readUtf8(4)).isEqualTo("more");
    }

    @Test
    void aHandlerThatNeverReadsSlowsItsPeerDown() throws Exception {
        long before = LeakCheck.outstandingBytes();
        Listening server = net.listen(net.server().options(MARKS).onRequest(Handlers.ignore()));
        RawPeer flooding = net.connectRaw(server.address());
        assertThat(flooding.sendUntilStuck(QUIET, FLOOD)).isLessThan(FLOOD);
        assertThat(LeakCheck.outstandingBytes() - before).isLessThan(2 * BOUND);
        flooding.close();
    }

    @Test
    void slicesCountUntilTheyAreClosed() throws Exception {
        Pair pair = net.pair(MARKS);
        Reader in = pair.connection().reader();
        // Somebody who waits for bytes gets them, whatever the marks say.
        Background<LinkBuffer> slicing = Background.call(() -> in.slice(8 * HIGH));
        pair.peer().send(new byte[8 * HIGH]);
        long before;
        try (LinkBuffer slice = slicing.result()) {
            assertThat(slice.readableBytes()).isEqualTo(8 * HIGH);
            assertThat(pair.peer().sendUntilStuck(QUIET, FLOOD)).isLessThan(FLOOD);
            before = in.readableBytes();
            assertThat(before).as("what the slice leaves room for").isLessThan(HIGH);
        }
        Await.until("more comes when the slice is closed", () -> in.readableBytes() > before);
    }

    @Test
    void viewsCountUntilTheyAreReleased() throws Exception {
        Pair pair = net.pair(MARKS);
        Reader in = pair.connection().reader();
        Background<MemorySegment> reading = Background.call(() -> in.next(8 * HIGH));
        pair.peer().send(new byte[8 * HIGH]);
        assertThat(reading.result().byteSize()).isEqualTo(8 * HIGH);
        assertThat(pair.peer().sendUntilStuck(QUIET, FLOOD)).isLessThan(FLOOD);
        long before = in.readableBytes();
        assertThat(before).as("what the view leaves room for").isLessThan(HIGH);
        in.release();
        Await.until("more comes when the view is released", () -> in.readableBytes() > before);
    }

    @Test
    void whatADetachedSocketBringsAlongCounts() throws Exception {
        Pair pair = net.pair(MARKS);
        long sent = pair.peer().sendUntilStuck(QUIET, FLOOD);
        Connection again = pair.connection();
        long[] unread = new long[6];
        for (int i = 0; i < unread.length; i++) {
            again = net.closing(net.group().adopt(again.detach(), MARKS));
            sent += pair.peer().sendUntilStuck(QUIET, FLOOD);
            unread[i] = again.reader().readableBytes();
        }
        Reader in = again.reader();
        assertThat(unread[0]).isBetween((long) LOW, BOUND);
        assertThat(unread[5]).as("reading begins paused").isLessThan(unread[0] + HIGH);
        assertThat(net.group().budgetStats().usedBytes()).isGreaterThanOrEqualTo(HIGH / 2);
        for (long left = sent; left > 0; left -= HIGH) { // it goes on below the low mark
            in.skip(Math.min(left, HIGH));
        }
        again.close();
        Await.until("nothing counts any more", () -> net.group().budgetStats().usedBytes() == 0);
    }

    @Test
    void aReadLargerThanTheHighMarkIsServed() throws Exception {
        Pair pair = net.pair(MARKS);
        byte[] sent = Bytes.pattern(5 << 20);
        Background<Void> sender =
                Background.runOnPlatformThread(() -> pair.peer().send(sent));
        assertThat(Arrays.equals(pair.connection().reader().readBytes(sent.length), sent))
                .isTrue();
        sender.result();
    }

    @Test
    void aDemandLargerThanTheHighMarkIsServed() throws Exception {
        Listening server = net.listen(net.server().options(MARKS).onRequest(Handlers.frames(request -> request)));
        RawPeer peer = net.connectRaw(server.address());
        byte[] frame = Bytes.frame(Bytes.pattern(3 << 20));
        Background<byte[]> answer = Background.call(() -> peer.receive(frame.length));
        peer.send(frame);
        assertThat(Arrays.equals(answer.result(), frame)).isTrue();
    }

    @Test
    void aReadLargerThanTheLongestFrameIsRefusedBeforeMemoryIsTaken() throws Exception {
        Pair pair = net.pair(ConnectionOptions.builder().maxFrameLength(1000).build());
        Reader in = pair.connection().reader();
        pair.peer().send(new byte[100]);
        assertThat(catchThrowable(() -> in.next(1001))).isInstanceOf(FrameTooLargeException.class);
        assertThat(catchThrowable(() -> in.peek(Integer.MAX_VALUE))).isInstanceOf(FrameTooLargeException.class);
        assertThat(catchThrowable(() -> in.slice(1001))).isInstanceOf(FrameTooLargeException.class);
        assertThat(in.next(100).byteSize()).isEqualTo(100);
    }

    @Test
    void aRefusedFrameCostsOnlyItsConnection() throws Exception {
        ConnectionOptions options =
                ConnectionOptions.builder().maxFrameLength(1000).build();
        Listening server = net.listen(net.server().options(options).onRequest(Handlers.frames(request -> request)));
        RawPeer good = net.connectRaw(server.address());
        RawPeer bad = net.connectRaw(server.address());
        bad.send(new byte[] {0x7f, 0, 0, 0, 1});
        bad.awaitEnd();
        assertThat(net.takeError()).isInstanceOf(FrameTooLargeException.class);
        good.send(new byte[] {0, 0, 0, 1, 7});
        assertThat(good.receive(5)).containsExactly(0, 0, 0, 1, 7);
    }

    @Test
    void pausedReadingTakesNothingAndResumedReadingEverything() throws Exception {
        Pair pair = net.pair();
        Connection connection = pair.connection();
        pair.peer().send("before");
        Await.until("it came", () -> connection.reader().readableBytes() == 6);
        connection.pauseReading();
        connection.pauseReading();
        assertThat(connection.isReadingPaused()).isTrue();
        // The loop may be in the middle of a read: one more delivery is nothing against a flood.
        long sent = pair.peer().sendUntilStuck(QUIET, FLOOD);
        assertThat(sent).isLessThan(FLOOD);
        assertThat(connection.reader().readableBytes()).isLessThan(BOUND);
        assertThat(connection.reader().readUtf8(6)).isEqualTo("before");
        connection.resumeReading();
        assertThat(connection.isReadingPaused()).isFalse();
        connection.reader().skip(sent);
    }

    @Test
    void aReadWaitsUntilReadingIsResumed() throws Exception {
        Pair pair = net.pair();
        Connection connection = pair.connection();
        connection.pauseReading();
        // A round trip of another connection does not prove that the pause has arrived; the time-out does no harm.
        pair.peer().send("x");
        connection.setReadTimeout(Timing.SHORT);
        Throwable failure = catchThrowable(() -> connection.reader().readByte());
        if (failure == null) {
            pair.peer().send("y");
            failure = catchThrowable(() -> connection.reader().readByte());
        }
        assertThat(failure).isInstanceOf(ReadTimeoutException.class);
        connection.setReadTimeout(Timing.LONG);
        Background<Byte> read =
                Background.call(() -> connection.reader().readByte()).awaitBlocked();
        connection.resumeReading();
        read.result();
    }

    @Test
    void pausingAndResumingManyTimesLosesNothing() throws Exception {
        Pair pair = net.pair();
        byte[] sent = Bytes.pattern(2 << 20);
        Background<byte[]> read =
                Background.call(() -> pair.connection().reader().readBytes(sent.length));
        Background<Void> sender =
                Background.runOnPlatformThread(() -> pair.peer().send(sent));
        while (!read.isDone()) {
            pair.connection().pauseReading();
            Thread.onSpinWait();
            pair.connection().resumeReading();
        }
        assertThat(Arrays.equals(read.result(), sent)).isTrue();
        sender.result();
    }

    @Test
    void fortyClientsThatPourRequestsAndNeverReadLeaveMemoryBoundedAndOthersServed() throws Exception {
        long before = LeakCheck.outstandingBytes();
        Listening server = net.serve(Handlers.frames(request -> request));
        byte[] request = Bytes.frame(new byte[64 << 10]);
        List<RawPeer> rude = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            rude.add(net.connectRaw(server.address(), 64 << 10));
        }
        RawPeer polite = net.connectRaw(server.address());
        int[] offsets = new int[rude.size()];
        for (int round = 0; round < 100; round++) {
            for (int i = 0; i < offsets.length; i++) {
                offsets[i] = pour(rude.get(i), request, offsets[i]);
            }
            if (round % 10 == 0) {
                polite.send(new byte[] {0, 0, 0, 1, (byte) round});
                assertThat(polite.receive(5)).containsExactly(0, 0, 0, 1, (byte) round);
            }
        }
        // Per client: the input's mark, the output's mark, a request and its answer on the way, and slack.
        assertThat(LeakCheck.outstandingBytes() - before).isLessThan(40L * (4 << 20));
        polite.send(new byte[] {0, 0, 0, 1, 99});
        assertThat(polite.receive(5)).containsExactly(0, 0, 0, 1, 99);
    }

    /** Sends what the kernel takes of the request from the offset on, and returns the next offset. */
    private static int pour(RawPeer peer, byte[] request, int offset) throws IOException {
        int sent = peer.trySend(offset == 0 ? request : Arrays.copyOfRange(request, offset, request.length));
        return (offset + sent) % request.length;
    }
}

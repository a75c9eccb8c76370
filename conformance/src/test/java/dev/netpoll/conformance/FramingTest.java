// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.Dialer;
import dev.netpoll.Dispatch;
import dev.netpoll.FrameTooLargeException;
import dev.netpoll.Framing;
import dev.netpoll.Server;
import dev.netpoll.buffer.Reader;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Framing: the handler runs once for each whole frame, and for nothing else. */
class FramingTest extends ConformanceTest {
    private static final Framing INT = Framing.lengthField(0, Integer.BYTES);
    private static final int HIGH = 64 << 10;
    private static final ConnectionOptions MARKS =
            ConnectionOptions.builder().inboundMarks(HIGH / 2, HIGH).build();

    /** How often the handler ran, and what it was given. */
    private final AtomicInteger runs = new AtomicInteger();

    private final Queue<String> seen = new ConcurrentLinkedQueue<>();

    /** Takes a frame whose payload begins behind the header, and notes the payload. */
    private ConnectionHandler take(int header, int adjustment) {
        return connection -> {
            runs.incrementAndGet();
            Reader in = connection.reader();
            in.skip(header - 1);
            int length = in.readByte() + adjustment;
            seen.add(in.readUtf8(length));
        };
    }

    /** Echoes frames of 4 bytes of length and a payload. */
    private ConnectionHandler echo() {
        return connection -> {
            runs.incrementAndGet();
            Reader in = connection.reader();
            byte[] payload = in.readBytes(in.readInt());
            connection.writer().writeBytes(Bytes.frame(payload)).flush();
        };
    }

    private Listening serve(Framing framing, ConnectionHandler handler) throws Exception {
        return net.listen(net.server().framing(framing).onRequest(handler));
    }

    private static byte[] hex(String bytes) {
        return HexFormat.of().parseHex(bytes.replace(" ", ""));
    }

    private static byte[] text(String text) {
        return Bytes.frame(text.getBytes(StandardCharsets.UTF_8));
    }

    private void expect(String... payloads) {
        Await.until("all frames came: " + seen, () -> seen.size() >= payloads.length);
        assertThat(seen).containsExactly(payloads);
        assertThat(runs).hasValue(payloads.length);
    }

    @Test
    void aFrameSplitAtAnyByteIsOneRun() throws Exception {
        Listening server = serve(INT, take(4, 0));
        RawPeer peer = net.connectRaw(server.address());
        byte[] frame = text("hello");
        for (int split = 1; split < frame.length; split++) {
            int before = runs.get();
            peer.send(Arrays.copyOf(frame, split));
            Await.stays("half a frame is no run", Duration.ofMillis(10), () -> runs.get() == before);
            peer.send(Arrays.copyOfRange(frame, split, frame.length));
            Await.until("the frame is a run", () -> runs.get() == before + 1);
        }
        Await.until("each was read", () -> seen.size() == frame.length - 1);
        assertThat(seen).containsOnly("hello");
    }

    @Test
    void framesThatComeByteByByteAreOneRunEach() throws Exception {
        Listening server = serve(INT, echo());
        RawPeer peer = net.connectRaw(server.address());
        for (int i = 0; i < 20; i++) {
            byte[] frame = text("frame " + i);
            for (byte b : frame) {
                peer.send(new byte[] {b});
            }
            assertThat(peer.receive(frame.length)).isEqualTo(frame);
        }
        assertThat(runs).hasValue(20);
    }

    @Test
    void framesInOnePacketAreOneRunEach() throws Exception {
        Listening server = serve(INT, echo());
        RawPeer peer = net.connectRaw(server.address());
        byte[] burst = {};
        for (int i = 0; i < 200; i++) {
            burst = Bytes.concat(burst, text("pipelined " + i));
        }
        byte[] half = text("half");
        peer.send(Bytes.concat(burst, Arrays.copyOf(half, 6)));
        assertThat(peer.receive(burst.length)).isEqualTo(burst);
        Await.stays("the half frame is no run", Timing.SHORT, () -> runs.get() == 200);
        peer.send(Arrays.copyOfRange(half, 6, half.length));
        assertThat(peer.receive(half.length)).isEqualTo(half);
        assertThat(runs).hasValue(201);
    }

    @Test
    void theDefaultDispatchRunsOncePerFrameWhoeverRunsIt() throws Exception {
        Listening server = net.listen(
                net.server().dispatch(Dispatch.adaptive()).framing(INT).onRequest(echo()));
        RawPeer peer = net.connectRaw(server.address());
        byte[] frame = text("adaptive");
        byte[] burst = {};
        for (int i = 0; i < 50; i++) {
            burst = Bytes.concat(burst, frame);
        }
        int rounds = 40; // enough for handlers to move to the loop
        for (int i = 0; i < rounds; i++) {
            int split = burst.length - 1 - i % frame.length;
            peer.send(Arrays.copyOf(burst, split));
            peer.send(Arrays.copyOfRange(burst, split, burst.length));
            assertThat(peer.receive(burst.length)).isEqualTo(burst);
        }
        assertThat(runs).hasValue(50 * rounds);
    }

    @Test
    void aFrameLargerThanTheInboundMarkArrives() throws Exception {
        Listening server = net.listen(net.server().options(MARKS).framing(INT).onRequest(echo()));
        byte[] frame = Bytes.frame(Bytes.pattern(4 << 20));
        RawPeer peer = net.connectRaw(server.address());
        for (int round = 1; round <= 2; round++) {
            peer.send(frame);
            assertThat(peer.receive(frame.length)).isEqualTo(frame);
            assertThat(runs).hasValue(round);
        }
    }

    @Test
    void aFrameWhoseLengthComesInPiecesGoesBeforeATinyMark() throws Exception {
        ConnectionOptions tiny = ConnectionOptions.builder().inboundMarks(1, 1).build();
        RawPeer peer = net.connectRaw(
                net.listen(net.server().options(tiny).framing(INT).onRequest(take(4, 0)))
                        .address());
        byte[] frame = text("hello");
        peer.send(Arrays.copyOf(frame, 1));
        Await.stays("a byte is no run", Duration.ofMillis(10), () -> runs.get() == 0);
        peer.send(Arrays.copyOfRange(frame, 1, 3));
        Await.stays("nor is half a length", Duration.ofMillis(10), () -> runs.get() == 0);
        peer.send(Arrays.copyOfRange(frame, 3, frame.length));
        expect("hello");
    }

    @Test
    void aSlowLargeFrameHoldsNoThreadAndStartsNone() throws Exception {
        AtomicInteger started = new AtomicInteger();
        Listening server = net.listen(net.server()
                .dispatch(Dispatch.executor(task -> {
                    started.incrementAndGet();
                    Thread.startVirtualThread(task);
                }))
                .options(MARKS)
                .framing(INT)
                .onRequest(echo()));
        RawPeer slow = net.connectRaw(server.address());
        byte[] frame = Bytes.frame(Bytes.pattern(1 << 20));
        int piece = frame.length / 16;
        for (int at = 0; at < frame.length - 1; at += piece) {
            slow.send(Arrays.copyOfRange(frame, at, Math.min(at + piece, frame.length - 1)));
            Await.stays("nothing is started", Duration.ofMillis(5), () -> started.get() == 0);
        }
        slow.send(new byte[] {frame[frame.length - 1]});
        assertThat(slow.receive(frame.length)).isEqualTo(frame);
        assertThat(started).hasValue(1);
    }

    @Test
    void aFrameWithoutPayloadIsARun() throws Exception {
        Listening server = serve(INT, take(4, 0));
        net.connectRaw(server.address()).send(Bytes.concat(text(""), text("a"), text(""), text("")));
        expect("", "a", "", "");
    }

    @Test
    void lengthsOfEveryWidthAndOrderAreUnderstood() throws Exception {
        record Case(Framing framing, int header, int adjustment, String bytes) {}
        Framing behindTwo = Framing.lengthField(2, 2);
        for (Case c : List.of(
                new Case(Framing.lengthField(0, 1), 1, 0, "02 6869"),
                new Case(Framing.lengthField(0, 2), 2, 0, "0002 6869"),
                new Case(Framing.lengthField(0, 3), 3, 0, "000002 6869"),
                new Case(Framing.lengthField(0, 8), 8, 0, "0000000000000002 6869"),
                new Case(behindTwo, 4, 0, "ffff 0002 6869"),
                new Case(behindTwo.adjustment(-4), 4, -4, "ffff 0006 6869"),
                new Case(behindTwo.adjustment(1), 4, 1, "ffff 0001 6869"),
                new Case(Framing.varint(), 1, 0, "02 6869"))) {
            seen.clear();
            runs.set(0);
            Listening server = serve(c.framing(), take(c.header(), c.adjustment()));
            byte[] frame = hex(c.bytes());
            net.connectRaw(server.address()).send(Bytes.concat(frame, frame));
            expect("hi", "hi");
        }
    }

    @Test
    void aLittleEndianLengthIsUnderstood() throws Exception {
        Framing framing = Framing.lengthField(0, 4).byteOrder(ByteOrder.LITTLE_ENDIAN);
        Listening server = serve(framing, connection -> {
            runs.incrementAndGet();
            seen.add(connection.reader().readUtf8(connection.reader().readIntLE()));
        });
        net.connectRaw(server.address()).send(hex("02000000 6869 00000000"));
        expect("hi", "");
    }

    @Test
    void aVarintSplitAnywhereIsOneRun() throws Exception {
        Listening server = serve(Framing.varint(), connection -> {
            runs.incrementAndGet();
            Reader in = connection.reader();
            seen.add(in.readUtf8(in.readVarInt()));
        });
        RawPeer peer = net.connectRaw(server.address());
        String payload = "x".repeat(300);
        byte[] frame = Bytes.concat(hex("ac02"), payload.getBytes(StandardCharsets.UTF_8));
        peer.send(Bytes.concat(frame, new byte[] {frame[0]}));
        Await.until("the first is a run", () -> seen.size() == 1);
        Await.stays("half a length is no run", Timing.SHORT, () -> runs.get() == 1);
        peer.send(Arrays.copyOfRange(frame, 1, frame.length));
        expect(payload, payload);
    }

    @Test
    void aLengthThatIsNotAllowedIsReportedAndEndsTheConnectionAtOnce() throws Exception {
        record Case(Framing framing, String bytes) {}
        long before = LeakCheck.outstandingBytes();
        for (Case c : List.of(
                new Case(INT.maxFrameLength(1000), "000003e5"),
                new Case(INT, "7fffffff"),
                new Case(INT, "ffffffff"),
                new Case(INT.adjustment(-4), "00000003"),
                new Case(Framing.lengthField(0, 8), "7fffffffffffffff"),
                new Case(Framing.lengthField(0, 8), "8000000000000000"),
                new Case(Framing.varint(), "ffffffffff"))) {
            Listening server = serve(c.framing(), take(4, 0));
            RawPeer peer = net.connectRaw(server.address());
            peer.send(hex(c.bytes()));
            assertThat(net.takeError())
                    .as(c.toString())
                    .isInstanceOf(FrameTooLargeException.class)
                    .hasMessageContaining("length field of a frame");
            peer.awaitEnd();
            server.awaitNoConnections();
        }
        assertThat(runs).hasValue(0);
        net.awaitMemory("nothing is kept", () -> LeakCheck.outstandingBytes() <= before);
    }

    @Test
    void aBadFrameBehindGoodOnesLetsThemBeAnswered() throws Exception {
        Listening server = serve(INT, echo());
        RawPeer peer = net.connectRaw(server.address());
        byte[] good = Bytes.concat(text("one"), text("two"));
        peer.send(Bytes.concat(good, hex("ffffffff")));
        assertThat(peer.receive(good.length)).isEqualTo(good);
        assertThat(net.takeError()).isInstanceOf(FrameTooLargeException.class);
        peer.awaitEnd();
        assertThat(runs).hasValue(2);
    }

    @Test
    void aFrameOfExactlyTheLimitIsWithinIt() throws Exception {
        Listening server = serve(INT.maxFrameLength(9), take(4, 0));
        net.connectRaw(server.address()).send(text("12345"));
        expect("12345");
    }

    @Test
    void whatTheHandlerLeavesOfItsFrameIsSkipped() throws Exception {
        Listening server = serve(INT, connection -> {
            Reader in = connection.reader();
            switch (runs.incrementAndGet()) {
                case 1 -> {} // leaves all
                case 2 -> in.readInt();
                case 3 -> in.next(6); // leaves some, and a view
                default -> seen.add(in.readUtf8(in.readInt()));
            }
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send(Bytes.concat(text("first"), text("second"), text("third"), text("fourth")));
        Await.until("four runs", () -> seen.size() == 1);
        assertThat(seen).containsExactly("fourth");
        peer.send(text("fifth"));
        Await.until("one more", () -> seen.size() == 2);
        Await.stays("and no other", Timing.SHORT, () -> runs.get() == 5);
    }

    @Test
    void aHandlerMayReadSeveralFramesThatAreThere() throws Exception {
        Listening server = serve(INT, connection -> {
            runs.incrementAndGet();
            Reader in = connection.reader();
            while (in.readableBytes() > 0) {
                seen.add(in.readUtf8(in.readInt()));
            }
        });
        RawPeer peer = net.connectRaw(server.address());
        for (int i = 1; i <= 20; i++) {
            int sent = 2 * i;
            peer.send(Bytes.concat(text("a"), text("b")));
            Await.until("both are read", () -> seen.size() == sent);
        }
        assertThat(runs.get()).isLessThanOrEqualTo(40); // a run may find the next two as well
    }

    @Test
    void theFirstFrameBeginsWhereOnConnectStoppedReading() throws Exception {
        Listening server = net.listen(net.server()
                .framing(INT)
                .onConnect(connection -> {
                    Reader in = connection.reader();
                    seen.add(in.readableBytes() >= 5 ? in.readUtf8(5) : "");
                })
                .onRequest(take(4, 0)));
        RawPeer peer = net.connectRaw(server.address());
        Await.until("it is connected", () -> !seen.isEmpty());
        if (seen.remove().isEmpty()) {
            peer.send(text("hi"));
        } else {
            throw new AssertionError("nothing was sent yet");
        }
        expect("hi");
    }

    @Test
    void theEndInsideAFrameClosesWithoutARun() throws Exception {
        AtomicInteger disconnects = new AtomicInteger();
        AtomicInteger closes = new AtomicInteger();
        Listening server = net.listen(net.server()
                .framing(INT)
                .onConnect(connection -> connection.addCloseCallback(c -> closes.incrementAndGet()))
                .onRequest(take(4, 0))
                .onDisconnect(c -> disconnects.incrementAndGet()));
        for (byte[] half : List.of(hex("00"), hex("00000005"), hex("00000005 6869"))) {
            int before = closes.get();
            RawPeer peer = net.connectRaw(server.address());
            peer.send(half).finish();
            peer.awaitEnd();
            Await.until("it is closed", () -> closes.get() == before + 1);
        }
        assertThat(disconnects).hasValue(3);
        assertThat(runs).hasValue(0);
    }

    @Test
    void framesBeforeTheEndAreHandled() throws Exception {
        Listening server = serve(INT, echo());
        RawPeer peer = net.connectRaw(server.address());
        byte[] frames = Bytes.concat(text("one"), text("two"));
        peer.send(Bytes.concat(frames, hex("0000"))).finish();
        assertThat(peer.drain()).isEqualTo(frames.length);
    }

    @Test
    void aShutdownWaitsForAFrameThatHasBegun() throws Exception {
        Listening server = serve(INT, echo());
        RawPeer peer = net.connectRaw(server.address());
        byte[] first = text("first");
        byte[] frame = text("late");
        peer.send(Bytes.concat(first, Arrays.copyOf(frame, 5)));
        assertThat(peer.receive(first.length)).isEqualTo(first); // so what came with it has been received, too
        AtomicReference<Boolean> orderly = new AtomicReference<>();
        Thread stopper =
                Thread.startVirtualThread(() -> orderly.set(server.server().shutdown(Await.DEADLINE)));
        Await.stays("the shutdown waits", Timing.SHORT, () -> orderly.get() == null);
        peer.send(Arrays.copyOfRange(frame, 5, frame.length));
        assertThat(peer.receive(frame.length)).isEqualTo(frame);
        stopper.join();
        assertThat(orderly.get()).isTrue();
    }

    @Test
    void aHandlerSetLaterOnADialedConnectionIsGivenWholeFrames() throws Exception {
        Pair pair = net.pair(net.dialer().framing(INT));
        pair.peer().send(Bytes.concat(text("one"), hex("00000003 74")));
        Await.until("bytes came", () -> pair.connection().reader().readableBytes() == 12);
        pair.connection().reader().release();
        pair.connection().onRequest(take(4, 0));
        Await.until("the whole one is handled", () -> seen.size() == 1);
        Await.stays("the half one is not", Timing.SHORT, () -> runs.get() == 1);
        pair.peer().send("wo");
        expect("one", "two");
    }

    @Test
    void aPeerThatNeverReadsIsAnsweredOncePerFrameWhenItDoes() throws Exception {
        Listening server = net.listen(net.server()
                .options(ConnectionOptions.builder().outboundHighMark(HIGH).build())
                .framing(INT)
                .onRequest(connection -> {
                    runs.incrementAndGet();
                    Reader in = connection.reader();
                    connection.writer().writeInt(HIGH);
                    connection.writer().writeBytes(new byte[HIGH]).flush();
                    in.skip(Integer.BYTES);
                }));
        RawPeer peer = net.connectRaw(server.address());
        int frames = 100;
        peer.send(new byte[frames * Integer.BYTES]);
        ByteBuffer answers = ByteBuffer.wrap(peer.receive(frames * (HIGH + Integer.BYTES)));
        assertThat(answers.getInt()).isEqualTo(HIGH);
        assertThat(runs).hasValue(frames);
    }

    @Test
    void settingsThatMakeNoSenseAreRefused() {
        assertThatThrownBy(() -> Framing.lengthField(-1, 4)).isInstanceOf(IllegalArgumentException.class);
        for (int width : new int[] {-1, 0, 5, 6, 7, 9}) {
            assertThatThrownBy(() -> Framing.lengthField(0, width))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("" + width);
        }
        assertThatThrownBy(() -> INT.maxFrameLength(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Framing.varint().byteOrder(ByteOrder.BIG_ENDIAN))
                .isInstanceOf(IllegalStateException.class);
        Framing impossible = INT.maxFrameLength(3);
        assertThatThrownBy(() -> Server.builder().framing(impossible).build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("maxFrameLength");
        assertThatThrownBy(() -> Dialer.builder().framing(impossible).build())
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(INT.adjustment(2).maxFrameLength(9).toString())
                .isEqualTo("Framing[lengthField(0, 4, BIG_ENDIAN), adjustment 2, at most 9 bytes]");
    }
}

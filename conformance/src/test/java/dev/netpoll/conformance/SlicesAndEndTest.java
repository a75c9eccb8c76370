// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.ConnectionOptions;
import dev.netpoll.Framing;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Reading pauses because of slices that are not closed, and the peer finishes meanwhile: nothing is thrown away. */
class SlicesAndEndTest extends ConformanceTest {
    private static final int SIZE = 200_000;
    private static final int FRAME = 10_000;
    private static final int FRAMES = 15;

    private static final Duration SHORT = Duration.ofMillis(5);

    @Test
    void allIsDeliveredBeforeTheEnd() throws Exception {
        Queue<LinkBuffer> slices = new ConcurrentLinkedQueue<>();
        AtomicLong sliced = new AtomicLong();
        AtomicInteger farewells = new AtomicInteger();
        Listening server = net.listen(net.server()
                .options(ConnectionOptions.builder().inboundMarks(8192, 32768).build())
                .onDisconnect(connection -> farewells.incrementAndGet())
                .onRequest(connection -> {
                    int there = (int) connection.reader().readableBytes();
                    slices.add(connection.reader().slice(there));
                    sliced.addAndGet(there);
                }));
        RawPeer peer = net.connectRaw(server.address());
        byte[] sent = Bytes.pattern(SIZE);
        Background<Void> sender =
                Background.runOnPlatformThread(() -> peer.send(sent).finish());
        Await.until("reading pauses", () -> sliced.get() >= 8192);
        Await.stays("it is open", Timing.SHORT, () -> server.server().connectionCount() == 1);
        ByteArrayOutputStream received = new ByteArrayOutputStream();
        Await.until("all has come", () -> {
            while (!slices.isEmpty()) {
                try (LinkBuffer slice = slices.remove()) {
                    received.write(slice.readBytes((int) slice.readableBytes()));
                }
            }
            return received.size() == SIZE;
        });
        sender.result();
        assertThat(received.toByteArray()).isEqualTo(sent);
        assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
        Await.until("it is told", () -> farewells.get() == 1);
    }

    @Test
    void everyFrameIsHandledThoughSlicesHoldTheBoundWhenThePeerFinishes() throws Exception {
        Queue<LinkBuffer> slices = new ConcurrentLinkedQueue<>();
        AtomicInteger farewells = new AtomicInteger();
        Listening server = net.listen(net.server()
                .framing(Framing.lengthField(0, 4))
                .options(ConnectionOptions.builder()
                        .inboundMarks(1, 2)
                        .maxFrameLength(FRAME + 4)
                        .build())
                .onDisconnect(connection -> farewells.incrementAndGet())
                .onRequest(connection -> {
                    int length = connection.reader().readInt();
                    slices.add(connection.reader().slice(length));
                    connection.writer().writeInt(length).flush();
                }));
        RawPeer peer = net.connectRaw(server.address());
        ByteBuffer frames = ByteBuffer.allocate(FRAMES * (4 + FRAME));
        for (int i = 0; i < FRAMES; i++) {
            frames.putInt(FRAME).position(frames.position() + FRAME);
        }
        Background<Void> sender =
                Background.runOnPlatformThread(() -> peer.send(frames.array()).finish());
        Await.until("slices hold the bound soon", () -> !slices.isEmpty());
        sender.result();
        for (int i = 0; i < FRAMES; i++) {
            Await.stays("it is open", SHORT, () -> server.server().connectionCount() == 1);
            assertThat(peer.receive(4)).isEqualTo(new byte[] {0, 0, FRAME >> 8, FRAME & 0xff});
            LinkBuffer slice = slices.poll();
            if (slice != null) {
                slice.close();
            }
        }
        assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
        Await.until("it is told", () -> farewells.get() == 1);
        slices.forEach(LinkBuffer::close);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.ConnectionOptions;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.io.ByteArrayOutputStream;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Reading pauses because of slices that are not closed, and the peer finishes meanwhile: nothing is thrown away. */
class SlicesAndEndTest extends ConformanceTest {
    private static final int SIZE = 200_000;

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
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.buffer.BufferMemory;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The memory of a server after a burst of large messages. */
@Variants(
        backends = {"epoll", "io_uring"},
        transports = Transport.TCP4,
        modes = Mode.VIRTUAL)
class BurstTest extends ConformanceTest {
    private static final int CONNECTIONS = 40;
    private static final int MESSAGE = 2 << 20;
    private static final Duration LIMIT = Duration.ofSeconds(10);

    private static long slabBytes() {
        return BufferMemory.stats().slabBytes();
    }

    @Test
    void withinTenSecondsAfterABurstTheFootprintIsBack() throws Exception {
        Listening server = net.serve(Handlers.frames(request -> request));
        List<RawPeer> peers = new ArrayList<>();
        byte[] small = Bytes.frame(Bytes.pattern(100));
        for (int i = 0; i < CONNECTIONS; i++) {
            RawPeer peer = net.connectRaw(server.address());
            peer.send(small);
            assertThat(peer.receive(small.length)).isEqualTo(small);
            peers.add(peer);
        }
        assertThat(Await.within(LIMIT, () -> slabBytes() < 8 << 20))
                .as("the server is idle: %s", BufferMemory.stats())
                .isTrue();
        long idle = slabBytes();

        byte[] large = Bytes.frame(Bytes.pattern(MESSAGE));
        byte[] beginning = Arrays.copyOf(large, large.length - 1);
        for (RawPeer peer : peers) {
            peer.send(beginning);
        }
        Await.until(
                "the server holds nearly all of it", () -> slabBytes() - idle > (long) CONNECTIONS * MESSAGE * 3 / 4);
        byte[] end = {large[large.length - 1]};
        for (RawPeer peer : peers) {
            Background<byte[]> answer = Background.call(() -> peer.receive(large.length));
            peer.send(end);
            assertThat(Arrays.equals(answer.result(), large)).isTrue();
        }
        assertThat(Await.within(LIMIT, () -> slabBytes() <= idle * 11 / 10))
                .as("%d bytes before, now %s", idle, BufferMemory.stats())
                .isTrue();

        for (RawPeer peer : peers) {
            peer.send(small);
            assertThat(peer.receive(small.length)).isEqualTo(small);
        }
    }
}

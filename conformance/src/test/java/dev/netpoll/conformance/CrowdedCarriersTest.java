// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** As many busy loops as there are carriers: the other virtual threads of the process get their turn. */
@Variants(
        backends = {"epoll", "io_uring"},
        transports = Transport.TCP4,
        modes = {Mode.ADAPTIVE, Mode.INLINE})
class CrowdedCarriersTest extends ConformanceTest {
    private static final int CARRIERS = Runtime.getRuntime().availableProcessors();
    private static final int PEERS_OF_A_LOOP = 6;

    /** Of what a virtual thread waits for that asks to be woken after a millisecond. Without a turn it was seconds. */
    private static final Duration GAP = Duration.ofMillis(700);

    private static final Duration LENGTH = Duration.ofSeconds(6);

    private volatile boolean over;

    @Test
    void aVirtualThreadGetsItsTurnWhilePeersKeepAllLoopsBusy() throws Exception {
        List<Background<Void>> peers = new ArrayList<>();
        try (EventLoopGroup group = EventLoopGroup.builder()
                        .backend(variant.backend())
                        .loops(CARRIERS)
                        .build();
                Server server = Server.builder()
                        .group(group)
                        .dispatch(variant.mode().dispatch())
                        .onRequest(Handlers.echo())
                        .build()) {
            SocketAddress address = server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            for (int i = 0; i < CARRIERS * PEERS_OF_A_LOOP; i++) {
                peers.add(Background.runOnPlatformThread(() -> keepBusy(address)));
            }
            AtomicLong last = new AtomicLong(System.nanoTime());
            Thread thread = Thread.ofVirtual().start(() -> {
                while (!over) {
                    LockSupport.parkNanos(1_000_000);
                    last.set(System.nanoTime());
                }
            });
            try {
                Await.stays(
                        "the virtual thread gets its turn",
                        LENGTH,
                        () -> System.nanoTime() - last.get() < GAP.toNanos());
            } finally {
                over = true;
            }
            thread.join();
            for (Background<Void> peer : peers) {
                peer.result();
            }
        }
    }

    private void keepBusy(SocketAddress address) throws Exception {
        RawPeer peer = net.connectRaw(address);
        while (!over) {
            peer.send("x");
            assertThat(peer.receiveText(1)).isEqualTo("x");
        }
        peer.close();
    }
}

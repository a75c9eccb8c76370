// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.Dialer;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Protocol;
import dev.netpoll.Server;
import java.net.InetSocketAddress;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A socket reads a bounded number of pieces in a turn; the end may come right behind the last of them. */
class EndAfterShortReadsTest {
    private static final int SIZE = 64 << 10;

    static IntStream seeds() {
        return IntStream.range(0, 128);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void theEndArrives(int seed) throws Exception {
        TestNetwork network = TestNetwork.seeded(seed, NetworkFaults.none().withShortRead(1));
        CountDownLatch gone = new CountDownLatch(1);
        AtomicLong received = new AtomicLong();
        Protocol protocol = Protocol.builder()
                .onRequest(connection -> {
                    long readable = connection.reader().readableBytes();
                    connection.reader().skip(readable);
                    received.addAndGet(readable);
                })
                .onDisconnect(connection -> gone.countDown())
                .build();
        InetSocketAddress address = network.freshAddress();
        try (network;
                EventLoopGroup group = EventLoopGroup.builder()
                        .backend(network.backend())
                        .loops(1)
                        .build();
                Server server = Server.builder().group(group).protocol(protocol).build()) {
            server.listen(address);
            try (Connection client = Dialer.builder().group(group).build().dial(address)) {
                Await.until("it is accepted", () -> server.connectionCount() == 1);
                network.stallAll();
                client.writer().writeBytes(new byte[SIZE]).flush();
                client.shutdownOutput();
                network.resumeAll();
                boolean ended = gone.await(Await.DEADLINE.toNanos(), TimeUnit.NANOSECONDS);
                assertThat(ended).as("the end after %s bytes", received).isTrue();
                Await.until("all is received", () -> received.get() == SIZE);
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionClosedException;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.testkit.Await;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Connections on which nothing happens for too long. */
class IdleTimeoutTest extends ConformanceTest {
    private static final Duration IDLE = Duration.ofMillis(60);

    @Test
    void anIdleAcceptedConnectionIsClosed() throws Exception {
        AtomicInteger disconnects = new AtomicInteger();
        AtomicInteger closes = new AtomicInteger();
        Listening server = net.listen(net.server()
                .idleTimeout(IDLE)
                .onConnect(connection -> connection.addCloseCallback(c -> closes.incrementAndGet()))
                .onRequest(Handlers.echo())
                .onDisconnect(connection -> disconnects.incrementAndGet()));
        long begin = System.nanoTime();
        RawPeer peer = net.connectRaw(server.address());
        peer.awaitEnd();
        assertThat(Duration.ofNanos(System.nanoTime() - begin)).isGreaterThanOrEqualTo(IDLE.minusMillis(2));
        Await.until("the callback ran", () -> closes.get() == 1);
        assertThat(disconnects).as("it was closed on this side").hasValue(0);
    }

    @Test
    void trafficKeepsAConnectionOpen() throws Exception {
        Listening server =
                net.listen(net.server().idleTimeout(Duration.ofMillis(500)).onRequest(Handlers.echo()));
        RawPeer peer = net.connectRaw(server.address());
        // The timer knows nothing of addresses.
        long nanos = variant.transport() == Transport.TCP4 ? 700_000_000 : 0;
        long end = System.nanoTime() + nanos;
        do {
            peer.send("x");
            assertThat(peer.receiveText(1)).isEqualTo("x");
        } while (System.nanoTime() < end);
        assertThat(server.server().connectionCount()).isEqualTo(1);
    }

    @Test
    void aDialedConnectionIsClosedTooAndItsReaderToldSo() throws Exception {
        Pair pair = net.pair(ConnectionOptions.builder().idleTimeout(IDLE).build());
        Background<Byte> read = Background.call(() -> pair.connection().reader().readByte());
        assertThat(read.failure()).isInstanceOf(ConnectionClosedException.class);
        pair.peer().awaitEnd();
    }

    @Test
    void theTimeoutMayBeSetLater() throws Exception {
        Pair pair = net.pair();
        pair.connection().setIdleTimeout(IDLE);
        assertThat(pair.peer().awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
        assertThat(pair.connection().isActive()).isFalse();
    }

    @Test
    void theTimeoutMayBeTakenAway() throws Exception {
        Pair pair = net.pair(ConnectionOptions.builder().idleTimeout(IDLE).build());
        pair.connection().setIdleTimeout(Connection.NO_TIMEOUT);
        Await.stays("it is open", IDLE.multipliedBy(2), () -> pair.connection().isActive());
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.ConnectFailedException;
import dev.netpoll.Connection;
import dev.netpoll.ConnectionException;
import dev.netpoll.Server;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** A server ends in two phases. Handlers that run meanwhile: {@link ShutdownOfRunningHandlersTest}. */
class ShutdownTest extends ConformanceTest {
    private Listening frames() throws IOException {
        return net.serve(Handlers.frames(request -> request));
    }

    private boolean isRefused(Listening server) {
        return catchThrowable(() -> net.connectRaw(server.address()).close()) instanceof IOException;
    }

    @Test
    void idleConnectionsAreClosedAtOnce() throws Exception {
        AtomicInteger closes = new AtomicInteger();
        Listening server = net.listen(net.server()
                .onConnect(connection -> connection.addCloseCallback(c -> closes.incrementAndGet()))
                .onRequest(Handlers.frames(request -> request)));
        List<RawPeer> peers = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            RawPeer peer = net.connectRaw(server.address());
            peer.send(new byte[] {0, 0, 0, 1, 5});
            assertThat(peer.receive(5)).endsWith(5);
            peers.add(peer);
        }
        long begin = System.nanoTime();
        assertThat(server.server().shutdown(Timing.LONG)).isTrue();
        assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Timing.LONG.dividedBy(2));
        assertThat(closes).hasValue(10);
        assertThat(server.server().connectionCount()).isZero();
        for (RawPeer peer : peers) {
            assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
        }
    }

    @Test
    void withoutGraceIdleConnectionsEndAndWhatWasFlushedArrives() throws Exception {
        byte[] answer = new byte[20_000];
        Listening server = net.serve(Handlers.frames(request -> answer));
        List<RawPeer> peers = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            RawPeer peer = net.connectRaw(server.address());
            if (i % 2 == 0) {
                peer.send(new byte[] {0, 0, 0, 1, 5});
                peer.receive(4); // it was flushed
            }
            peers.add(peer);
        }
        Await.until("all are accepted", () -> server.server().connectionCount() == peers.size());
        server.server().shutdown(Duration.ZERO);
        for (int i = 0; i < peers.size(); i++) {
            RawPeer peer = peers.get(i);
            if (i % 2 == 0) {
                assertThat(peer.receive(answer.length)).as("peer %d", i).isEqualTo(answer);
            }
            assertThat(peer.awaitEnd()).as("peer %d", i).isEqualTo(RawPeer.End.FINISHED);
        }
    }

    @Test
    void nobodyCanConnectAfterwards() throws Exception {
        Listening server = frames();
        net.connectRaw(server.address());
        server.server().shutdown(Duration.ZERO);
        assertThat(isRefused(server)).isTrue();
        assertThatThrownBy(() -> server.server().listen(net.freshAddress())).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void aRequestThatHasBegunToArriveIsAnsweredAndNobodyIsAcceptedMeanwhile() throws Exception {
        Listening server = frames();
        RawPeer peer = net.connectRaw(server.address());
        peer.send(new byte[] {0, 0, 0, 1, 1, 0, 0});
        assertThat(peer.receive(5)).endsWith(1);
        Background<Boolean> shutdown = Background.call(() -> server.server().shutdown(Timing.LONG));
        Await.until("accepting stops", () -> isRefused(server));
        Await.stays("the shutdown waits", Timing.SHORT, () -> !shutdown.isDone());
        peer.send(new byte[] {0, 1, 2});
        assertThat(peer.receive(5)).endsWith(2);
        assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
        assertThat(shutdown.result()).isTrue();
    }

    @Test
    void aRequestThatNeverCompletesIsCutOffAtTheDeadline() throws Exception {
        Listening server = frames();
        RawPeer peer = net.connectRaw(server.address());
        peer.send(new byte[] {0, 0, 0, 1, 1, 0, 0});
        assertThat(peer.receive(5)).endsWith(1);
        long begin = System.nanoTime();
        assertThat(server.server().shutdown(Timing.SHORT)).isFalse();
        assertThat(Duration.ofNanos(System.nanoTime() - begin)).isGreaterThanOrEqualTo(Timing.SHORT);
        peer.awaitEnd();
        assertThat(server.server().connectionCount()).isZero();
    }

    @Test
    void repeatedAndConcurrentCallsWaitForTheSameEndAndTheEarliestDeadlineCounts() throws Exception {
        Listening server = frames();
        RawPeer peer = net.connectRaw(server.address());
        peer.send(new byte[] {0, 0, 0, 1, 1, 0, 0});
        assertThat(peer.receive(5)).endsWith(1);
        Background<Boolean> first = Background.call(() -> server.server().shutdown(Timing.LONG));
        Background<Boolean> second = Background.call(() -> server.server().shutdown(Timing.LONG));
        Background<Void> third = Background.run(() -> server.server().awaitShutdown());
        Await.until("accepting stops", () -> isRefused(server));
        Await.stays("all wait", Timing.SHORT, () -> !first.isDone() && !second.isDone() && !third.isDone());
        assertThat(server.server().shutdown(Duration.ofMillis(10))).isFalse();
        assertThat(first.result()).isFalse();
        assertThat(second.result()).isFalse();
        third.result();
        assertThat(server.server().shutdown(Timing.LONG)).isFalse();
        server.server().awaitShutdown();
    }

    @Test
    void aServerThatNeverListenedEndsAtOnce() throws Exception {
        Server server = net.server().onRequest(Handlers.echo()).build();
        assertThat(server.shutdown(Timing.LONG)).isTrue();
        assertThat(server.shutdown(Timing.LONG)).isTrue();
        server.awaitShutdown();
    }

    @Test
    void otherServersAndDialedConnectionsOfTheGroupGoOn() throws Exception {
        Listening ending = frames();
        Listening other = frames();
        var pair = net.pair();
        RawPeer peer = net.connectRaw(other.address());
        net.connectRaw(ending.address());
        ending.server().close();
        peer.send(new byte[] {0, 0, 0, 1, 5});
        assertThat(peer.receive(5)).endsWith(5);
        pair.peer().send("x");
        assertThat(pair.connection().reader().readUtf8(1)).isEqualTo("x");
    }

    @Test
    void aConnectionWithOutputOnItsWayIsNotIdle() throws Exception {
        byte[] answer = new byte[8 << 20];
        Listening server = net.serve(connection -> {
            Handlers.discard().handle(connection);
            connection.writer().writeBytes(answer).flush();
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("?");
        assertThat(peer.receive(1)).hasSize(1);
        Background<Boolean> shutdown = Background.call(() -> server.server().shutdown(Timing.LONG));
        Await.until("accepting stops", () -> isRefused(server));
        assertThat(peer.drain()).isEqualTo(answer.length - 1);
        assertThat(shutdown.result()).isTrue();
    }

    /** Its handler leaves what it demands, so it runs until the connection is closed. A reset does not close it. */
    @Test
    void aBrokenConnectionWhoseHandlerGoesOnEndsToo() throws Exception {
        AtomicReference<Connection> accepted = new AtomicReference<>();
        CountDownLatch ended = new CountDownLatch(1);
        Listening server = net.listen(net.server()
                .onConnect(connection -> {
                    accepted.set(connection);
                    connection.addCloseCallback(c -> ended.countDown());
                })
                .onRequest(connection -> connection.demand(1)));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("x");
        Await.until("it is accepted", () -> accepted.get() != null);
        peer.reset();
        Await.until("the end is seen", () -> !accepted.get().isActive());
        assertThat(ended.getCount()).isEqualTo(1);
        server.server().shutdown(Timing.SHORT);
        assertThat(server.server().connectionCount()).isZero();
        assertThat(ended.getCount()).isZero();
    }

    /** Connections end at once, so that none may be there for a moment while another one is being accepted. */
    @Test
    void itIsNotOverWhileOneThatWasAcceptedIsOpen() throws Exception {
        for (int round = 0; round < 20; round++) {
            AtomicInteger prepared = new AtomicInteger();
            AtomicInteger ended = new AtomicInteger();
            Listening server = net.listen(net.server()
                    .onPrepare(connection -> {
                        prepared.incrementAndGet();
                        connection.addCloseCallback(c -> ended.incrementAndGet());
                    })
                    .onRequest(connection -> {}));
            List<Background<Void>> dialing = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                dialing.add(Background.run(() -> dialUntilRefused(server.address())));
            }
            Await.until("connections come and go", () -> ended.get() > 3);
            assertThat(server.server().shutdown(Timing.LONG)).isTrue();
            assertThat(server.server().connectionCount()).isZero();
            assertThat(ended.get()).isEqualTo(prepared.get());
            dialing.forEach(Background::result);
        }
    }

    private void dialUntilRefused(SocketAddress address) throws IOException {
        for (long begin = System.nanoTime(); System.nanoTime() - begin < Timing.LONG.toNanos(); ) {
            try (Connection connection = net.dialer().build().dial(address)) {
                connection.shutdownOutput();
            } catch (ConnectFailedException refused) {
                return;
            } catch (ConnectionException lost) {
                // accepted, but closed at once
            }
        }
    }

    @Test
    void requestsThatRaceWithTheShutdownAreAnsweredOrTheirConnectionEnds() throws Exception {
        for (int round = 0; round < 10; round++) {
            Listening server = frames();
            List<Background<Integer>> clients = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                RawPeer peer = net.connectRaw(server.address());
                peer.send(new byte[] {0, 0, 0, 1, 5});
                peer.receive(5);
                clients.add(Background.call(() -> requestUntilEnd(peer)));
            }
            assertThat(server.server().shutdown(Timing.LONG)).isTrue();
            clients.forEach(Background::result);
        }
    }

    /** Sends requests until the server ends, which must not be in the middle of an answer. */
    private static int requestUntilEnd(RawPeer peer) {
        int answers = 0;
        while (true) {
            byte[] answer;
            try {
                peer.send(new byte[] {0, 0, 0, 1, 5});
                answer = new byte[] {peer.receive(1)[0]};
            } catch (AssertionError ended) {
                return answers;
            }
            assertThat(answer).containsExactly(0);
            assertThat(peer.receive(4)).containsExactly(0, 0, 1, 5);
            answers++;
        }
    }
}

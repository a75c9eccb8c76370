// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Close callbacks run exactly once, whoever closes and however late they are added. */
class CloseCallbackTest extends ConformanceTest {
    @Test
    void theLastAddedRunsFirst() throws Exception {
        Pair pair = net.pair();
        List<Integer> order = new CopyOnWriteArrayList<>();
        for (int i = 1; i <= 3; i++) {
            int number = i;
            pair.connection().addCloseCallback(c -> order.add(number));
        }
        pair.connection().close();
        Await.until("all ran", () -> order.size() == 3);
        assertThat(order).containsExactly(3, 2, 1);
    }

    @Test
    void aLateOneRunsAtOnceOnTheCallersThread() throws Exception {
        Pair pair = net.pair();
        AtomicInteger first = new AtomicInteger();
        pair.connection().addCloseCallback(c -> first.incrementAndGet());
        pair.connection().close();
        Await.until("the first ran", () -> first.get() == 1);
        Await.until("a late one runs at once", () -> {
            AtomicReference<Thread> ranOn = new AtomicReference<>();
            pair.connection().addCloseCallback(c -> ranOn.set(Thread.currentThread()));
            return Thread.currentThread().equals(ranOn.get());
        });
        assertThat(first).hasValue(1);
    }

    @Test
    void aCallbackMayAddAnother() throws Exception {
        Pair pair = net.pair();
        CountDownLatch inner = new CountDownLatch(1);
        pair.connection().addCloseCallback(c -> c.addCloseCallback(d -> inner.countDown()));
        pair.connection().close();
        Await.until("the inner one ran", () -> inner.getCount() == 0);
    }

    @Test
    void callbacksSeeTheAttachmentAndTheAddresses() throws Exception {
        Pair pair = net.pair();
        AtomicReference<Object> seen = new AtomicReference<>();
        pair.connection().attach("session");
        pair.connection().addCloseCallback(c -> seen.set(c.attachment() + " " + c.remoteAddress()));
        Object expected = "session " + pair.connection().remoteAddress();
        pair.connection().close();
        Await.until("it ran", () -> seen.get() != null);
        assertThat(seen.get()).isEqualTo(expected);
    }

    @Test
    void aCallbackAddedWhileHandlingARequestRunsWhenThePeerCloses() throws Exception {
        AtomicInteger closes = new AtomicInteger();
        Listening server = net.serve(connection -> {
            Handlers.echo().handle(connection);
            connection.addCloseCallback(c -> closes.incrementAndGet());
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("x");
        assertThat(peer.receiveText(1)).isEqualTo("x");
        peer.close();
        Await.until("it ran", () -> closes.get() == 1);
    }

    @Test
    void aCallbackAddedOnConnectRunsThoughThereIsNoRequestHandler() throws Exception {
        AtomicInteger closes = new AtomicInteger();
        Listening server = net.listen(net.server()
                .onConnect(connection -> connection.addCloseCallback(c -> closes.incrementAndGet()))
                .onDisconnect(Connection::close));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("nobody reads this");
        peer.close();
        Await.until("it ran", () -> closes.get() == 1);
    }

    @Test
    void aDialedConnectionStaysTheCallersAfterThePeerClosed() throws Exception {
        Pair pair = net.pair();
        AtomicInteger closes = new AtomicInteger();
        pair.connection().addCloseCallback(c -> closes.incrementAndGet());
        pair.peer().send("last words").close();
        Await.until("the end is noticed", () -> !pair.connection().isActive());
        Await.stays("nothing is closed", Timing.SHORT, () -> closes.get() == 0);
        assertThat(pair.connection().reader().readUtf8(10)).isEqualTo("last words");
        pair.connection().close();
        Await.until("it ran", () -> closes.get() == 1);
    }

    @Test
    void oneThatThrowsIsReportedAndTheOthersRun() throws Exception {
        Pair pair = net.pair();
        AtomicInteger closes = new AtomicInteger();
        pair.connection().addCloseCallback(c -> closes.incrementAndGet());
        pair.connection().addCloseCallback(c -> {
            throw new IllegalStateException("callback");
        });
        pair.connection().addCloseCallback(c -> closes.incrementAndGet());
        pair.connection().close();
        Await.until("the others ran", () -> closes.get() == 2);
        assertThat(net.takeError()).hasMessage("callback");
    }

    @Test
    void eachRunsOnceWhenBothSidesCloseAtTheSameTime() throws Exception {
        AtomicInteger accepted = new AtomicInteger();
        AtomicInteger acceptedCloses = new AtomicInteger();
        Listening server = net.listen(net.server()
                .onConnect(connection -> {
                    accepted.incrementAndGet();
                    connection.addCloseCallback(c -> acceptedCloses.incrementAndGet());
                })
                .onRequest(connection -> {
                    Handlers.discard().handle(connection);
                    connection.close();
                }));
        AtomicInteger dialedCloses = new AtomicInteger();
        int rounds = 100;
        for (int round = 0; round < rounds; round++) {
            Connection client = net.dialer().build().dial(server.address());
            client.addCloseCallback(c -> dialedCloses.incrementAndGet());
            client.writer().writeUtf8("close").flush();
            Background<Void> other = Background.run(client::close);
            client.close();
            other.result();
        }
        Await.until("all dialed ones ran", () -> dialedCloses.get() >= rounds);
        server.awaitNoConnections();
        Await.until("all accepted ones ran", () -> acceptedCloses.get() >= accepted.get());
        Await.stays(
                "none ran twice",
                Timing.SHORT,
                () -> dialedCloses.get() == rounds
                        && acceptedCloses.get() <= accepted.get()); // some may be accepted late
    }

    @Test
    void noneIsLostThatIsAddedWhileTheConnectionCloses() throws Exception {
        for (int round = 0; round < 50; round++) {
            Pair pair = net.pair();
            AtomicInteger runs = new AtomicInteger();
            List<Background<Void>> adders = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                adders.add(Background.run(() -> {
                    for (int j = 0; j < 5; j++) {
                        pair.connection().addCloseCallback(c -> runs.incrementAndGet());
                    }
                }));
            }
            pair.connection().close();
            adders.forEach(Background::result);
            Await.until("all ran, of 20 not only " + runs, () -> runs.get() >= 20);
            assertThat(runs).hasValue(20);
            pair.peer().close();
        }
    }
}

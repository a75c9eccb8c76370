// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.Connection;
import dev.netpoll.PeerClosedException;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.net.StandardSocketOptions;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** The callbacks of a connection: which, when, how often. */
class CallbackOrderTest extends ConformanceTest {
    private final List<String> events = new CopyOnWriteArrayList<>();

    private Listening recording() throws Exception {
        return net.listen(net.server()
                .onPrepare(connection -> {
                    events.add("prepare");
                    connection.attach("context");
                    connection.addCloseCallback(c -> events.add("close"));
                })
                .onConnect(connection -> events.add("connect " + connection.attachment()))
                .onRequest(connection -> events.add("request " + Handlers.takeText(connection)))
                .onDisconnect(connection -> events.add("disconnect " + connection.attachment())));
    }

    @Test
    void callbacksRunInOrderWhenThePeerCloses() throws Exception {
        Listening server = recording();
        RawPeer peer = net.connectRaw(server.address());
        peer.send("1");
        Await.until("the first request ran", () -> events.contains("request 1"));
        peer.send("2");
        Await.until("the second request ran", () -> events.contains("request 2"));
        peer.close();
        Await.until("it is closed", () -> events.contains("close"));
        assertThat(events)
                .containsExactly("prepare", "connect context", "request 1", "request 2", "disconnect context", "close");
    }

    @Test
    void aConnectionThatSendsNothingIsPreparedConnectedDisconnectedAndClosed() throws Exception {
        Listening server = recording();
        net.connectRaw(server.address()).close();
        Await.until("it is closed", () -> events.contains("close"));
        assertThat(events).containsExactly("prepare", "connect context", "disconnect context", "close");
    }

    @Test
    void aLocalCloseIsNoDisconnect() throws Exception {
        List<String> seen = new CopyOnWriteArrayList<>();
        Listening server = net.listen(net.server()
                .onConnect(connection -> connection.addCloseCallback(c -> seen.add("close")))
                .onRequest(Connection::close)
                .onDisconnect(connection -> seen.add("disconnect")));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("x");
        peer.awaitEnd();
        peer.close();
        Await.until("it is closed", () -> seen.contains("close"));
        server.awaitNoConnections();
        assertThat(seen).containsExactly("close");
    }

    @Test
    void onPrepareMayRejectAConnection() throws Exception {
        AtomicInteger later = new AtomicInteger();
        AtomicInteger closes = new AtomicInteger();
        Listening server = net.listen(net.server()
                .onPrepare(connection -> {
                    connection.addCloseCallback(c -> closes.incrementAndGet());
                    connection.close();
                })
                .onConnect(connection -> later.incrementAndGet())
                .onRequest(connection -> later.incrementAndGet())
                .onDisconnect(connection -> later.incrementAndGet()));
        for (int i = 0; i < 5; i++) {
            RawPeer peer = net.connectRaw(server.address());
            peer.awaitEnd();
        }
        Await.until("all were closed", () -> closes.get() == 5);
        server.awaitNoConnections();
        assertThat(later).hasValue(0);
    }

    @Test
    void onPrepareMaySetOptions() throws Exception {
        AtomicInteger buffer = new AtomicInteger();
        Listening server = net.listen(net.server()
                .onPrepare(connection -> connection.setOption(StandardSocketOptions.SO_SNDBUF, 32 << 10))
                .onConnect(connection -> buffer.set(connection.getOption(StandardSocketOptions.SO_SNDBUF))));
        net.connectRaw(server.address());
        Await.until("it is connected", () -> buffer.get() > 0);
        // Linux doubles what is asked for.
        assertThat(buffer.get()).isIn(32 << 10, 64 << 10);
    }

    @Test
    void onConnectMayWriteBeforeThePeerSaysAnything() throws Exception {
        Listening server = net.listen(net.server()
                .onConnect(connection -> connection.writer().writeUtf8("hello").flush()));
        assertThat(net.dial(server.address()).reader().readUtf8(5)).isEqualTo("hello");
    }

    @Test
    void onConnectMayClose() throws Exception {
        AtomicInteger later = new AtomicInteger();
        Listening server = net.listen(net.server()
                .onConnect(Connection::close)
                .onRequest(connection -> later.incrementAndGet())
                .onDisconnect(connection -> later.incrementAndGet()));
        for (int i = 0; i < 10; i++) {
            Connection client = net.dial(server.address());
            assertThatThrownBy(() -> client.reader().readByte()).isInstanceOf(PeerClosedException.class);
        }
        server.awaitNoConnections();
        assertThat(later).hasValue(0);
    }

    @Test
    void aServerWithoutAnyHandlerTearsConnectionsDownWhenThePeerCloses() throws Exception {
        Listening server = net.listen(net.server());
        RawPeer peer = net.connectRaw(server.address());
        Await.until("it is accepted", () -> server.server().connectionCount() == 1);
        peer.send("nobody reads this");
        peer.close();
        server.awaitNoConnections();
    }

    @Test
    void bytesSentWithTheConnectReachTheHandlerAfterOnConnect() throws Exception {
        Listening server = recording();
        for (int i = 0; i < 20; i++) {
            RawPeer peer = net.connectRaw(server.address());
            peer.send("now").finish();
            peer.awaitEnd();
        }
        Await.until("all are closed", () -> Collections.frequency(events, "close") == 20);
        assertThat(Collections.frequency(events, "connect context")).isEqualTo(20);
        assertThat(Collections.frequency(events, "disconnect context")).isEqualTo(20);
        assertThat(String.join("", events).split("now", -1)).hasSize(21);
    }

    @Test
    void aPingPongThatTheServerEndsRunsEverythingOnce() throws Exception {
        Listening server = net.listen(net.server()
                .onPrepare(connection -> {
                    events.add("prepare");
                    connection.attach("token");
                })
                .onConnect(connection -> {
                    events.add("connect");
                    connection.addCloseCallback(c -> events.add("server close"));
                    connection.writer().writeUtf8("ping").flush();
                })
                .onRequest(connection -> {
                    events.add("request " + Handlers.takeText(connection) + " " + connection.attachment());
                    connection.close();
                }));
        List<String> client = new CopyOnWriteArrayList<>();
        Connection dialed = net.closing(net.dialer()
                .onRequest(connection -> {
                    client.add("request " + Handlers.takeText(connection));
                    connection.writer().writeUtf8("pong").flush();
                })
                .onDisconnect(connection -> {
                    client.add("disconnect");
                    connection.close();
                })
                .build()
                .dial(server.address()));
        dialed.addCloseCallback(c -> client.add("close"));
        Await.until("the client is closed", () -> client.contains("close"));
        Await.until("the server side is closed", () -> events.contains("server close"));
        assertThat(events).containsExactly("prepare", "connect", "request pong token", "server close");
        assertThat(client).containsExactly("request ping", "disconnect", "close");
    }
}

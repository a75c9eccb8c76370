// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.Connection;
import dev.netpoll.Server;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.RawListener;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Listening and accepting. */
class ListenTest extends ConformanceTest {
    @Test
    void theBoundAddressIsReturnedWithItsRealPort() throws Exception {
        Server server = net.closing(net.server().onRequest(Handlers.echo()).build());
        SocketAddress wanted = net.freshAddress();
        SocketAddress bound = server.listen(wanted);
        if (bound instanceof InetSocketAddress inet) {
            assertThat(inet.getPort()).isPositive();
            assertThat(inet.getAddress()).isEqualTo(((InetSocketAddress) wanted).getAddress());
        } else {
            assertThat(bound).isEqualTo(wanted);
        }
        assertThat(server.addresses()).containsExactly(bound);
    }

    @Test
    void aServerMayListenOnSeveralAddresses() throws Exception {
        Server server = net.closing(net.server().onRequest(Handlers.echo()).build());
        List<SocketAddress> bound = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            bound.add(server.listen(net.freshAddress()));
        }
        assertThat(server.addresses()).containsExactlyElementsOf(bound);
        for (SocketAddress address : bound) {
            RawPeer peer = net.connectRaw(address);
            peer.send("x");
            assertThat(peer.receiveText(1)).isEqualTo("x");
        }
        assertThat(server.connectionCount()).isEqualTo(3);
        assertThat(server.group()).isSameAs(net.group());
    }

    @Test
    void anAddressThatIsTakenIsRefusedAndItsOwnerUnharmed() throws Exception {
        Server server = net.closing(net.server().onRequest(Handlers.echo()).build());
        try (RawListener owner = net.listenRaw()) {
            assertThatThrownBy(() -> server.listen(owner.address())).isInstanceOf(BindException.class);
            assertThat(server.addresses()).isEmpty();
            net.connectRaw(owner.address());
            owner.accept().close();
        }
        server.listen(net.freshAddress());
    }

    @Test
    void anUnresolvedAddressIsCalledSo() throws Exception {
        SocketAddress unresolved = InetSocketAddress.createUnresolved("nowhere.invalid", 80);
        Server server = net.closing(net.server().onRequest(Handlers.echo()).build());
        assertThatThrownBy(() -> server.listen(unresolved))
                .isInstanceOf(SocketException.class)
                .hasMessageContaining("nowhere.invalid")
                .hasMessageContaining("unresolved address");
        assertThatThrownBy(() -> net.dialer().localAddress(unresolved).build().dial(net.freshAddress()))
                .isInstanceOf(SocketException.class)
                .hasMessageContaining("unresolved address");
        server.listen(net.freshAddress());
    }

    @Test
    void anAddressIsFreeAgainAfterShutdown() throws Exception {
        Listening first = net.serve(Handlers.echo());
        RawPeer peer = net.connectRaw(first.address());
        peer.send("x");
        assertThat(peer.receiveText(1)).isEqualTo("x");
        first.server().close();
        peer.awaitEnd();
        Server second = net.closing(net.server().onRequest(Handlers.echo()).build());
        second.listen(first.address());
        net.connectRaw(first.address()).send("y");
        Await.until("it is accepted", () -> second.connectionCount() == 1);
    }

    @Test
    void acceptingPausesAtTheGivenNumberOfConnections() throws Exception {
        Listening server = net.listen(net.server().maxConnections(2).onRequest(Handlers.echo()));
        List<RawPeer> peers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            RawPeer peer = net.connectRaw(server.address());
            peer.send("x");
            peers.add(peer);
        }
        assertThat(peers.get(0).receiveText(1)).isEqualTo("x");
        assertThat(peers.get(1).receiveText(1)).isEqualTo("x");
        Await.stays("the others wait", Timing.SHORT, () -> server.server().connectionCount() == 2);
        peers.get(0).close();
        assertThat(peers.get(2).receiveText(1)).isEqualTo("x");
        peers.get(1).close();
        assertThat(peers.get(3).receiveText(1)).isEqualTo("x");
    }

    @Test
    void aConnectionThatTheServerClosesMakesRoomForTheNext() throws Exception {
        Listening server = net.listen(net.server().maxConnections(1).onRequest(Connection::close));
        for (int i = 0; i < 10; i++) {
            net.connectRaw(server.address()).send("x").awaitEnd();
        }
        server.awaitNoConnections();
    }

    @Test
    void aBurstOfConnectionsIsAcceptedCompletely() throws Exception {
        Listening server = net.listen(net.server().backlog(512).onRequest(Handlers.echo()));
        List<RawPeer> peers = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            peers.add(net.connectRaw(server.address()));
        }
        Await.until("all are accepted", () -> server.server().connectionCount() == 200);
        Await.until("the group knows them all", () -> net.group().connectionCount() == 200);
        for (RawPeer peer : peers) {
            peer.send("x");
        }
        for (RawPeer peer : peers) {
            assertThat(peer.receiveText(1)).isEqualTo("x");
        }
    }

    @Test
    void connectionsThatEndBeforeTheyAreAcceptedDoNoHarm() throws Exception {
        Listening server = net.serve(Handlers.echo());
        for (int i = 0; i < 50; i++) {
            net.connectRaw(server.address()).reset();
        }
        RawPeer peer = net.connectRaw(server.address());
        peer.send("x");
        assertThat(peer.receiveText(1)).isEqualTo("x");
        Await.until("the others are gone", () -> server.server().connectionCount() == 1);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.ConnectFailedException;
import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.Server;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.RawListener;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReference;
import jdk.net.ExtendedSocketOptions;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** What TCP has and Unix sockets have not: ports, names, its options. */
@Variants(transports = {Transport.TCP4, Transport.TCP6})
class TcpTest extends ConformanceTest {
    private Connection accepted(ConnectionOptions options) throws Exception {
        AtomicReference<Connection> accepted = new AtomicReference<>();
        Listening server = net.listen(net.server().options(options).onConnect(accepted::set));
        net.connectRaw(server.address());
        Await.until("it is accepted", () -> accepted.get() != null);
        return accepted.get();
    }

    @Test
    void smallWritesAreNotDelayedByDefaultOnBothSides() throws Exception {
        assertThat(accepted(ConnectionOptions.defaults()).getOption(StandardSocketOptions.TCP_NODELAY))
                .isTrue();
        Connection dialed = net.pair().connection();
        assertThat(dialed.getOption(StandardSocketOptions.TCP_NODELAY)).isTrue();
        dialed.setOption(StandardSocketOptions.TCP_NODELAY, false);
        assertThat(dialed.getOption(StandardSocketOptions.TCP_NODELAY)).isFalse();
    }

    @Test
    void keepAliveIsOnByDefaultAndFollowsTheOptions() throws Exception {
        Connection byDefault = accepted(ConnectionOptions.defaults());
        assertThat(byDefault.getOption(StandardSocketOptions.SO_KEEPALIVE)).isTrue();
        assertThat(byDefault.getOption(ExtendedSocketOptions.TCP_KEEPIDLE)).isEqualTo(60);
        Connection chosen = accepted(
                ConnectionOptions.builder().keepAlive(Duration.ofSeconds(8)).build());
        assertThat(chosen.getOption(ExtendedSocketOptions.TCP_KEEPIDLE)).isEqualTo(8);
        assertThat(chosen.getOption(ExtendedSocketOptions.TCP_KEEPINTERVAL)).isEqualTo(2);
        assertThat(chosen.getOption(ExtendedSocketOptions.TCP_KEEPCOUNT)).isEqualTo(3);
        Connection off = accepted(
                ConnectionOptions.builder().keepAlive(Connection.NO_TIMEOUT).build());
        assertThat(off.getOption(StandardSocketOptions.SO_KEEPALIVE)).isFalse();
    }

    @Test
    void socketOptionsOfTheOptionsAreSetOnBothSides() throws Exception {
        ConnectionOptions options = ConnectionOptions.builder()
                .socketOption(StandardSocketOptions.SO_RCVBUF, 32 << 10)
                .socketOption(StandardSocketOptions.TCP_NODELAY, false)
                .build();
        for (Connection connection :
                new Connection[] {accepted(options), net.pair(options).connection()}) {
            // Linux doubles what is asked for.
            assertThat(connection.getOption(StandardSocketOptions.SO_RCVBUF)).isIn(32 << 10, 64 << 10);
            assertThat(connection.getOption(StandardSocketOptions.TCP_NODELAY)).isFalse();
        }
    }

    @Test
    void aDialMayBeBoundToALocalAddress() throws Exception {
        InetAddress local = variant.transport() == Transport.TCP4
                ? InetAddress.getByAddress(new byte[] {127, 0, 0, 2})
                : InetAddress.getByAddress(Harness.ipv6Loopback());
        try (RawListener listener = net.listenRaw()) {
            Connection connection = net.closing(net.dialer()
                    .localAddress(new InetSocketAddress(local, 0))
                    .build()
                    .dial(listener.address()));
            RawPeer peer = net.closing(listener.accept());
            InetSocketAddress seen = (InetSocketAddress) peer.channel().getRemoteAddress();
            assertThat(seen.getAddress()).isEqualTo(local);
            assertThat(connection.localAddress()).isEqualTo(seen);
        }
    }

    @Test
    void allAddressesOfANameAreTriedInTurn() throws Exception {
        InetAddress[] addresses = InetAddress.getAllByName("localhost");
        Listening server = net.serve(Handlers.echo());
        InetSocketAddress bound = (InetSocketAddress) server.address();
        Assumptions.assumeTrue(
                Arrays.asList(addresses).contains(bound.getAddress()),
                () -> "localhost is not " + bound.getAddress() + " here, but " + Arrays.toString(addresses));
        Connection connection = net.dial(InetSocketAddress.createUnresolved("localhost", bound.getPort()));
        connection.writer().writeByte('x').flush();
        assertThat(connection.reader().readByte()).isEqualTo((byte) 'x');
        assertThat(connection.remoteAddress()).isEqualTo(bound).hasToString(bound.toString());
    }

    @Test
    void ifEveryAddressFailsTheFirstFailureCarriesTheOthers() throws Exception {
        int port;
        try (RawListener listener = net.listenRaw()) {
            port = ((InetSocketAddress) listener.address()).getPort();
        }
        int addresses = InetAddress.getAllByName("localhost").length;
        assertThatThrownBy(() -> net.dial(InetSocketAddress.createUnresolved("localhost", port)))
                .isInstanceOfSatisfying(ConnectFailedException.class, e -> {
                    assertThat(e.errno()).isEqualTo("ECONNREFUSED");
                    assertThat(e.getSuppressed()).hasSize(addresses - 1);
                });
    }

    @Test
    void aNameThatCannotBeResolvedIsToldAsSuch() {
        // The JDK refuses this literal itself, so nobody is asked.
        assertThatThrownBy(() -> net.dial(InetSocketAddress.createUnresolved("[::zz]", 1)))
                .isInstanceOf(UnknownHostException.class);
    }

    @Test
    void serversMayShareAPortIfBothWantTo() throws Exception {
        Server first = net.closing(
                net.server().reusePort(true).onRequest(Handlers.echo()).build());
        var address = first.listen(net.freshAddress());
        Server second = net.closing(
                net.server().reusePort(true).onRequest(Handlers.echo()).build());
        assertThat(second.listen(address)).isEqualTo(address);
        for (int i = 0; i < 20; i++) {
            RawPeer peer = net.connectRaw(address);
            peer.send("x");
            assertThat(peer.receiveText(1)).isEqualTo("x");
        }
        assertThat(first.connectionCount() + second.connectionCount()).isEqualTo(20);
    }
}

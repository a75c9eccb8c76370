// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.Backend;
import dev.netpoll.ConnectFailedException;
import dev.netpoll.Connection;
import dev.netpoll.Dialer;
import dev.netpoll.Dispatch;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import dev.netpoll.testkit.Nets.Pair;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Networks side by side, their addresses, and whole exchanges over networks that misbehave. */
class TestNetworkTest {
    private static final int CLIENTS = 8;
    private static final int CALLS = 20;
    private static final Duration PATIENCE = Duration.ofSeconds(40);

    @Test
    void eachNetworkIsSeparate() throws Exception {
        try (Nets nets = new Nets();
                TestNetwork other = TestNetwork.create();
                EventLoopGroup there =
                        EventLoopGroup.builder().backend(other.backend()).build()) {
            InetSocketAddress address = nets.network.freshAddress();
            try (Server one = answering(nets.group, address, "one");
                    Server two = answering(there, address, "two")) {
                assertThat(ask(nets.group, address)).isEqualTo("one");
                assertThat(ask(there, address)).isEqualTo("two");
                assertThat(one.shutdown(Duration.ofSeconds(1))).isTrue();
                assertThatThrownBy(() -> ask(nets.group, address)).isInstanceOf(ConnectFailedException.class);
                assertThat(ask(there, address)).isEqualTo("two");
                assertThat(two.addresses()).containsExactly(address);
            }
        }
    }

    @Test
    void groupsOfANetworkReachEachOther() throws Exception {
        try (Nets nets = new Nets();
                EventLoopGroup second = EventLoopGroup.builder()
                        .backend(nets.network.backend())
                        .loops(1)
                        .build()) {
            assertThat(second.backend()).isSameAs(nets.network.backend());
            SocketAddress address = nets.serve(TestNetworkTest::echoLong);
            try (Connection connection = Dialer.builder().group(second).build().dial(address)) {
                connection.writer().writeLong(42).flush();
                assertThat(connection.reader().readLong()).isEqualTo(42);
            }
        }
    }

    private static Server answering(EventLoopGroup group, SocketAddress address, String answer) throws IOException {
        Server server = Server.builder()
                .group(group)
                .onRequest(connection -> {
                    connection.reader().readByte();
                    Nets.send(connection, answer);
                })
                .build();
        server.listen(address);
        return server;
    }

    private static String ask(EventLoopGroup group, SocketAddress address) throws IOException {
        try (Connection connection = Dialer.builder().group(group).build().dial(address)) {
            connection.writer().writeByte(1).flush();
            return connection.reader().readUtf8(3);
        }
    }

    private static void echoLong(Connection connection) throws IOException {
        connection.writer().writeLong(connection.reader().readLong()).flush();
    }

    /** Neither the backend nor what it leads to is kept by the library. */
    @Test
    void aNetworkThatNobodyHasIsCollected() {
        WeakReference<Backend> backend = usedNetwork();
        Await.until("the backend is collected", () -> {
            System.gc();
            return backend.refersTo(null);
        });
    }

    private static WeakReference<Backend> usedNetwork() {
        TestNetwork network = TestNetwork.create();
        EventLoopGroup.builder().backend(network.backend()).build().close();
        assertThat(Backend.of(network.backend().name())).isSameAs(network.backend());
        return new WeakReference<>(network.backend());
    }

    @Test
    void aBackendAloneKeepsItsNetwork() throws Exception {
        Backend backend = TestNetwork.create().backend();
        System.gc();
        try (EventLoopGroup group = EventLoopGroup.builder().backend(backend).build()) {
            assertThat(group.backend()).isSameAs(backend);
        }
    }

    // ---- addresses ----

    @Test
    void freshAddressesDiffer() {
        TestNetwork network = TestNetwork.create();
        Set<InetSocketAddress> addresses = new HashSet<>();
        for (int i = 0; i < 1000; i++) {
            InetSocketAddress address = network.freshAddress();
            assertThat(address.getAddress().isLoopbackAddress()).isTrue();
            addresses.add(address);
        }
        assertThat(addresses).hasSize(1000);
    }

    @Test
    void portsAreUsedAgainAfterAllOthers() throws Exception {
        try (Nets nets = new Nets()) {
            Pair pair = nets.pair();
            int taken = ((InetSocketAddress) pair.client().localAddress()).getPort();
            Set<Integer> ports = new HashSet<>();
            for (int i = 0; i < 60_000; i++) {
                ports.add(nets.network.freshAddress().getPort());
            }
            assertThat(ports).hasSizeBetween(25_000, 25_536).doesNotContain(taken);
        }
    }

    @Test
    void anAddressIsTakenUntilItsServerEnds() throws Exception {
        try (Nets nets = new Nets()) {
            InetSocketAddress address = nets.network.freshAddress();
            InetSocketAddress everywhere = new InetSocketAddress(address.getPort());
            try (Server first = answering(nets.group, address, "one")) {
                assertThatThrownBy(() -> answering(nets.group, address, "two")).isInstanceOf(BindException.class);
                assertThatThrownBy(() -> answering(nets.group, everywhere, "two"))
                        .isInstanceOf(BindException.class);
                assertThat(first.addresses()).containsExactly(address);
            }
            answering(nets.group, address, "two").close();
        }
    }

    @Test
    void aServerThatListensEverywhereIsReachedAtEachAddress() throws Exception {
        try (Nets nets = new Nets();
                Server server = answering(nets.group, new InetSocketAddress(80), "yes")) {
            assertThat(server.addresses()).hasSize(1);
            InetAddress other = InetAddress.getByAddress(new byte[] {10, 1, 2, 3});
            assertThat(ask(nets.group, new InetSocketAddress(other, 80))).isEqualTo("yes");
            assertThat(ask(nets.group, new InetSocketAddress(InetAddress.getLoopbackAddress(), 80)))
                    .isEqualTo("yes");
        }
    }

    @Test
    void aLocalAddressWithoutPortGetsOne() throws Exception {
        try (Nets nets = new Nets()) {
            InetAddress here = InetAddress.getByAddress(new byte[] {10, 0, 0, 9});
            Dialer dialer = Dialer.builder()
                    .group(nets.group)
                    .localAddress(new InetSocketAddress(here, 0))
                    .build();
            try (Connection connection = dialer.dial(nets.listen())) {
                InetSocketAddress local = (InetSocketAddress) connection.localAddress();
                assertThat(local.getAddress()).isEqualTo(here);
                assertThat(local.getPort()).isPositive();
            }
        }
    }

    @Test
    void unixSocketsAreRefused() throws Exception {
        try (Nets nets = new Nets()) {
            SocketAddress unix = UnixDomainSocketAddress.of("socket");
            assertThatThrownBy(() -> answering(nets.group, unix, "no"))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("EAFNOSUPPORT");
            assertThatThrownBy(() -> nets.dial(unix)).hasMessageContaining("EAFNOSUPPORT");
        }
    }

    @Test
    void optionsAreKeptAndDetachingIsRefused() throws Exception {
        try (Nets nets = new Nets()) {
            Connection client = nets.pair().client();
            client.setOption(StandardSocketOptions.SO_RCVBUF, 1234);
            assertThat(client.getOption(StandardSocketOptions.SO_RCVBUF)).isEqualTo(1234);
            assertThatThrownBy(client::detach).isInstanceOf(IOException.class);
        }
    }

    @Test
    void theDescriptionNamesSeedAndFaults() {
        TestNetwork network = TestNetwork.seeded(42, NetworkFaults.some());
        assertThat(network.seed()).isEqualTo(42);
        assertThat(network.faults()).isEqualTo(NetworkFaults.some());
        assertThat(network).hasToString(network.backend() + ", seed 42, " + NetworkFaults.some());
    }

    // ---- whole exchanges ----

    /** Clients with contents of their own: nobody sees another's bytes, and none is lost. */
    @ParameterizedTest
    @ValueSource(strings = {"adaptive", "virtual", "inline"})
    void everyClientGetsItsOwnBytesWhateverTheNetworkDoes(String how) throws Exception {
        Dispatch dispatch = switch (how) {
            case "virtual" -> Dispatch.virtual();
            case "inline" -> Dispatch.inline();
            default -> Dispatch.adaptive();
        };
        long seed = Long.getLong("seed", System.nanoTime());
        TestNetwork network = TestNetwork.seeded(seed, NetworkFaults.some());
        try (Nets nets = new Nets(network);
                Server server = Server.builder()
                        .group(nets.group)
                        .dispatch(dispatch)
                        .onRequest(connection -> {
                            byte[] some = connection.reader().readBytes((int)
                                    connection.reader().readableBytes());
                            connection.writer().writeBytes(some).flush();
                        })
                        .build()) {
            SocketAddress address = server.listen(network.freshAddress());
            List<Thread> clients = new ArrayList<>();
            List<Throwable> failures = java.util.Collections.synchronizedList(new ArrayList<>());
            for (int i = 0; i < CLIENTS; i++) {
                Random random = new Random(seed + i);
                clients.add(Thread.startVirtualThread(() -> {
                    try {
                        callManyTimes(nets, address, random);
                    } catch (IOException | AssertionError e) {
                        failures.add(e);
                    }
                }));
            }
            for (Thread client : clients) {
                assertThat(client.join(PATIENCE)).as(network.toString()).isTrue();
            }
            assertThat(failures).as(network.toString()).isEmpty();
        }
    }

    private static void callManyTimes(Nets nets, SocketAddress address, Random random) throws IOException {
        try (Connection connection =
                Dialer.builder().group(nets.group).readTimeout(PATIENCE).build().dial(address)) {
            for (int i = 0; i < CALLS; i++) {
                byte[] bytes = new byte[1 + random.nextInt(900)];
                random.nextBytes(bytes);
                connection.writer().writeBytes(bytes).flush();
                assertThat(connection.reader().readBytes(bytes.length)).isEqualTo(bytes);
            }
        }
    }
}

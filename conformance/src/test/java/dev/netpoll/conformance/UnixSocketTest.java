// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.ConnectFailedException;
import dev.netpoll.Connection;
import dev.netpoll.Server;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.Rounds;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.net.BindException;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What Unix sockets have and TCP has not: paths. */
@Variants(transports = Transport.UNIX)
class UnixSocketTest extends ConformanceTest {
    private static final int ROUNDS = Rounds.of(20);
    private static final int END_ROUNDS = Rounds.of(100);
    private static final int PIECES = 400;

    private static UnixDomainSocketAddress at(Path path) {
        return UnixDomainSocketAddress.of(path);
    }

    private Server echo() {
        return net.closing(net.server().onRequest(Handlers.echo()).build());
    }

    private void assertEchoes(UnixDomainSocketAddress address) throws IOException {
        Connection connection = net.dial(address);
        connection.writer().writeByte('x').flush();
        assertThat(connection.reader().readByte()).isEqualTo((byte) 'x');
    }

    @Test
    void aPathThatNobodyListensOnAnyMoreIsReplaced() throws Exception {
        Path path = net.freshPath();
        try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            dead.bind(at(path));
        }
        assertThat(path).exists();
        echo().listen(at(path));
        assertEchoes(at(path));
    }

    /** Binding and listening are two calls: in between a path looks as if it were left over. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void ofTwoServersThatWantAPathAtOnceOneGetsIt(boolean leftOver) throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            Path path = net.freshPath();
            if (leftOver) {
                try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
                    dead.bind(at(path));
                }
            }
            Server[] servers = {echo(), echo()};
            Queue<Server> winners = new ConcurrentLinkedQueue<>();
            Queue<Throwable> refusals = new ConcurrentLinkedQueue<>();
            CyclicBarrier start = new CyclicBarrier(servers.length);
            try (ExecutorService threads = Executors.newCachedThreadPool()) {
                for (Server server : servers) {
                    threads.execute(() -> {
                        try {
                            start.await();
                            server.listen(at(path));
                            winners.add(server);
                        } catch (Exception e) {
                            refusals.add(e);
                        }
                    });
                }
            }
            assertThat(winners).as("round %d", round).hasSize(1);
            assertThat(refusals).singleElement().isInstanceOf(BindException.class);
            assertEchoes(at(path));
            for (Server server : servers) {
                server.close();
            }
            assertThat(path).doesNotExist();
        }
    }

    @Test
    void theEndIsToldThoughItCameWithTheLastBytes() throws Exception {
        byte[] piece = new byte[500];
        byte[] received = new byte[64 << 10];
        for (int round = 0; round < END_ROUNDS; round++) {
            Pair pair = net.pair();
            pair.connection().setReadTimeout(Await.DEADLINE);
            Background<Void> sender = Background.runOnPlatformThread(() -> {
                for (int i = 0; i < PIECES; i++) {
                    pair.peer().send(piece);
                }
                pair.peer().close();
            });
            long count = 0;
            int n = 0;
            while (n >= 0) {
                count += n;
                n = pair.connection().reader().read(received, 0, received.length);
                pair.connection().reader().release();
            }
            assertThat(count).as("round %d", round).isEqualTo((long) PIECES * piece.length);
            sender.result();
            pair.connection().close();
        }
    }

    @Test
    void aPathThatSomebodyListensOnIsRefusedAndItsOwnerUnharmed() throws Exception {
        Listening owner = net.serve(Handlers.echo());
        Server second = echo();
        assertThatThrownBy(() -> second.listen(owner.address())).isInstanceOf(BindException.class);
        assertEchoes((UnixDomainSocketAddress) owner.address());
    }

    @Test
    void aFileThatIsNoSocketIsNeverDeleted() throws Exception {
        Path path = net.freshPath();
        Files.writeString(path, "precious");
        try {
            Server server = echo();
            assertThatThrownBy(() -> server.listen(at(path))).isInstanceOf(BindException.class);
            assertThat(path).hasContent("precious");
        } finally {
            Files.delete(path);
        }
    }

    @Test
    void thePathIsDeletedWhenTheServerEnds() throws Exception {
        Listening server = net.serve(Handlers.echo());
        Path path = ((UnixDomainSocketAddress) server.address()).getPath();
        assertThat(path).exists();
        server.server().close();
        assertThat(path).doesNotExist();
    }

    @Test
    void aPathWithoutAListenerIsAFailedConnect() throws Exception {
        Path path = net.freshPath();
        try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            dead.bind(at(path));
        }
        try {
            assertThatThrownBy(() -> net.dial(at(path))).isInstanceOfSatisfying(ConnectFailedException.class, e -> {
                if (variant.isNative()) {
                    assertThat(e.errno()).isEqualTo("ECONNREFUSED");
                }
            });
        } finally {
            Files.delete(path);
        }
    }

    @Test
    void anUnnamedPeerHasTheEmptyPath() throws Exception {
        AtomicReference<Connection> accepted = new AtomicReference<>();
        Listening server = net.listen(net.server().onConnect(accepted::set));
        Connection dialed = net.dial(server.address());
        Await.until("it is accepted", () -> accepted.get() != null);
        assertThat(dialed.localAddress()).isEqualTo(UnixDomainSocketAddress.of(""));
        assertThat(accepted.get().remoteAddress()).isEqualTo(UnixDomainSocketAddress.of(""));
    }

    @Test
    void abstractNamesWorkWithEpollAndAreRefusedElsewhere() throws Exception {
        String name = "@netpoll-" + ProcessHandle.current().pid() + "-" + System.nanoTime();
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(name);
        Server server = echo();
        if (variant.isNative()) {
            server.listen(address);
            assertEchoes(address);
            assertThat(Path.of(name)).as("no file is made").doesNotExist();
            Server second = echo();
            assertThatThrownBy(() -> second.listen(address)).isInstanceOf(BindException.class);
            server.close();
            assertThatThrownBy(() -> net.dial(address)).isInstanceOf(ConnectFailedException.class);
        } else {
            assertThatThrownBy(() -> server.listen(address))
                    .isInstanceOfAny(IOException.class, UnsupportedOperationException.class);
            assertThat(Path.of(name)).as("no file is made").doesNotExist();
        }
    }

    @Test
    void aPathThatIsTooLongIsRefusedWithAReason() {
        Path path = Path.of("/tmp/" + "x".repeat(200));
        Server server = echo();
        assertThatThrownBy(() -> server.listen(at(path)))
                .isInstanceOfAny(IOException.class, IllegalArgumentException.class);
        assertThatThrownBy(() -> net.dial(at(path))).isInstanceOfAny(IOException.class, IllegalArgumentException.class);
        assertThat(path).doesNotExist();
    }

    @Test
    void optionsOfTcpAreUnknown() throws Exception {
        Connection connection = net.pair().connection();
        assertThatThrownBy(() -> connection.setOption(StandardSocketOptions.TCP_NODELAY, true))
                .isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> connection.getOption(StandardSocketOptions.TCP_NODELAY))
                .isInstanceOf(UnsupportedOperationException.class);
    }
}

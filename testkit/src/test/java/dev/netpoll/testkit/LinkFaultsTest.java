// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.Backend;
import dev.netpoll.Connection;
import dev.netpoll.ConnectionException;
import dev.netpoll.ConnectionResetException;
import dev.netpoll.Dialer;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.PeerClosedException;
import dev.netpoll.ReadTimeoutException;
import dev.netpoll.Server;
import dev.netpoll.WriteTimeoutException;
import dev.netpoll.testkit.Nets.Pair;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.CompletableFuture;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What both ends of a connection see when a test breaks or stalls it. */
class LinkFaultsTest {
    private static final int CAPACITY = 1000;

    private final Nets nets =
            new Nets(TestNetwork.seeded(1, NetworkFaults.none().withPipeCapacityBytes(CAPACITY)));
    private Connection client;
    private Connection server;
    private TestLink link;

    @BeforeEach
    void connect() throws IOException {
        Pair pair = nets.pair();
        client = pair.client();
        server = pair.server();
        link = nets.network.link(client);
    }

    @AfterEach
    void nothingIsLeft() {
        nets.close();
    }

    private static void assertReset(ThrowingCallable call, String errno) {
        assertThatExceptionOfType(ConnectionResetException.class)
                .isThrownBy(call)
                .satisfies(e -> assertThat(e.errno()).isEqualTo(errno));
    }

    // ---- resets ----

    @Test
    void aResetEndsWaitsAtBothEnds() {
        CompletableFuture<Throwable> atServer = new CompletableFuture<>();
        Thread.startVirtualThread(() -> {
            try {
                server.reader().readByte();
            } catch (IOException e) {
                atServer.complete(e);
            }
        });
        link.reset();
        assertReset(() -> client.reader().readByte(), "ECONNRESET");
        assertReset(() -> client.writer().writeByte(1).flush(), "ECONNRESET");
        assertThat(atServer.join()).isInstanceOf(ConnectionResetException.class);
    }

    @Test
    void whatWasSentBeforeAResetArrives() throws IOException {
        nets.network.link(server).stallInbound();
        Nets.send(client, "hello");
        link.reset();
        assertThat(server.reader().readUtf8(5)).isEqualTo("hello");
        assertReset(() -> server.reader().readByte(), "ECONNRESET");
    }

    @Test
    void allConnectionsAreReset() throws IOException {
        Pair other = nets.pair();
        nets.network.resetAll();
        for (Connection connection : new Connection[] {client, server, other.client(), other.server()}) {
            assertReset(() -> connection.reader().readByte(), "ECONNRESET");
        }
        Pair later = nets.pair();
        Nets.send(later.client(), "x");
        assertThat(later.server().reader().readUtf8(1)).isEqualTo("x");
    }

    @Test
    void oneResetSparesTheOthers() throws IOException {
        Pair other = nets.pair();
        link.reset();
        Nets.send(other.client(), "hello");
        assertThat(other.server().reader().readUtf8(5)).isEqualTo("hello");
    }

    // ---- stalls ----

    @Test
    void aReadOfAStalledConnectionTimesOutAndTheBytesArriveLater() throws IOException {
        link.stallInbound();
        Nets.send(server, "hello");
        client.setReadTimeout(Nets.SHORT);
        assertThatThrownBy(() -> client.reader().readByte()).isInstanceOf(ReadTimeoutException.class);
        assertThat(link.inboundBytes()).isEqualTo(5);
        link.resume();
        client.setReadTimeout(Await.DEADLINE);
        assertThat(client.reader().readUtf8(5)).isEqualTo("hello");
        assertThat(link.inboundBytes()).isZero();
    }

    @Test
    void aFlushToAPeerThatDoesNotReadTimesOut() throws IOException {
        link.stallOutbound();
        client.setWriteTimeout(Nets.SHORT);
        client.writer().writeBytes(new byte[3 * CAPACITY]);
        assertThatExceptionOfType(WriteTimeoutException.class)
                .isThrownBy(() -> client.writer().flush())
                .satisfies(e -> assertThat(e.bytesSent()).isEqualTo(CAPACITY));
        assertThat(link.outboundBytes()).isEqualTo(CAPACITY);
    }

    @Test
    void aFlushThatWaitsGoesOnWhenThePathIsBack() throws Exception {
        link.stall();
        byte[] bytes = new byte[5 * CAPACITY];
        bytes[bytes.length - 1] = 7;
        CompletableFuture<Void> flushed = new CompletableFuture<>();
        Thread.startVirtualThread(() -> {
            try {
                client.writer().writeBytes(bytes).flush();
                flushed.complete(null);
            } catch (IOException e) {
                flushed.completeExceptionally(e);
            }
        });
        Await.until("the path is full", () -> link.outboundBytes() == CAPACITY);
        Await.stays("the flush waits", Nets.SHORT, () -> !flushed.isDone());
        link.resume();
        assertThat(server.reader().readBytes(bytes.length)).isEqualTo(bytes);
        flushed.get();
    }

    @Test
    void theOtherDirectionIsNotStalled() throws IOException {
        link.stallInbound();
        Nets.send(client, "hello");
        assertThat(server.reader().readUtf8(5)).isEqualTo("hello");
    }

    @Test
    void theEndOfAStalledStreamComesBehindItsBytes() throws IOException {
        link.stallInbound();
        Nets.send(server, "hello");
        server.close();
        client.setReadTimeout(Nets.SHORT);
        assertThatThrownBy(() -> client.reader().readByte()).isInstanceOf(ReadTimeoutException.class);
        assertThat(client.isActive()).isTrue();
        link.resume();
        client.setReadTimeout(Await.DEADLINE);
        assertThat(client.reader().readUtf8(5)).isEqualTo("hello");
        assertThatThrownBy(() -> client.reader().readByte()).isInstanceOf(PeerClosedException.class);
    }

    @Test
    void theResetOfAStalledPeerArrivesLater() throws IOException {
        link.stallInbound();
        server.abort();
        client.setReadTimeout(Nets.SHORT);
        assertThatThrownBy(() -> client.reader().readByte()).isInstanceOf(ReadTimeoutException.class);
        Nets.send(client, "nobody knows yet");
        link.resume();
        client.setReadTimeout(Await.DEADLINE);
        assertReset(() -> client.reader().readByte(), "ECONNRESET");
    }

    @Test
    void allConnectionsAreStalledAndResumed() throws IOException {
        nets.network.stallAll();
        Nets.send(client, "to the server");
        Nets.send(server, "to the client");
        Await.stays("nothing arrives", Nets.SHORT, () -> link.inboundBytes() > 0 && link.outboundBytes() > 0);
        nets.network.resumeAll();
        assertThat(server.reader().readUtf8(13)).isEqualTo("to the server");
        assertThat(client.reader().readUtf8(13)).isEqualTo("to the client");
    }

    // ---- errors ----

    @ParameterizedTest
    @EnumSource(
            value = NetworkError.class,
            names = {"RESET", "BROKEN_PIPE", "TIMED_OUT", "HOST_UNREACHABLE", "NETWORK_UNREACHABLE"})
    void aFailedSendBreaksTheConnection(NetworkError error) throws IOException {
        Nets.send(server, "before");
        link.failNextSend(error);
        assertReset(() -> client.writer().writeByte(1).flush(), error.errno());
        assertThat(client.reader().readUtf8(6)).isEqualTo("before");
        assertReset(() -> client.reader().readByte(), error.errno());
        assertReset(() -> server.reader().readByte(), "ECONNRESET");
    }

    @Test
    void aSendWithoutBuffersFailsAlone() throws IOException {
        link.failNextSend(NetworkError.NO_BUFFERS);
        assertReset(() -> client.writer().writeUtf8("lost").flush(), "ENOBUFS");
        Nets.send(client, "hello");
        assertThat(server.reader().readUtf8(5)).isEqualTo("hello");
    }

    @ParameterizedTest
    @EnumSource(
            value = NetworkError.class,
            names = {"RESET", "TIMED_OUT", "HOST_UNREACHABLE", "NETWORK_UNREACHABLE"})
    void aFailedReceiveBreaksTheConnection(NetworkError error) throws IOException {
        link.failNextReceive(error);
        assertThat(client.isActive()).isTrue();
        Nets.send(server, "lost");
        assertReset(() -> client.reader().readByte(), error.errno());
        assertReset(() -> server.reader().readByte(), "ECONNRESET");
    }

    @Test
    void onlyTheLinkOfAFaultIsStruck() throws IOException {
        Pair other = nets.pair();
        link.failNextSend(NetworkError.RESET);
        link.failNextReceive(NetworkError.RESET);
        Nets.send(other.client(), "there");
        Nets.send(other.server(), "back");
        assertThat(other.server().reader().readUtf8(5)).isEqualTo("there");
        assertThat(other.client().reader().readUtf8(4)).isEqualTo("back");
    }

    @Test
    void whoeverSendsNextIsStruck() throws IOException {
        nets.network.failSends(1, NetworkError.TIMED_OUT);
        assertReset(() -> server.writer().writeByte(1).flush(), "ETIMEDOUT");
        assertReset(() -> client.reader().readByte(), "ECONNRESET");
    }

    @Test
    void whoeverReceivesNextIsStruck() throws IOException {
        nets.network.failReceives(1, NetworkError.TIMED_OUT);
        Nets.send(client, "lost");
        assertReset(() -> server.reader().readByte(), "ETIMEDOUT");
    }

    @Test
    void clearedFaultsDoNotStrike() throws IOException {
        link.stall();
        link.failNextSend(NetworkError.RESET);
        nets.network.link(server).failNextReceive(NetworkError.RESET);
        nets.network.failSends(1, NetworkError.RESET);
        nets.network.failReceives(1, NetworkError.RESET);
        nets.network.clearFaults();
        Nets.send(client, "hello");
        assertThat(server.reader().readUtf8(5)).isEqualTo("hello");
    }

    @Test
    void errorsThatNoSendOrReceiveHasAreRefused() {
        for (NetworkError error :
                new NetworkError[] {NetworkError.REFUSED, NetworkError.BROKEN_PIPE, NetworkError.NO_BUFFERS}) {
            assertThatThrownBy(() -> link.failNextReceive(error))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(error + " is no error of a receive");
        }
        assertThatThrownBy(() -> link.failNextSend(NetworkError.REFUSED)).hasMessage("REFUSED is no error of a send");
    }

    // ---- links ----

    @Test
    void anEndedConnectionHasNoLinkAndItsOldOneDoesNothing() throws IOException {
        client.close();
        Await.until("it has ended", () -> !link.isOpen());
        assertThatThrownBy(() -> nets.network.link(client)).isInstanceOf(IllegalArgumentException.class);
        link.reset();
        link.stall();
        link.resume();
        link.failNextSend(NetworkError.RESET);
        link.failNextReceive(NetworkError.RESET);
    }

    @Test
    void aConnectionOfAnotherNetworkHasNoLinkHere() {
        TestNetwork other = TestNetwork.create();
        assertThatThrownBy(() -> other.link(client))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(other.backend().name());
    }

    @Test
    void aConnectionOfSocketsHasNoLink() throws IOException {
        try (EventLoopGroup sockets =
                        EventLoopGroup.builder().backend(Backend.NIO).loops(1).build();
                Server peer =
                        Server.builder().group(sockets).onRequest(it -> {}).build();
                Connection connection = Dialer.builder()
                        .group(sockets)
                        .build()
                        .dial(peer.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)))) {
            assertThatThrownBy(() -> nets.network.link(connection)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void closingTheNetworkResetsWhatIsOpen() throws IOException {
        Nets.send(client, "hello");
        link.stall();
        nets.network.close();
        assertThat(server.reader().readUtf8(5)).isEqualTo("hello");
        assertReset(() -> server.reader().readByte(), "ECONNRESET");
        assertReset(() -> client.reader().readByte(), "ECONNRESET");
        assertThatExceptionOfType(ConnectionException.class)
                .isThrownBy(() -> nets.dial(nets.network.freshAddress()))
                .satisfies(e -> assertThat(e.errno()).isEqualTo("ENETDOWN"));
        assertThatThrownBy(nets::listen).isInstanceOf(IOException.class).hasMessageContaining("ENETDOWN");
    }
}

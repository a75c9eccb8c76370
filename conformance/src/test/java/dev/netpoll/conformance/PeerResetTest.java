// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionClosedException;
import dev.netpoll.ConnectionResetException;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** The peer breaks the connection. */
class PeerResetTest extends ConformanceTest {
    /** A pair whose peer has a byte unread, so that closing resets every kind of socket. */
    private Pair resettable() throws Exception {
        Pair pair = net.pair();
        pair.connection().writer().writeUtf8("hi").flush();
        assertThat(pair.peer().receiveText(1)).isEqualTo("h");
        return pair;
    }

    @Test
    void threeBytesAndAResetHurtNobodyElse() throws Exception {
        Listening server = net.listen(net.server()
                .onConnect(connection -> connection.writer().writeUtf8("hi").flush())
                .onRequest(Handlers.frames(request -> request)));
        RawPeer other = net.connectRaw(server.address());
        assertThat(other.receiveText(2)).isEqualTo("hi");
        for (int i = 0; i < 20; i++) {
            RawPeer rude = net.connectRaw(server.address());
            assertThat(rude.receiveText(1)).isEqualTo("h");
            rude.send(new byte[] {0, 0, 1});
            rude.reset();
            other.send(new byte[] {0, 0, 0, 1, (byte) i});
            assertThat(other.receive(5)).isEqualTo(new byte[] {0, 0, 0, 1, (byte) i});
        }
        Await.until("the broken ones are gone", () -> server.server().connectionCount() == 1);
        assertThat(net.takeErrors()).allMatch(ConnectionResetException.class::isInstance);
    }

    @Test
    void aBlockedReadIsWokenByAReset() throws Exception {
        Pair pair = resettable();
        Background<byte[]> read =
                Background.call(() -> pair.connection().reader().readBytes(4)).awaitBlocked();
        pair.peer().reset();
        assertThat(read.failure()).isInstanceOfSatisfying(ConnectionResetException.class, e -> {
            assertThat(e.operation()).isEqualTo("read");
            assertThat(e.remoteAddress()).isEqualTo(pair.connection().remoteAddress());
            if (variant.isNative()) {
                assertThat(e.errno()).isEqualTo("ECONNRESET");
            }
        });
    }

    @Test
    void aBlockedFlushIsWokenByAReset() throws Exception {
        Pair pair = resettable();
        Background<Void> flush = Background.run(() -> pair.connection()
                        .writer()
                        .writeBytes(new byte[16 << 20])
                        .flush())
                .awaitBlocked();
        pair.peer().reset();
        assertThat(flush.failure()).isInstanceOfSatisfying(ConnectionResetException.class, e -> {
            assertThat(e.operation()).isEqualTo("write");
            assertThat(e.bytesSent()).isBetween(1L, 16L << 20);
        });
    }

    @Test
    void aResetIsNoticedWithoutReading() throws Exception {
        Pair pair = resettable();
        pair.peer().reset();
        Await.until("the reset is noticed", () -> !pair.connection().isActive());
    }

    @Test
    void aResetIsNoticedWhileReadingIsPaused() throws Exception {
        Pair pair = resettable();
        pair.connection().pauseReading();
        pair.peer().reset();
        if (!variant.isNative()) {
            // A selector that is not asked for input tells nothing.
            pair.connection().resumeReading();
        }
        Await.until("the reset is noticed", () -> !pair.connection().isActive());
    }

    @Test
    void writingAfterAResetFailsAndTheProcessSurvives() throws Exception {
        Pair pair = resettable();
        pair.peer().reset();
        Await.until("the reset is noticed", () -> !pair.connection().isActive());
        for (int i = 0; i < 3; i++) {
            Throwable failure =
                    catchThrowable(() -> pair.connection().writer().writeByte(1).flush());
            assertThat(failure)
                    .isInstanceOfSatisfying(
                            ConnectionResetException.class,
                            e -> assertThat(e.bytesSent()).isZero());
        }
    }

    @Test
    void readingAfterAResetFailsAsOftenAsItIsTried() throws Exception {
        Pair pair = resettable();
        pair.peer().reset();
        Await.until("the reset is noticed", () -> !pair.connection().isActive());
        for (int i = 0; i < 3; i++) {
            assertThat(catchThrowable(() -> pair.connection().reader().readByte()))
                    .isInstanceOf(ConnectionResetException.class);
        }
    }

    @Test
    void bytesThatArrivedBeforeTheResetStayReadable() throws Exception {
        Pair pair = resettable();
        pair.peer().send("abc");
        Await.until("they arrived", () -> pair.connection().reader().readableBytes() == 3);
        pair.peer().reset();
        Await.until("the reset is noticed", () -> !pair.connection().isActive());
        assertThat(pair.connection().reader().readUtf8(3)).isEqualTo("abc");
    }

    @Test
    void anAcceptedConnectionIsClosedByAResetAndTellsOnce() throws Exception {
        AtomicInteger disconnects = new AtomicInteger();
        AtomicInteger closes = new AtomicInteger();
        Listening server = net.listen(net.server()
                .onConnect(connection -> {
                    connection.addCloseCallback(c -> closes.incrementAndGet());
                    connection.writer().writeUtf8("hi").flush();
                })
                .onRequest(Handlers.discard())
                .onDisconnect(connection -> disconnects.incrementAndGet()));
        RawPeer peer = net.connectRaw(server.address());
        assertThat(peer.receiveText(1)).isEqualTo("h");
        peer.reset();
        Await.until("the connection is closed", () -> closes.get() == 1);
        assertThat(disconnects).hasValue(1);
        server.awaitNoConnections();
    }

    @Test
    void aPeerThatIsGoneForGoodMakesWritesFailInTheEnd() throws Exception {
        Pair pair = net.pair();
        pair.peer().close();
        Connection connection = pair.connection();
        Await.until("the end is noticed", () -> !connection.isActive());
        // The first write over TCP is what makes the peer's kernel answer with a reset.
        Await.until(
                "writes fail",
                () -> catchThrowable(() -> connection.writer().writeByte(1).flush())
                        instanceof ConnectionResetException);
    }

    @Test
    void laterCallsSayWhyAConnectionClosedItself() throws Exception {
        AtomicReference<Connection> accepted = new AtomicReference<>();
        Listening server = net.listen(net.server()
                .onConnect(connection -> {
                    accepted.set(connection);
                    connection.writer().writeUtf8("hi").flush();
                })
                .onRequest(Handlers.echo()));
        RawPeer peer = net.connectRaw(server.address());
        assertThat(peer.receiveText(1)).isEqualTo("h");
        peer.reset();
        server.awaitNoConnections();
        assertClosed(accepted.get(), "its peer reset it");
        peer = net.connectRaw(server.address());
        assertThat(peer.receiveText(2)).isEqualTo("hi");
        peer.finish();
        server.awaitNoConnections();
        assertClosed(accepted.get(), "its peer had finished");
        peer = net.connectRaw(server.address());
        assertThat(peer.receiveText(2)).isEqualTo("hi");
        assertThat(server.server().shutdown(Timing.LONG)).isTrue();
        assertClosed(accepted.get(), "its server shut down");
        net.takeErrors();
    }

    private void assertClosed(Connection connection, String reason) {
        assertThatThrownBy(() -> connection.writer().writeUtf8("x").flush())
                .isInstanceOfSatisfying(ConnectionClosedException.class, e -> {
                    assertThat(e).hasMessageContaining(reason);
                    boolean lost = reason.contains("reset");
                    assertThat(e.errno() != null).isEqualTo(lost);
                });
    }
}

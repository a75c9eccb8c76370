// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.PeerClosedException;
import dev.netpoll.buffer.Reader;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Rounds;
import dev.netpoll.internal.connection.Paces;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.net.StandardSocketOptions;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** One side finishes sending; the other goes on. */
class HalfCloseTest extends ConformanceTest {
    private static final ConnectionOptions HALF_OPEN =
            ConnectionOptions.builder().allowHalfOpen(true).build();

    @Test
    void aPeerThatFinishedSendingStillGetsItsAnswer() throws Exception {
        Listening server = net.serve(Handlers.echo());
        RawPeer peer = net.connectRaw(server.address());
        byte[] request = Bytes.pattern(100_000);
        Background<Void> sender =
                Background.runOnPlatformThread(() -> peer.send(request).finish());
        assertThat(peer.receive(request.length)).isEqualTo(request);
        sender.result();
        assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
    }

    @Test
    void anAcceptedConnectionIsClosedWhenTheLastRequestWasHandled() throws Exception {
        CountDownLatch closed = new CountDownLatch(1);
        Listening server = net.listen(net.server()
                .onConnect(connection -> connection.addCloseCallback(c -> closed.countDown()))
                .onRequest(Handlers.echo()));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("last").finish();
        assertThat(peer.receiveText(4)).isEqualTo("last");
        assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
        Await.until("the close callback ran", () -> closed.getCount() == 0);
        server.awaitNoConnections();
    }

    /** They wait because the peer does not take the answers so far. */
    @Test
    void requestsThatWaitForTheOutputAreHandledThoughThePeerHasFinished() throws Exception {
        int requests = 400;
        byte[] answer = Bytes.pattern(7000);
        AtomicReference<Connection> accepted = new AtomicReference<>();
        Listening server = net.listen(net.server()
                .options(ConnectionOptions.builder()
                        .outboundHighMark(64 << 10)
                        .socketOption(StandardSocketOptions.SO_SNDBUF, 16 << 10)
                        .build())
                .onConnect(accepted::set)
                .onRequest(connection -> {
                    boolean large = connection.reader().readByte() == 'L'; // one by one: each may leave some output
                    connection
                            .writer()
                            .writeBytes(answer, 0, large ? answer.length : 1)
                            .flush();
                }));
        RawPeer peer = net.connectRaw(server.address(), 16 << 10);
        if (variant.mode() == Mode.ADAPTIVE) { // runs on the loop, where output is left
            peer.send("s");
            peer.receive(1);
            Paces.proveShort(Objects.requireNonNull(accepted.get()));
        }
        peer.send("L".repeat(requests)).finish();
        Await.until(
                "the end is noticed",
                () -> accepted.get() != null && !accepted.get().isActive());
        Await.stays("it is open", Timing.SHORT, () -> server.server().connectionCount() == 1);
        for (int i = 0; i < requests; i++) {
            assertThat(Arrays.equals(peer.receive(answer.length), answer))
                    .as("answer %d", i)
                    .isTrue();
        }
        assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
    }

    @Test
    void aHandlerThatIsSetWhileTheEndArrivesRunsFirst() throws Exception {
        for (int round = 0; round < Rounds.of(40); round++) {
            Pair pair = net.pair();
            CountDownLatch go = new CountDownLatch(1);
            Background<Void> sender = Background.runOnPlatformThread(() -> {
                go.await();
                pair.peer().send("data").finish();
            });
            AtomicReference<String> handled = new AtomicReference<>("");
            go.countDown();
            long moment = System.nanoTime() + round % 20 * 20_000L;
            while (System.nanoTime() < moment) {
                Thread.onSpinWait();
            }
            pair.connection()
                    .onRequest(connection ->
                            handled.accumulateAndGet(connection.reader().readUtf8(4), String::concat));
            Await.until("the handler has run", () -> handled.get().equals("data"));
            assertThat(pair.peer().awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
            sender.result();
            pair.peer().close();
        }
    }

    @Test
    void anAcceptedConnectionIsClosedThoughTheHandlerLeavesBytesUnread() throws Exception {
        Listening server = net.serve(Handlers.ignore());
        RawPeer peer = net.connectRaw(server.address());
        peer.send("half a messa").finish();
        peer.awaitEnd();
        server.awaitNoConnections();
    }

    @Test
    void anAcceptedConnectionThatWasAskedToStaysHalfOpen() throws Exception {
        AtomicReference<Connection> accepted = new AtomicReference<>();
        Listening server = net.listen(
                net.server().options(HALF_OPEN).onConnect(accepted::set).onRequest(Handlers.discard()));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("question").finish();
        Await.until(
                "the end is noticed",
                () -> accepted.get() != null && !accepted.get().isActive());
        Await.stays("it is open", Timing.SHORT, () -> server.server().connectionCount() == 1);
        accepted.get().writer().writeUtf8("late answer").flush();
        assertThat(peer.receiveText(11)).isEqualTo("late answer");
        accepted.get().close();
        assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
    }

    @Test
    void aHalfOpenConnectionNoticesThatThePeerIsGone() throws Exception {
        CountDownLatch closed = new CountDownLatch(1);
        AtomicReference<Connection> accepted = new AtomicReference<>();
        Listening server = net.listen(net.server()
                .options(HALF_OPEN)
                .onConnect(connection -> {
                    accepted.set(connection);
                    connection.addCloseCallback(c -> closed.countDown());
                    connection.writer().writeUtf8("hi").flush();
                })
                .onRequest(Handlers.discard()));
        RawPeer peer = net.connectRaw(server.address());
        assertThat(peer.receiveText(1)).isEqualTo("h");
        peer.finish();
        // One byte is unread, so that closing resets every kind of socket.
        peer.reset();
        if (!variant.isNative()) {
            // A selector tells nothing of a stream that has ended; the next write does.
            Await.until("writing notices it", () -> {
                Throwable failure = catchThrowable(
                        () -> accepted.get().writer().writeByte(1).flush());
                return failure instanceof IOException;
            });
        }
        Await.until("the connection is closed", () -> closed.getCount() == 0);
    }

    @Test
    void theEndIsNoticedWithoutReading() throws Exception {
        Pair pair = net.pair();
        assertThat(pair.connection().isActive()).isTrue();
        pair.peer().finish();
        Await.until("the end is noticed", () -> !pair.connection().isActive());
    }

    @Test
    void whatWasSentBeforeTheEndStaysReadable() throws Exception {
        Pair pair = net.pair();
        pair.peer().send("abcdef").close();
        Await.until("the end is noticed", () -> !pair.connection().isActive());
        Reader in = pair.connection().reader();
        assertThat(in.readableBytes()).isEqualTo(6);
        assertThat(in.readUtf8(2)).isEqualTo("ab");
        assertThatThrownBy(() -> in.readBytes(5)).isInstanceOf(PeerClosedException.class);
        assertThat(in.readUtf8(4)).isEqualTo("cdef");
        assertThatThrownBy(in::readByte).isInstanceOf(PeerClosedException.class);
        assertThatThrownBy(in::readByte).isInstanceOf(PeerClosedException.class);
    }

    @Test
    void aBlockedReadIsWokenByTheEndAndConsumesNothing() throws Exception {
        Pair pair = net.pair();
        pair.peer().send("abc");
        Reader in = pair.connection().reader();
        Background<byte[]> read = Background.call(() -> in.readBytes(4)).awaitBlocked();
        pair.peer().finish();
        assertThat(read.failure())
                .isInstanceOfSatisfying(
                        PeerClosedException.class,
                        e -> assertThat(e.operation()).isEqualTo("read"));
        assertThat(in.readUtf8(3)).isEqualTo("abc");
    }

    @Test
    void writingGoesOnAfterThePeerFinished() throws Exception {
        Pair pair = net.pair();
        pair.peer().finish();
        Await.until("the end is noticed", () -> !pair.connection().isActive());
        byte[] sent = Bytes.pattern(4 << 20);
        Background<Void> flush =
                Background.run(() -> pair.connection().writer().writeBytes(sent).flush());
        assertThat(pair.peer().receive(sent.length)).isEqualTo(sent);
        flush.result();
    }

    @Test
    void readingGoesOnAfterOurOutputWasShutDown() throws Exception {
        Pair pair = net.pair();
        pair.connection().writer().writeUtf8("flushed").flush();
        pair.connection().writer().writeUtf8(" and not");
        pair.connection().shutdownOutput();
        pair.connection().shutdownOutput();
        assertThat(pair.peer().receiveText(15)).isEqualTo("flushed and not");
        assertThat(pair.peer().awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
        pair.peer().send("answer");
        assertThat(pair.connection().reader().readUtf8(6)).isEqualTo("answer");
        assertThat(pair.connection().isActive()).isTrue();
    }

    @Test
    void nothingCanBeSentAfterTheOutputWasShutDown() throws Exception {
        Pair pair = net.pair();
        pair.connection().shutdownOutput();
        assertThatThrownBy(() -> pair.connection().writer().writeByte(1).flush())
                .satisfiesAnyOf(
                        e -> assertThat(e).isInstanceOf(IOException.class),
                        e -> assertThat(e).isInstanceOf(IllegalStateException.class));
    }

    @Test
    void theEndIsSentAfterWhatTheLoopStillHasToSend() throws Exception {
        byte[] answer = Bytes.pattern(8 << 20);
        Listening server = net.serve(connection -> {
            Handlers.discard().handle(connection);
            connection.writer().writeBytes(answer).flush();
            connection.shutdownOutput();
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("?");
        assertThat(java.util.Arrays.equals(peer.receive(answer.length), answer)).isTrue();
        assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
    }

    @Test
    void anAcceptedConnectionFinishedOnBothSidesIsClosed() throws Exception {
        Listening server = net.serve(connection -> {
            Handlers.discard().handle(connection);
            connection.shutdownOutput();
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("bye");
        assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
        peer.finish();
        server.awaitNoConnections();
    }
}

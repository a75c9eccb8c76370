// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionClosedException;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.ConnectionResetException;
import dev.netpoll.DetachedSocket;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.RawListener;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Sockets leave the library, and come in. */
class DetachTest extends ConformanceTest {
    private Connection adopt(DetachedSocket socket) throws IOException {
        ConnectionOptions options =
                ConnectionOptions.builder().readTimeout(Await.DEADLINE).build();
        return net.closing(net.group().adopt(socket, options));
    }

    @Test
    void aDetachedSocketIsOpenAndWorksWhenAdoptedAgain() throws Exception {
        Pair pair = net.pair();
        DetachedSocket socket = pair.connection().detach();
        assertThat(socket.fd() >= 0).isEqualTo(variant.isNative());
        assertThat(socket.channel() != null).isEqualTo(!variant.isNative());
        Connection again = adopt(socket);
        again.writer().writeUtf8("ping").flush();
        assertThat(pair.peer().receiveText(4)).isEqualTo("ping");
        pair.peer().send("pong");
        assertThat(again.reader().readUtf8(4)).isEqualTo("pong");
        assertThat(again.remoteAddress()).isEqualTo(pair.connection().remoteAddress());
        pair.connection().close();
        assertThat(again.isActive()).isTrue();
    }

    @Test
    void bytesAlreadyReceivedComeAlongAndAreReadFirst() throws Exception {
        Pair pair = net.pair();
        pair.peer().send("early");
        Await.until("they came", () -> pair.connection().reader().readableBytes() == 5);
        pair.connection().reader().skip(1);
        DetachedSocket socket = pair.connection().detach();
        assertThat(socket.unread().readableBytes()).isEqualTo(4);
        Connection again = adopt(socket);
        pair.peer().send(" late");
        assertThat(again.reader().readUtf8(9)).isEqualTo("arly late");
    }

    @Test
    void anAdoptedConnectionSendsAtOnceAlsoWithoutCopying() throws Exception {
        byte[] bytes = Bytes.pattern(64 << 10);
        ConnectionOptions options =
                ConnectionOptions.builder().zeroCopyThreshold(4096).build();
        Pair pair = net.pair();
        Connection connection = pair.connection();
        for (int i = 0; i < 20; i++) {
            connection = net.closing(net.group().adopt(connection.detach(), options));
            Connection sending = connection;
            Background<Void> flush =
                    Background.run(() -> sending.writer().writeBytes(bytes).flush());
            assertThat(pair.peer().receive(bytes.length)).isEqualTo(bytes);
            flush.result();
        }
    }

    @Test
    void aSocketWhosePeerHasResetItIsAdoptedAndSaysSo() throws Exception {
        Pair pair = net.pair();
        pair.peer().send("early");
        Await.until("they came", () -> pair.connection().reader().readableBytes() == 5);
        DetachedSocket socket = pair.connection().detach();
        pair.peer().reset();
        Connection again = adopt(socket);
        assertThat(again.reader().readUtf8(5)).isEqualTo("early");
        assertThatThrownBy(() -> again.reader().readByte()).isInstanceOf(IOException.class);
        Await.until("it is known", () -> !again.isActive());
    }

    @Test
    void whoeverDoesNotWantADetachedSocketClosesIt() throws Exception {
        Pair pair = net.pair();
        pair.peer().send("early");
        Await.until("they came", () -> pair.connection().reader().readableBytes() == 5);
        DetachedSocket socket = pair.connection().detach();
        socket.close();
        pair.peer().awaitEnd();
        socket.close();
        assertThatThrownBy(() -> adopt(socket)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> socket.unread().readableBytes()).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void aDetachedSocketIsAdoptedOnce() throws Exception {
        Pair pair = net.pair();
        DetachedSocket socket = pair.connection().detach();
        Connection again = adopt(socket);
        assertThatThrownBy(() -> adopt(socket)).isInstanceOf(IllegalStateException.class);
        socket.close();
        again.writer().writeUtf8("ping").flush();
        assertThat(pair.peer().receiveText(4)).isEqualTo("ping");
    }

    @Test
    void aSocketMayBeDetachedAsSoonAsItWasAdopted() throws Exception {
        Pair pair = net.pair();
        pair.peer().send("early");
        Await.until("they came", () -> pair.connection().reader().readableBytes() == 5);
        DetachedSocket socket = pair.connection().detach();
        for (int i = 0; i < 20; i++) {
            socket = adopt(socket).detach();
        }
        Connection again = adopt(socket);
        pair.peer().send(" late");
        assertThat(again.reader().readUtf8(10)).isEqualTo("early late");
        again.writer().writeUtf8("ping").flush();
        assertThat(pair.peer().receiveText(4)).isEqualTo("ping");
    }

    @Test
    void theDetachedConnectionIsClosedAndItsCallbacksRunOnce() throws Exception {
        Pair pair = net.pair();
        AtomicInteger closes = new AtomicInteger();
        pair.connection().addCloseCallback(c -> closes.incrementAndGet());
        Connection again = adopt(pair.connection().detach());
        Await.until("the callback ran", () -> closes.get() == 1);
        assertThat(pair.connection().isActive()).isFalse();
        assertThatThrownBy(() -> pair.connection().reader().readByte()).isInstanceOf(ConnectionClosedException.class);
        assertThatThrownBy(() -> pair.connection().writer().writeByte(1).flush())
                .isInstanceOf(ConnectionClosedException.class);
        pair.connection().close();
        pair.connection().abort();
        again.writer().writeByte('x').flush();
        assertThat(pair.peer().receiveText(1)).isEqualTo("x");
        assertThat(closes).hasValue(1);
    }

    @Test
    void aClosedConnectionCannotBeDetached() throws Exception {
        for (int round = 0; round < 20; round++) { // the event loop that ends it is inside its sides for a moment
            Pair pair = net.pair();
            pair.connection().close();
            assertThatThrownBy(() -> pair.connection().detach()).isInstanceOf(ConnectionClosedException.class);
        }
    }

    @Test
    void aBrokenConnectionCannotBeDetachedAndSaysWhy() throws Exception {
        assumeTrue(variant.isTcp(), "on a Unix socket only unread bytes cause a reset");
        Pair pair = net.pair();
        pair.peer().reset();
        Await.until("the reset is noticed", () -> !pair.connection().isActive());
        assertThatThrownBy(() -> pair.connection().detach()).isInstanceOf(ConnectionResetException.class);
    }

    @Test
    void aBlockedReaderForbidsToDetach() throws Exception {
        Pair pair = net.pair();
        Background<Byte> read =
                Background.call(() -> pair.connection().reader().readByte()).awaitBlocked();
        assertThatThrownBy(() -> pair.connection().detach()).isInstanceOf(IllegalStateException.class);
        pair.peer().send("x");
        assertThat(read.result()).isEqualTo((byte) 'x');
    }

    @Test
    void aHandlerMayDetachItsConnection() throws Exception {
        AtomicReference<DetachedSocket> detached = new AtomicReference<>();
        Listening server = net.serve(connection -> {
            connection.reader().skip(1);
            detached.set(connection.detach());
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("!rest");
        Await.until("it is detached", () -> detached.get() != null);
        Connection again = adopt(detached.get());
        assertThat(again.reader().readUtf8(4)).isEqualTo("rest");
        server.awaitNoConnections();
        server.server().close();
        again.writer().writeByte('x').flush();
        assertThat(peer.receiveText(1)).isEqualTo("x");
    }

    /** Also where the loop would send the answer a little later. */
    @Test
    void aHandlerMayDetachAsSoonAsItHasFlushed() throws Exception {
        AtomicReference<DetachedSocket> detached = new AtomicReference<>();
        Listening server = net.serve(connection -> {
            connection.writer().writeUtf8("answer").flush();
            detached.set(connection.detach());
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("x");
        assertThat(peer.receiveText(6)).isEqualTo("answer");
        Await.until("it is detached", () -> detached.get() != null);
        Connection again = adopt(detached.get());
        again.writer().writeUtf8("more").flush();
        assertThat(peer.receiveText(4)).isEqualTo("more");
    }

    @Test
    void nothingIsLostOfWhatArrivesAboveTheMarkMeanwhile() throws Exception {
        byte[] bytes = Bytes.pattern(100_000);
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch sent = new CountDownLatch(1);
        AtomicReference<DetachedSocket> detached = new AtomicReference<>();
        Listening server = net.listen(net.server()
                .options(ConnectionOptions.builder().inboundMarks(1024, 8192).build())
                .onRequest(connection -> {
                    if (sent.getCount() > 0) { // on a loop, so that it finds all of it in its next turn
                        connection.reader().skip(1);
                        begun.countDown();
                        sent.await();
                    } else {
                        detached.set(connection.detach());
                    }
                }));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("!");
        begun.await();
        peer.send(bytes);
        sent.countDown();
        Await.until("it is detached", () -> detached.get() != null);
        assertThat(adopt(detached.get()).reader().readBytes(bytes.length)).isEqualTo(bytes);
    }

    @Test
    void aResetThatIsFoundMeanwhileEndsInAnExceptionAndNotInSomebodyElsesDescriptor() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch isReset = new CountDownLatch(1);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Listening server = net.serve(connection -> {
            connection.reader().skip(1);
            if (isReset.getCount() > 0) { // on a loop, so that it finds the byte and the reset in its next turn
                begun.countDown();
                isReset.await();
                return;
            }
            failure.set(catchThrowable(() -> {
                DetachedSocket socket = connection.detach();
                try {
                    assertThat(socket.fd() < 0 || Files.exists(Path.of("/proc/self/fd/" + socket.fd())))
                            .as("the descriptor is open")
                            .isTrue();
                    net.group().adopt(socket, ConnectionOptions.defaults()).close();
                } finally {
                    socket.close();
                }
            }));
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("?");
        begun.await();
        peer.send("!");
        peer.reset();
        isReset.countDown();
        server.awaitNoConnections();
        assertThat(failure.get())
                .satisfiesAnyOf(
                        none -> assertThat(none).isNull(),
                        error -> assertThat(error).isInstanceOf(IOException.class));
    }

    @Test
    void outputOnItsWayForbidsToDetach() throws Exception {
        if (!variant.isInline()) {
            // Only a flush on a loop leaves output on its way; a flush that may block has waited for it.
            Pair pair = net.pair();
            pair.connection().writer().writeUtf8("sent").flush();
            adopt(pair.connection().detach());
            assertThat(pair.peer().receiveText(4)).isEqualTo("sent");
            return;
        }
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Listening server = net.serve(connection -> {
            Handlers.discard().handle(connection);
            connection.writer().writeBytes(new byte[16 << 20]).flush();
            failure.set(catchThrowable(connection::detach));
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("?");
        Await.until("it was tried", () -> failure.get() != null);
        assertThat(failure.get()).isInstanceOf(IllegalStateException.class);
        assertThat(peer.receive(16 << 20)).hasSize(16 << 20);
    }

    @Test
    void aSocketOfTheCallersCanBeAdopted() throws Exception {
        if (variant.isNative()) {
            // Descriptors come from detach() here; a bad one is refused.
            assertThatThrownBy(() -> net.group().adopt(DetachedSocket.of(999_999), ConnectionOptions.defaults()))
                    .isInstanceOf(IOException.class);
            return;
        }
        try (RawListener listener = net.listenRaw()) {
            SocketChannel channel =
                    variant.isTcp() ? SocketChannel.open() : SocketChannel.open(StandardProtocolFamily.UNIX);
            channel.connect(listener.address());
            Connection connection = adopt(DetachedSocket.of(channel));
            RawPeer peer = net.closing(listener.accept());
            connection.writer().writeUtf8("hello").flush();
            assertThat(peer.receiveText(5)).isEqualTo("hello");
            connection.onRequest(Handlers.echo());
            peer.send("echo");
            assertThat(peer.receiveText(4)).isEqualTo("echo");
            peer.close();
            Await.until("the end is noticed", () -> !connection.isActive());
        }
    }

    @Test
    void aSocketOfAnotherBackendIsRefusedAndStaysTheCallers() throws Exception {
        Pair pair = net.pair();
        DetachedSocket mine = pair.connection().detach();
        try (SocketChannel channel = SocketChannel.open()) {
            DetachedSocket foreign = variant.isNative() ? DetachedSocket.of(channel) : DetachedSocket.of(0);
            assertThatThrownBy(() -> net.group().adopt(foreign, ConnectionOptions.defaults()))
                    .isInstanceOf(IOException.class);
            assertThat(channel.isOpen()).isTrue();
        }
        adopt(mine).close();
        pair.peer().awaitEnd();
    }
}

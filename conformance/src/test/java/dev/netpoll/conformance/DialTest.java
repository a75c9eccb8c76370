// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.ConnectFailedException;
import dev.netpoll.ConnectTimeoutException;
import dev.netpoll.Connection;
import dev.netpoll.ConnectionException;
import dev.netpoll.Dialer;
import dev.netpoll.PeerClosedException;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.RawListener;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Opening connections. */
class DialTest extends ConformanceTest {
    /** {@return an address that somebody listened on and nobody listens on any more} */
    private SocketAddress deserted() throws IOException {
        try (RawListener listener = net.listenRaw()) {
            return listener.address();
        }
    }

    @Test
    void addressesOfBothEndsMatch() throws Exception {
        AtomicReference<Connection> accepted = new AtomicReference<>();
        Listening server = net.listen(net.server().onConnect(accepted::set));
        Connection dialed = net.dial(server.address());
        Await.until("it is accepted", () -> accepted.get() != null);
        assertThat(dialed.remoteAddress()).isEqualTo(server.address());
        assertThat(accepted.get().localAddress()).isEqualTo(server.address());
        assertThat(accepted.get().remoteAddress()).isEqualTo(dialed.localAddress());
        assertThat(dialed.isActive()).isTrue();
    }

    @Test
    void nobodyListeningIsAFailureWithTheSystemsReason() throws Exception {
        SocketAddress address = deserted();
        String expected = variant.isTcp() ? "ECONNREFUSED" : "ENOENT";
        assertThatThrownBy(() -> net.dial(address)).isInstanceOfSatisfying(ConnectFailedException.class, e -> {
            assertThat(e.operation()).isEqualTo("connect");
            assertThat(e.remoteAddress()).isEqualTo(address);
            if (variant.isNative() || variant.isTcp()) {
                assertThat(e.errno()).isEqualTo(expected);
            }
        });
    }

    @Test
    void afterAFailureTheNextDialSucceeds() throws Exception {
        SocketAddress address = deserted();
        Dialer dialer = net.dialer().build();
        for (int i = 0; i < 20; i++) {
            assertThatThrownBy(() -> dialer.dial(address)).isInstanceOf(ConnectFailedException.class);
        }
        Listening server = net.serve(Handlers.echo());
        try (Connection connection = dialer.dial(server.address())) {
            connection.writer().writeByte('x').flush();
            assertThat(connection.reader().readByte()).isEqualTo((byte) 'x');
        }
    }

    @Test
    void aListenerThatAcceptsNobodyEndsInATimeoutNotInAHang() throws Exception {
        try (RawListener full = net.listenRaw(1, 0)) {
            Duration timeout = Duration.ofMillis(100);
            Throwable failure = null;
            for (int i = 0; i < 10 && failure == null; i++) {
                failure = catchThrowable(() ->
                        net.closing(net.dialer().connectTimeout(timeout).build().dial(full.address())));
            }
            if (variant.isTcp()) {
                assertThat(failure)
                        .isInstanceOf(ConnectTimeoutException.class)
                        .hasMessageContaining("the time-out is 100 ms");
            } else {
                // Linux refuses at once to queue more on a Unix socket (EAGAIN); a dialer may retry or say so.
                assertThat(failure).isInstanceOfAny(ConnectTimeoutException.class, ConnectFailedException.class);
            }
            assertThat(((ConnectionException) failure).operation()).isEqualTo("connect");
        }
    }

    @Test
    void theTimeoutOfOneDialCountsInsteadOfTheDialers() throws Exception {
        try (RawListener full = net.listenRaw(1, 0)) {
            Dialer patient = net.dialer().connectTimeout(Timing.LONG).build();
            long begin = System.nanoTime();
            Throwable failure = null;
            for (int i = 0; i < 10 && failure == null; i++) {
                failure = catchThrowable(() -> net.closing(patient.dial(full.address(), Timing.SHORT)));
            }
            assertThat(failure).isInstanceOf(ConnectionException.class);
            assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Timing.LONG.dividedBy(2));
        }
    }

    @Test
    void timeoutsThatAreNotPositiveAreRefused() throws Exception {
        SocketAddress address = deserted();
        Dialer dialer = net.dialer().build();
        assertThatThrownBy(() -> dialer.dial(address, Duration.ZERO)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> net.dialer().connectTimeout(Duration.ofMillis(-1)))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> dialer.dial(address, Connection.NO_TIMEOUT))
                .isInstanceOf(ConnectFailedException.class);
    }

    @Test
    void aHandlerMayDialUnlessItRunsOnALoop() throws Exception {
        Listening target = net.serve(Handlers.echo());
        AtomicReference<Object> outcome = new AtomicReference<>();
        Listening server = net.serve(connection -> {
            Handlers.discard().handle(connection);
            Throwable failure = catchThrowable(
                    () -> net.dialer().build().dial(target.address()).close());
            outcome.set(failure == null ? "dialed" : failure);
        });
        net.connectRaw(server.address()).send("x");
        Await.until("the handler tried", () -> outcome.get() != null);
        if (variant.isInline()) {
            assertThat(outcome.get()).isInstanceOf(IllegalStateException.class);
        } else {
            assertThat(outcome.get()).isEqualTo("dialed");
        }
    }

    @Test
    void aServerThatAcceptsAndClosesAtOnceDoesNotMakeTheDialFail() throws Exception {
        Listening server = net.listen(net.server().onPrepare(Connection::close));
        for (int i = 0; i < 50; i++) {
            try (Connection connection = net.dialer().build().dial(server.address())) {
                assertThat(catchThrowable(() -> connection.reader().readByte())).isInstanceOf(IOException.class);
            }
        }
    }

    @Test
    void hurriedDialsEitherSucceedOrTimeOut() throws Exception {
        Listening server = net.listen(net.server().onConnect(Connection::close));
        Dialer hurried = net.dialer().connectTimeout(Duration.ofMillis(1)).build();
        for (int i = 0; i < 100; i++) {
            Throwable failure =
                    catchThrowable(() -> hurried.dial(server.address()).close());
            if (failure != null) {
                assertThat(failure)
                        .isInstanceOf(ConnectTimeoutException.class)
                        .hasMessageContaining("the time-out is 1 ms");
            }
        }
    }

    @Test
    void aDialedConnectionMayHaveAHandler() throws Exception {
        Pair pair = net.pair(net.dialer().onRequest(Handlers.echo()));
        pair.peer().send("ping");
        assertThat(pair.peer().receiveText(4)).isEqualTo("ping");
    }

    @Test
    void aDialedConnectionWithAHandlerIsToldOfThePeersEndOnce() throws Exception {
        AtomicInteger disconnects = new AtomicInteger();
        Pair pair =
                net.pair(net.dialer().onRequest(Handlers.discard()).onDisconnect(c -> disconnects.incrementAndGet()));
        pair.peer().send("x").finish();
        Await.until("it is told", () -> disconnects.get() == 1);
        pair.peer().close();
        pair.connection().close();
        Await.until("it is closed", () -> net.group().connectionCount() == 0);
        assertThat(disconnects).hasValue(1);
    }

    @Test
    void tenRoundsOfDialWriteAndCloseInTheHandler() throws Exception {
        Listening server = net.serve(Handlers.echo());
        for (int i = 0; i < 10; i++) {
            AtomicInteger handled = new AtomicInteger();
            AtomicInteger closed = new AtomicInteger();
            Connection connection = net.dial(server.address());
            connection.addCloseCallback(c -> closed.incrementAndGet());
            connection.onRequest(c -> {
                handled.incrementAndGet();
                c.close();
            });
            connection.writer().writeUtf8("hello").flush();
            Await.until("the handler and the callback ran", () -> handled.get() == 1 && closed.get() == 1);
        }
    }

    @Test
    void theSocketStaysTheCallersUntilItCloses() throws Exception {
        Listening server = net.listen(net.server().onConnect(Connection::close));
        for (int i = 0; i < 50; i++) {
            Connection connection = net.dial(server.address());
            assertThatThrownBy(() -> connection.reader().readByte()).isInstanceOf(PeerClosedException.class);
            int size = connection.getOption(java.net.StandardSocketOptions.SO_RCVBUF);
            assertThat(size).isPositive();
            connection.close();
        }
    }

    @Test
    void dialedConnectionsCanBeWrittenFromBothSidesAtOnce() throws Exception {
        try (RawListener listener = net.listenRaw()) {
            Connection connection = net.dial(listener.address());
            RawPeer peer = net.closing(listener.accept());
            peer.send("server first");
            connection.writer().writeUtf8("client first").flush();
            assertThat(peer.receiveText(12)).isEqualTo("client first");
            assertThat(connection.reader().readUtf8(12)).isEqualTo("server first");
        }
    }
}

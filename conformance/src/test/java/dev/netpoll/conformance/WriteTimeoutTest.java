// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.WriteTimeoutException;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.RawListener;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.net.StandardSocketOptions;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Flushes that wait too long for a slow reader. */
class WriteTimeoutTest extends ConformanceTest {
    private static final int BIG = 16 << 20;
    private static final int SMALL_BUFFER = 4096;

    private static final ConnectionOptions SHORT_WRITES =
            ConnectionOptions.builder().writeTimeout(Timing.SHORT).build();

    @Test
    void aFlushToAPeerThatDoesNotReadTimesOut() throws Exception {
        Pair pair = net.pair(SHORT_WRITES);
        long begin = System.nanoTime();
        Throwable failure = catchThrowable(
                () -> pair.connection().writer().writeBytes(new byte[BIG]).flush());
        assertThat(Duration.ofNanos(System.nanoTime() - begin)).isGreaterThanOrEqualTo(Timing.SHORT);
        assertThat(failure).isInstanceOfSatisfying(WriteTimeoutException.class, e -> {
            assertThat(e.operation()).isEqualTo("write");
            assertThat(e.bytesSent()).isBetween(1L, (long) BIG);
            assertThat(e.remoteAddress()).isEqualTo(pair.connection().remoteAddress());
        });
    }

    @Test
    void whatWasSentIsCountedExactly() throws Exception {
        Pair pair = net.pair(SHORT_WRITES);
        WriteTimeoutException failure = (WriteTimeoutException) catchThrowable(
                () -> pair.connection().writer().writeBytes(new byte[BIG]).flush());
        RawPeer peer = pair.peer();
        assertThat(peer.receive(Math.toIntExact(failure.bytesSent()))).isNotEmpty();
        Await.stays("nothing more comes", Timing.SHORT, () -> peer.receiveNow(1).length == 0);
    }

    @Test
    void aSmallFlushNeedsNoTime() throws Exception {
        Pair pair = net.pair(
                ConnectionOptions.builder().writeTimeout(Duration.ofNanos(1)).build());
        pair.connection().writer().writeBytes(new byte[1024]).flush();
        assertThat(pair.peer().receive(1024)).hasSize(1024);
    }

    @Test
    void aFlushThatSentNothingMayBeRepeated() throws Exception {
        Connection connection;
        RawPeer peer;
        try (RawListener listener = net.listenRaw(0, SMALL_BUFFER)) {
            connection = net.dial(
                    listener.address(),
                    ConnectionOptions.builder()
                            .socketOption(StandardSocketOptions.SO_SNDBUF, SMALL_BUFFER)
                            .build());
            peer = net.closing(listener.accept());
        }
        int sent = fill(connection);
        // The byte that timed out may be pending still; a repeated flush sends it then.
        int pending = (int) connection.writer().pendingBytes();
        connection.setWriteTimeout(Timing.LONG);
        Background<byte[]> received = Background.call(() -> peer.receive(sent + pending + 5));
        connection.writer().flush();
        connection.writer().writeUtf8("again").flush();
        assertThat(new String(received.result(), StandardCharsets.UTF_8))
                .isEqualTo(".".repeat(sent + pending) + "again");
    }

    /** Flushes single bytes, which cannot be torn, until one times out; returns how many were sent. */
    private static int fill(Connection connection) {
        connection.setWriteTimeout(Duration.ofMillis(1));
        int sent = 0;
        Throwable failure = null;
        while (failure == null) {
            failure = catchThrowable(() -> connection.writer().writeByte('.').flush());
            sent += failure == null ? 1 : 0;
        }
        connection.setWriteTimeout(Timing.SHORT);
        assertThat(failure)
                .isInstanceOfSatisfying(
                        WriteTimeoutException.class,
                        e -> assertThat(e.bytesSent()).isZero());
        return sent;
    }

    @Test
    void aSlowReaderThatReadsInTimeIsServed() throws Exception {
        Pair pair = net.pair(
                ConnectionOptions.builder().writeTimeout(Duration.ofSeconds(20)).build());
        Background<Void> flush = Background.run(
                () -> pair.connection().writer().writeBytes(new byte[BIG]).flush());
        for (int i = 0; i < 64; i++) {
            pair.peer().receive(BIG / 64);
        }
        flush.result();
    }

    @Test
    void aNewTimeoutCountsForTheFlushInProgress() throws Exception {
        Pair pair = net.pair();
        Background<Void> flush = Background.run(() ->
                        pair.connection().writer().writeBytes(new byte[BIG]).flush())
                .awaitBlocked();
        pair.connection().setWriteTimeout(Timing.SHORT);
        assertThat(flush.failure()).isInstanceOf(WriteTimeoutException.class);
    }

    @Test
    void aFlushIsLimitedByDefault() {
        assertThat(ConnectionOptions.defaults().writeTimeout()).isLessThanOrEqualTo(Duration.ofMinutes(1));
    }

    @Test
    void aTimeoutLeavesTheReadingSideAlone() throws Exception {
        Pair pair = net.pair(SHORT_WRITES);
        assertThatThrownBy(() ->
                        pair.connection().writer().writeBytes(new byte[BIG]).flush())
                .isInstanceOf(WriteTimeoutException.class);
        pair.peer().send("still here");
        assertThat(pair.connection().reader().readUtf8(10)).isEqualTo("still here");
    }

    @Test
    void aServersSlowReaderIsCutOff() throws Exception {
        Listening server = net.listen(net.server().options(SHORT_WRITES).onRequest(connection -> {
            Handlers.discard().handle(connection);
            connection.writer().writeBytes(new byte[BIG]).flush();
        }));
        RawPeer slow = net.connectRaw(server.address());
        slow.send("?");
        server.awaitNoConnections();
        net.takeErrors();
    }

    @Test
    void closeWaitsForOutputOnTheLoopOnlyAsLongAsTheWriteTimeout() throws Exception {
        Listening server = net.listen(net.server().options(SHORT_WRITES).onRequest(connection -> {
            Handlers.discard().handle(connection);
            if (variant.isInline()) {
                connection.writer().writeBytes(new byte[BIG]).flush();
            }
            connection.close();
        }));
        net.connectRaw(server.address()).send("?");
        server.awaitNoConnections();
        net.takeErrors();
    }
}

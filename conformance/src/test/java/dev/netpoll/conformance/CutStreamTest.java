// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.Connection;
import dev.netpoll.WriteTimeoutException;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Instant;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** A stream that was cut in the middle of a flush can never go on: the connection says so, and says why. */
@Variants(modes = Mode.VIRTUAL)
class CutStreamTest extends ConformanceTest {
    private static final byte[] MUCH = new byte[16 << 20];

    private static void writeMuch(Connection connection) throws IOException {
        connection.writer().writeBytes(MUCH).flush();
    }

    @Test
    void afterATimeOutItIsNotActiveAndTheTimeOutIsNamed() throws Exception {
        Pair pair = net.pair();
        pair.connection().setWriteTimeout(Timing.SHORT);
        Throwable failure = catchThrowable(() -> writeMuch(pair.connection()));
        checkTimedOut(pair, failure);
    }

    @Test
    void afterADeadlineItIsNotActiveAndTheTimeOutIsNamed() throws Exception {
        Pair pair = net.pair();
        pair.connection().setWriteDeadline(Instant.now().plus(Timing.SHORT.multipliedBy(3)));
        Throwable failure = catchThrowable(() -> writeMuch(pair.connection()));
        pair.connection().setWriteDeadline(null);
        checkTimedOut(pair, failure);
    }

    private static void checkTimedOut(Pair pair, Throwable failure) {
        assertThat(failure)
                .isInstanceOfSatisfying(
                        WriteTimeoutException.class,
                        e -> assertThat(e.bytesSent()).isBetween(1L, MUCH.length - 1L));
        checkUnusable(pair.connection());
        assertThat(laterFailure(pair.connection()))
                .isInstanceOf(IOException.class)
                .satisfies(e -> assertThat(lowerCase(e)).containsPattern("time-?out|timed out|in time"))
                .satisfies(e -> assertThat(lowerCase(e)).doesNotContain("interrupt"));
    }

    @Test
    void afterAnInterruptItIsNotActiveAndTheInterruptIsNamed() throws Exception {
        Pair pair = net.pair();
        Background<Void> flush =
                Background.run(() -> writeMuch(pair.connection())).awaitBlocked();
        flush.interrupt();
        assertThat(flush.failure())
                .isInstanceOfSatisfying(
                        InterruptedIOException.class,
                        e -> assertThat(e.bytesTransferred).isBetween(1, MUCH.length - 1));
        checkUnusable(pair.connection());
        assertThat(laterFailure(pair.connection()))
                .isInstanceOf(IOException.class)
                .isNotInstanceOf(WriteTimeoutException.class)
                .satisfies(e -> assertThat(lowerCase(e)).contains("interrupt").doesNotContain("time-out"));
    }

    private static void checkUnusable(Connection connection) {
        assertThat(connection.isActive()).as("active").isFalse();
        assertThat(connection.isReusable()).as("reusable").isFalse();
    }

    private static Throwable laterFailure(Connection connection) {
        return catchThrowable(() -> connection.writer().writeByte(1).flush());
    }

    private static String lowerCase(Throwable failure) {
        return String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT);
    }

    @Test
    void thePeerOfAHandlerThatFailsThereSeesNoOrderlyEnd() throws Exception {
        Assumptions.assumeTrue(variant.transport() != Transport.UNIX, "Unix sockets have no reset");
        AtomicBoolean failed = new AtomicBoolean();
        Listening server = net.listen(net.server()
                .onRequest(connection -> {
                    connection.setWriteTimeout(Timing.SHORT);
                    connection.reader().readByte();
                    writeMuch(connection);
                })
                .onError((connection, error) -> failed.set(true)));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("x");
        Await.until("the flush is given up", failed::get);
        server.awaitNoConnections();
        assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.RESET);
    }

    @Test
    void whatThePeerSentStaysReadable() throws Exception {
        Pair pair = net.pair();
        pair.peer().send("answer");
        pair.connection().setWriteTimeout(Timing.SHORT);
        assertThat(catchThrowable(() -> writeMuch(pair.connection()))).isInstanceOf(WriteTimeoutException.class);
        assertThat(pair.connection().reader().readUtf8(6)).isEqualTo("answer");
    }
}

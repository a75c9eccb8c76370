// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.testkit.Await;
import org.junit.jupiter.api.Test;

/** Whether a pool may hand a connection out again: when in doubt, no. */
class ReusableTest extends ConformanceTest {
    /** While the loop looks for bytes it may be about to find some, so the connection is not reusable. */
    private Pair quietPair() throws Exception {
        Pair pair = net.pair();
        Await.until("the loop has found nothing", pair.connection()::isReusable);
        return pair;
    }

    @Test
    void aFreshConnectionIsReusableHoweverOftenOneAsks() throws Exception {
        Pair pair = net.pair();
        for (int i = 0; i < 100; i++) {
            assertThat(pair.connection().isReusable()).isTrue();
        }
        pair.peer().send("x");
        assertThat(pair.connection().reader().readByte()).isEqualTo((byte) 'x');
    }

    @Test
    void aConnectionIsReusableAfterEachCompleteExchange() throws Exception {
        Listening server = net.serve(Handlers.echo());
        Connection connection = net.dial(server.address());
        for (int i = 0; i < 20; i++) {
            connection.writer().writeUtf8("ping").flush();
            assertThat(connection.reader().readUtf8(4)).isEqualTo("ping");
            connection.reader().release();
            Await.until("the loop has found nothing more", connection::isReusable);
        }
    }

    @Test
    void unreadBytesMakeItUnusable() throws Exception {
        Pair pair = quietPair();
        pair.peer().send("late answer");
        Await.until("it is seen", () -> !pair.connection().isReusable());
        Await.until("it came", () -> pair.connection().reader().readableBytes() == 11);
        assertThat(pair.connection().isReusable()).isFalse();
        pair.connection().reader().skip(11);
        Await.until("the loop has found nothing more", pair.connection()::isReusable);
    }

    @Test
    void bytesThatOnlyTheKernelHasMakeItUnusable() throws Exception {
        Pair pair = net.pair();
        pair.connection().pauseReading();
        pair.peer().send("late answer");
        Await.until("it is seen", () -> !pair.connection().isReusable());
    }

    @Test
    void bytesThatWereNotFlushedMakeItUnusable() throws Exception {
        Pair pair = net.pair();
        pair.connection().writer().writeByte(1);
        assertThat(pair.connection().isReusable()).isFalse();
        pair.connection().writer().flush();
        assertThat(pair.connection().isReusable()).isTrue();
    }

    @Test
    void thePeersEndMakesItUnusable() throws Exception {
        Pair pair = quietPair();
        pair.peer().finish();
        Await.until("it is seen", () -> !pair.connection().isReusable());
        assertThat(pair.connection().isReusable()).isFalse();
    }

    @Test
    void thePeersEndMakesItUnusableWhileReadingIsPaused() throws Exception {
        Pair pair = net.pair();
        pair.connection().pauseReading();
        pair.peer().close();
        Await.until("it is seen", () -> !pair.connection().isReusable());
    }

    @Test
    void aResetMakesItUnusable() throws Exception {
        Pair pair = net.pair();
        pair.connection().writer().writeUtf8("hi").flush();
        pair.peer().receive(1);
        Await.until("the loop has found nothing", pair.connection()::isReusable);
        pair.peer().reset();
        Await.until("it is seen", () -> !pair.connection().isReusable());
        assertThat(pair.connection().isReusable()).isFalse();
    }

    @Test
    void ourOwnEndMakesItUnusable() throws Exception {
        Pair half = net.pair();
        half.connection().shutdownOutput();
        assertThat(half.connection().isReusable()).isFalse();
        Pair closed = net.pair();
        closed.connection().close();
        assertThat(closed.connection().isReusable()).isFalse();
    }
}

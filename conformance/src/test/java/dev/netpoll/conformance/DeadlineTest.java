// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.Connection;
import dev.netpoll.ReadTimeoutException;
import dev.netpoll.WriteTimeoutException;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.testkit.Await;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

/** Reads and flushes that end at a point in time. */
class DeadlineTest extends ConformanceTest {
    private static final int BIG = 16 << 20;

    @Test
    void aReadDeadlineInThePastEndsAWaitAtOnceAndMayBeRemoved() throws Exception {
        Pair pair = net.pair();
        Connection connection = pair.connection();
        connection.setReadDeadline(Instant.now().minusSeconds(1));
        assertThatThrownBy(() -> connection.reader().readByte()).isInstanceOf(ReadTimeoutException.class);
        connection.setReadDeadline(null);
        pair.peer().send("x");
        assertThat(connection.reader().readByte()).isEqualTo((byte) 'x');
    }

    @Test
    void aReadThatNeedNotWaitSucceedsAfterTheDeadline() throws Exception {
        Pair pair = net.pair();
        pair.peer().send("here");
        Await.until("it came", () -> pair.connection().reader().readableBytes() == 4);
        pair.connection().setReadDeadline(Instant.EPOCH);
        assertThat(pair.connection().reader().readUtf8(4)).isEqualTo("here");
    }

    @Test
    void aReadEndsAtItsDeadlineAndLaterReadsAtOnce() throws Exception {
        Pair pair = net.pair();
        long begin = System.nanoTime();
        pair.connection().setReadDeadline(Instant.now().plus(Timing.SHORT));
        assertThatThrownBy(() -> pair.connection().reader().next(100_000)).isInstanceOf(ReadTimeoutException.class);
        // The clocks of instants and of waiting differ by a little.
        assertThat(Duration.ofNanos(System.nanoTime() - begin))
                .isGreaterThanOrEqualTo(Timing.SHORT.minus(Duration.ofMillis(5)));
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> pair.connection().reader().readByte()).isInstanceOf(ReadTimeoutException.class);
        }
    }

    @Test
    void aReadDeadlineWakesAWaitInProgress() throws Exception {
        Pair pair = net.pair();
        Background<Byte> read =
                Background.call(() -> pair.connection().reader().readByte()).awaitBlocked();
        pair.connection().setReadDeadline(Instant.now().minusSeconds(1));
        assertThat(read.failure()).isInstanceOf(ReadTimeoutException.class);
    }

    @Test
    void aReadDeadlineOverridesTheTimeoutAndAReadTimeoutClearsTheDeadline() throws Exception {
        Pair pair = net.pair();
        Connection connection = pair.connection();
        connection.setReadTimeout(Duration.ofMillis(1));
        connection.setReadDeadline(Instant.now().plusSeconds(60));
        Background<Byte> read =
                Background.call(() -> connection.reader().readByte()).awaitBlocked();
        Await.stays("the deadline counts, not the time-out", Timing.SHORT, () -> !read.isDone());
        pair.peer().send("x");
        read.result();
        connection.setReadDeadline(Instant.EPOCH);
        connection.setReadTimeout(Timing.LONG);
        Background<Byte> second =
                Background.call(() -> connection.reader().readByte()).awaitBlocked();
        pair.peer().send("y");
        assertThat(second.result()).isEqualTo((byte) 'y');
    }

    @Test
    void aRemovedReadDeadlineLetsTheTimeoutCountAgain() throws Exception {
        Pair pair = net.pair();
        pair.connection().setReadTimeout(Timing.SHORT);
        pair.connection().setReadDeadline(Instant.now().plusSeconds(60));
        pair.connection().setReadDeadline(null);
        assertThatThrownBy(() -> pair.connection().reader().readByte()).isInstanceOf(ReadTimeoutException.class);
    }

    @Test
    void aWriteDeadlineInThePastEndsAFlushThatMustWaitAndMayBeRemoved() throws Exception {
        Pair pair = net.pair();
        Connection connection = pair.connection();
        connection.setWriteDeadline(Instant.now().minusSeconds(1));
        connection.setWriteDeadline(null);
        connection.writer().writeUtf8("fine").flush();
        assertThat(pair.peer().receiveText(4)).isEqualTo("fine");
        connection.setWriteDeadline(Instant.now().minusSeconds(1));
        assertThatThrownBy(() -> connection.writer().writeBytes(new byte[BIG]).flush())
                .isInstanceOf(WriteTimeoutException.class);
    }

    @Test
    void aFlushEndsAtItsDeadlineAndLaterFlushesAtOnce() throws Exception {
        Pair pair = net.pair();
        Connection connection = pair.connection();
        connection.setWriteDeadline(Instant.now().plus(Timing.SHORT));
        assertThatThrownBy(() -> connection.writer().writeBytes(new byte[BIG]).flush())
                .isInstanceOf(WriteTimeoutException.class);
        long begin = System.nanoTime();
        assertThatThrownBy(() -> connection.writer().writeBytes(new byte[BIG]).flush())
                .isInstanceOf(java.io.IOException.class);
        assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(5));
    }

    @Test
    void aWriteDeadlineWakesAFlushInProgress() throws Exception {
        Pair pair = net.pair();
        Background<Void> flush = Background.run(() ->
                        pair.connection().writer().writeBytes(new byte[BIG]).flush())
                .awaitBlocked();
        pair.connection().setWriteDeadline(Instant.now().minusSeconds(1));
        assertThat(flush.failure()).isInstanceOf(WriteTimeoutException.class);
    }

    @Test
    void deadlinesFarAwayDoNotOverflow() throws Exception {
        Pair pair = net.pair();
        Connection connection = pair.connection();
        connection.setReadDeadline(Instant.MAX);
        connection.setWriteDeadline(Instant.MAX);
        connection.writer().writeUtf8("x").flush();
        Background<Byte> read =
                Background.call(() -> connection.reader().readByte()).awaitBlocked();
        pair.peer().send("x");
        read.result();
        connection.setReadDeadline(Instant.MIN);
        assertThatThrownBy(() -> connection.reader().readByte()).isInstanceOf(ReadTimeoutException.class);
        connection.setReadTimeout(Duration.ofSeconds(Long.MAX_VALUE));
        Background<Byte> second =
                Background.call(() -> connection.reader().readByte()).awaitBlocked();
        pair.peer().send("y");
        assertThat(second.result()).isEqualTo((byte) 'y');
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.ReadTimeoutException;
import dev.netpoll.buffer.Reader;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.testkit.Await;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Reads that wait too long. */
class ReadTimeoutTest extends ConformanceTest {
    @Test
    void aReadThatGetsNothingTimesOutAndTheConnectionStaysUsable() throws Exception {
        Pair pair = net.pair();
        Connection connection = pair.connection();
        connection.setReadTimeout(Timing.SHORT);
        long begin = System.nanoTime();
        Throwable failure = catchThrowable(() -> connection.reader().readBytes(10));
        assertThat(Duration.ofNanos(System.nanoTime() - begin)).isGreaterThanOrEqualTo(Timing.SHORT);
        assertThat(failure).isInstanceOfSatisfying(ReadTimeoutException.class, e -> {
            assertThat(e.operation()).isEqualTo("read");
            assertThat(e.remoteAddress()).isEqualTo(connection.remoteAddress());
        });
        assertThat(connection.isActive()).isTrue();
        pair.peer().send("0123456789");
        assertThat(connection.reader().readUtf8(10)).isEqualTo("0123456789");
    }

    @Test
    void aReadThatTimesOutConsumesNothing() throws Exception {
        Pair pair = net.pair();
        Reader in = pair.connection().reader();
        pair.connection().setReadTimeout(Timing.SHORT);
        pair.peer().send("abc");
        assertThatThrownBy(() -> in.readBytes(4)).isInstanceOf(ReadTimeoutException.class);
        assertThatThrownBy(() -> in.readUntil((byte) '\n')).isInstanceOf(ReadTimeoutException.class);
        assertThatThrownBy(() -> in.skip(4)).isInstanceOf(ReadTimeoutException.class);
        pair.peer().send("d\n");
        assertThat(in.readUtf8(5)).isEqualTo("abcd\n");
    }

    @Test
    void bytesThatTrickleInDoNotProlongTheWait() throws Exception {
        Pair pair = net.pair();
        pair.connection().setReadTimeout(Duration.ofMillis(100));
        Background<Void> slow = Background.runOnPlatformThread(() -> {
            while (!Thread.currentThread().isInterrupted()) {
                pair.peer().send("x");
                java.util.concurrent.locks.LockSupport.parkNanos(2_000_000);
            }
        });
        long begin = System.nanoTime();
        assertThatThrownBy(() -> pair.connection().reader().next(1_000_000)).isInstanceOf(ReadTimeoutException.class);
        assertThat(Duration.ofNanos(System.nanoTime() - begin))
                .isBetween(Duration.ofMillis(100), Duration.ofSeconds(5));
        slow.interrupt();
    }

    @Test
    void aReadThatNeedNotWaitSucceedsWhateverTheTimeout() throws Exception {
        Pair pair = net.pair(
                ConnectionOptions.builder().readTimeout(Duration.ofNanos(1)).build());
        pair.peer().send("here");
        Await.until("it came", () -> pair.connection().reader().readableBytes() == 4);
        assertThat(pair.connection().reader().readUtf8(4)).isEqualTo("here");
        assertThatThrownBy(() -> pair.connection().reader().readByte()).isInstanceOf(ReadTimeoutException.class);
    }

    @Test
    void aNewTimeoutCountsForTheWaitInProgress() throws Exception {
        Pair pair = net.pair();
        Background<Byte> read =
                Background.call(() -> pair.connection().reader().readByte()).awaitBlocked();
        pair.connection().setReadTimeout(Timing.SHORT);
        assertThat(read.failure()).isInstanceOf(ReadTimeoutException.class);
    }

    @Test
    void aTimeoutTakenAwayEndsNoWaitInProgress() throws Exception {
        Pair pair = net.pair();
        pair.connection().setReadTimeout(Duration.ofSeconds(2));
        Background<Byte> read =
                Background.call(() -> pair.connection().reader().readByte()).awaitBlocked();
        pair.connection().setReadTimeout(Connection.NO_TIMEOUT);
        pair.peer().send("x");
        assertThat(read.result()).isEqualTo((byte) 'x');
    }

    @Test
    void eachReadHasItsOwnTimeout() throws Exception {
        Pair pair = net.pair();
        pair.connection().setReadTimeout(Duration.ofMillis(10));
        for (int i = 0; i < 5; i++) {
            assertThatThrownBy(() -> pair.connection().reader().readByte()).isInstanceOf(ReadTimeoutException.class);
        }
        pair.connection().setReadTimeout(Timing.LONG);
        Background<Byte> read =
                Background.call(() -> pair.connection().reader().readByte()).awaitBlocked();
        pair.peer().send("x");
        assertThat(read.result()).isEqualTo((byte) 'x');
    }

    @Test
    void aTimeoutThatRacesWithTheBytesLosesNone() throws Exception {
        Pair pair = net.pair();
        pair.connection().setReadTimeout(Duration.ofMillis(1));
        Reader in = pair.connection().reader();
        int rounds = 80;
        Background<Void> sender = Background.runOnPlatformThread(() -> {
            for (int i = 0; i < rounds; i++) {
                pair.peer().send(new byte[] {(byte) i});
                java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
            }
        });
        List<Byte> received = new ArrayList<>();
        while (received.size() < rounds) {
            Throwable failure = catchThrowable(() -> received.add(in.readByte()));
            assertThat(failure)
                    .satisfiesAnyOf(
                            f -> assertThat(f).isNull(), f -> assertThat(f).isInstanceOf(ReadTimeoutException.class));
        }
        for (int i = 0; i < rounds; i++) {
            assertThat(received.get(i)).isEqualTo((byte) i);
        }
        sender.result();
    }

    @Test
    void manyConnectionsTimeOutEachAtItsOwnTime() throws Exception {
        List<Background<Throwable>> reads = new ArrayList<>();
        for (int i = 1; i <= 20; i++) {
            Pair pair = net.pair();
            Duration timeout = Duration.ofMillis(5L * (21 - i));
            pair.connection().setReadTimeout(timeout);
            reads.add(Background.call(() -> {
                long begin = System.nanoTime();
                Throwable failure =
                        catchThrowable(() -> pair.connection().reader().readByte());
                assertThat(Duration.ofNanos(System.nanoTime() - begin)).isGreaterThanOrEqualTo(timeout);
                return failure;
            }));
        }
        assertThat(reads).allSatisfy(read -> assertThat(read.result()).isInstanceOf(ReadTimeoutException.class));
    }

    @Test
    void aTimeoutThatIsNotPositiveIsRefused() throws Exception {
        Connection connection = net.pair().connection();
        for (Duration wrong : List.of(Duration.ZERO, Duration.ofMillis(-1))) {
            assertThatThrownBy(() -> connection.setReadTimeout(wrong)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> connection.setWriteTimeout(wrong)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> connection.setIdleTimeout(wrong)).isInstanceOf(IllegalArgumentException.class);
        }
    }
}

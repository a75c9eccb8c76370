// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Transport;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

@ParameterizedClass
@MethodSource("dev.netpoll.internal.poll.Variant#all")
class ReceiveContractTest extends ContractTest {
    ReceiveContractTest(Variant variant) {
        super(variant);
    }

    @Test
    void aTurnOfOneTransportIsBounded() throws IOException {
        Pair pair = pair();
        pair.server().pauseReading();
        long filled = fill(pair.client());
        settle();
        pair.server().resumeReading();
        while (pair.atServer().received() < filled) {
            int before = pair.atServer().deliveries.size();
            poller.poll(0);
            assertThat(pair.atServer().deliveries.size() - before).isLessThanOrEqualTo(32);
        }
    }

    @Test
    void pausingInTheMiddleOfADeliveryTakesEffectAtOnce() throws IOException {
        Transport[] server = new Transport[1];
        Recorder pausing = new Recorder() {
            @Override
            public void received(Segment segments) {
                super.received(segments);
                server[0].pauseReading();
            }
        };
        Pair pair = pair(new Recorder(), pausing);
        server[0] = pair.server();
        pair.server().pauseReading();
        SendQueue queue = queue(new byte[512 * 1024]);
        pair.client().send(queue);
        long sent = 512 * 1024 - queue.bytes();
        queue.clear();
        settle();
        int rounds = 0;
        while (pausing.received() < sent) {
            rounds++;
            pair.server().resumeReading();
            await(() -> !pausing.deliveries.isEmpty());
            settle();
            assertThat(pausing.deliveries).hasSize(1);
            pausing.deliveries.clear();
        }
        if (variant.isReal()) {
            assertThat(rounds).isGreaterThan(1);
        }
    }

    @Test
    void nothingIsDeliveredWhilePausedAndNothingIsLost() throws IOException {
        Pair pair = pair();
        pair.server().pauseReading();
        pair.client().send(queue(new byte[3]));
        settle();
        assertThat(pair.atServer().received()).isZero();
        pair.server().resumeReading();
        await(() -> pair.atServer().received() == 3);
        pair.server().pauseReading();
        pair.server().resumeReading();
        pair.client().send(queue(new byte[4]));
        await(() -> pair.atServer().received() == 7);
    }

    @Test
    void theEndOfAStreamComesBehindItsBytesAndTheOtherDirectionGoesOn() throws IOException {
        Pair pair = pair();
        pair.client().send(queue(new byte[100]));
        pair.client().shutdownOutput();
        await(() -> pair.atServer().peerFinished);
        assertThat(pair.atServer().received()).isEqualTo(100);
        byte[] answer = randomBytes(300_000);
        SendQueue rest = queue(answer);
        if (pair.server().send(rest) != Transport.SENT) {
            pair.server().sendRest(rest);
        }
        await(() -> pair.atClient().received() == answer.length);
        assertThat(pair.atClient().bytes.toByteArray()).isEqualTo(answer);
        pair.server().shutdownOutput();
        await(() -> pair.atClient().peerFinished);
        settle();
        assertThat(pair.atServer().errno)
                .as("an orderly end of both directions is no error")
                .isZero();
        assertThat(pair.atClient().errno).isZero();
    }

    @Test
    void bytesBeforeAResetAreDelivered() throws IOException {
        variant.assume(variant.isTcp(), "needs TCP");
        Pair pair = pair();
        pair.client().send(queue(new byte[100]));
        close(pair.client(), pair.atClient(), true);
        await(() -> pair.atServer().errno != 0);
        assertThat(pair.atServer().received()).isEqualTo(100);
        assertThat(Errno.name(pair.atServer().errno)).isEqualTo("ECONNRESET");
        assertThat(pair.atServer().peerFinished).isFalse();
    }

    @Test
    void aResetAfterTheEndOfTheStreamIsNoticed() throws IOException {
        variant.assume(
                variant.isTcp() && variant.isNative(),
                "only native backends over TCP can tell"); // NIO reads no more after the end
        Pair pair = pair();
        pair.client().shutdownOutput();
        await(() -> pair.atServer().peerFinished);
        close(pair.client(), pair.atClient(), true);
        await(() -> pair.atServer().errno != 0);
        assertThat(Errno.name(pair.atServer().errno)).isIn("EPIPE", "ECONNRESET");
    }

    @Test
    void aPeerThatClosesAUnixSocketFinishesOrderly() throws IOException {
        variant.assume(!variant.isTcp(), "needs Unix sockets");
        Pair pair = pair();
        pair.client().send(queue(new byte[100]));
        close(pair.client(), pair.atClient(), false);
        await(() -> pair.atServer().peerFinished);
        settle();
        assertThat(pair.atServer().received()).isEqualTo(100);
        assertThat(pair.atServer().errno).isZero();
    }

    @Test
    void aPeerThatFinishesWhileReadingIsPausedIsGoneAndItsBytesAreKept() throws IOException {
        Pair pair = pair();
        pair.server().pauseReading();
        pair.client().send(queue(new byte[200_000 / 2]));
        pair.client().shutdownOutput();
        if (variant.isNative()) {
            await(() -> pair.atServer().peerGone);
        }
        settle();
        assertThat(pair.atServer().received()).isZero();
        assertThat(pair.atServer().peerFinished).isFalse();
        pair.server().resumeReading();
        await(() -> pair.atServer().peerFinished);
        assertThat(pair.atServer().received()).isEqualTo(100_000);
    }

    @Test
    void pausingWithTheEndInSightTellsThatThePeerIsGone() throws IOException {
        variant.assume(variant.isNative(), "only native backends can tell");
        Transport[] server = new Transport[1];
        Recorder pausing = new Recorder() {
            @Override
            public void received(Segment segments) {
                super.received(segments);
                server[0].pauseReading();
            }
        };
        Pair pair = pair(new Recorder(), pausing);
        server[0] = pair.server();
        pair.client().send(queue(new byte[10]));
        pair.client().shutdownOutput();
        await(() -> pausing.peerGone);
        assertThat(pausing.received()).isEqualTo(10);
        settle();
        assertThat(pausing.peerFinished).isFalse();
        pair.server().resumeReading();
        await(() -> pausing.peerFinished);
    }

    @Test
    void aBrokenConnectionIsDrainedAndReportedEvenWhilePaused() throws IOException {
        variant.assume(variant.isNative(), "only native backends can tell");
        Pair pair = pair();
        pair.server().pauseReading();
        pair.client().send(queue(new byte[30_000]));
        close(pair.client(), pair.atClient(), variant.isTcp());
        await(() -> pair.atServer().errno != 0 || pair.atServer().peerFinished);
        assertThat(pair.atServer().received()).isEqualTo(30_000);
        assertThat(Errno.name(pair.atServer().errno)).isEqualTo(variant.isTcp() ? "ECONNRESET" : Errno.name(0));
    }

    @Test
    void anIdlePollerOwnsNoMemory() throws IOException {
        long before = SegmentPool.shared().outstandingBlocks();
        Pair pair = pair();
        pair.client().send(queue(new byte[10]));
        await(() -> pair.atServer().received() == 10);
        settle();
        assertThat(SegmentPool.shared().outstandingBlocks()).isEqualTo(before);
    }

    @Test
    void peekTellsWhatTheLoopHasNotSeenYet() throws IOException {
        Pair pair = pair();
        assertThat(pair.server().peek()).isEqualTo(-Errno.EAGAIN);
        if (variant.isNative()) {
            pair.client().send(queue(new byte[1]));
            assertThat(pair.server().peek()).isPositive();
        } else {
            pair.client().send(queue(new byte[1]));
        }
        await(() -> pair.atServer().received() == 1);
        assertThat(pair.server().peek()).isEqualTo(-Errno.EAGAIN);
        pair.client().shutdownOutput();
        await(() -> pair.atServer().peerFinished);
        assertThat(pair.server().peek()).isZero();
        close(pair.server(), pair.atServer(), false);
        assertThat(pair.server().peek()).isEqualTo(-Errno.EBADF);
    }

    @Test
    void anErrorThatPeekingConsumedIsStillReported() throws IOException {
        variant.assume(variant.isTcp() && variant.isNative(), "only native backends over TCP can tell");
        Pair pair = pair();
        close(pair.client(), pair.atClient(), true);
        int seen;
        do {
            seen = pair.server().peek();
        } while (seen == -Errno.EAGAIN);
        assertThat(seen).isEqualTo(-Errno.ECONNRESET);
        await(() -> pair.atServer().errno != 0);
        assertThat(pair.atServer().errno).isEqualTo(Errno.ECONNRESET);
        assertThat(pair.atServer().peerFinished).isFalse();
    }
}

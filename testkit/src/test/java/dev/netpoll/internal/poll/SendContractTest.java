// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Transport;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

@ParameterizedClass
@MethodSource("dev.netpoll.internal.poll.Variant#all")
class SendContractTest extends ContractTest {
    SendContractTest(Variant variant) {
        super(variant);
    }

    @Test
    void aLargeTransferSurvivesASlowReader() throws IOException {
        Pair pair = pair();
        ByteArrayOutputStream expected = new ByteArrayOutputStream();
        SendQueue queue = new SendQueue();
        while (expected.size() < 8_000_000) {
            byte[] part = randomBytes(1 + random.nextInt(random.nextInt(10) == 0 ? 300_000 : 3000));
            queue.add(segment(part));
            expected.writeBytes(part);
        }
        long whole = queue.bytes();
        int result = pair.client().send(queue);
        if (result != Transport.SENT) {
            pair.client().sendRest(queue);
        }
        long sentBefore = whole - queue.bytes() - pair.atClient().sent;
        while (pair.atServer().received() < whole) {
            if (random.nextInt(4) == 0) {
                pair.server().pauseReading();
                poller.poll(0);
                poller.poll(0);
            }
            pair.server().resumeReading();
            poller.poll(1_000_000);
        }
        await(() -> pair.atClient().drained);
        assertThat(sentBefore + pair.atClient().sent).isEqualTo(whole);
        assertThat(queue.isEmpty()).isTrue();
        assertThat(pair.atServer().bytes.toByteArray()).isEqualTo(expected.toByteArray());
    }

    /** Else nobody would know that the peer is slow. */
    @Test
    void aRefusalOfWhatWasGatheredIsTold() throws IOException {
        Pair pair = pair();
        pair.server().pauseReading();
        int result;
        do {
            SendQueue queue = queue(new byte[64 * 1024]);
            result = pair.client().send(queue);
            if (result == Transport.GATHERED) {
                pair.client().sendRest(queue);
                await(() -> queue.isEmpty() || pair.atClient().refusals > 0);
                pair.client().stopSending();
            }
            queue.clear();
        } while (result != Transport.WOULD_BLOCK && pair.atClient().refusals == 0);
        assertThat(pair.atClient().refusals).isEqualTo(result == Transport.GATHERED ? 1 : 0);
    }

    @Test
    void manyTinySegmentsAreGathered() throws IOException {
        Pair pair = pair();
        byte[] expected = randomBytes(1000);
        SendQueue queue = new SendQueue();
        for (byte b : expected) {
            queue.add(segment(new byte[] {b}));
        }
        assertThat(pair.client().send(queue)).isEqualTo(Transport.SENT);
        await(() -> pair.atServer().received() == 1000);
        assertThat(pair.atServer().bytes.toByteArray()).isEqualTo(expected);
    }

    @Test
    void anEmptyQueueIsSent() throws IOException {
        Pair pair = pair();
        assertThat(pair.client().send(new SendQueue())).isEqualTo(Transport.SENT);
        pair.client().sendRest(new SendQueue());
        assertThat(pair.atClient().drained).isTrue();
    }

    @Test
    void memoryOfTheUserIsSentInItsPlace() throws IOException {
        Pair pair = pair();
        try (Arena arena = Arena.ofShared()) {
            MemorySegment user = arena.allocate(100).fill((byte) 7);
            SendQueue queue = queue(new byte[10], new byte[10]);
            queue.add(Segment.ofUser(user));
            queue.add(segment(new byte[5]));
            queue.add(Segment.ofUser(user.asSlice(90)));
            assertThat(pair.client().send(queue)).isEqualTo(Transport.SENT);
        }
        await(() -> pair.atServer().received() == 135);
        byte[] expected = new byte[135];
        Arrays.fill(expected, 20, 120, (byte) 7);
        Arrays.fill(expected, 125, 135, (byte) 7);
        assertThat(pair.atServer().bytes.toByteArray()).isEqualTo(expected);
    }

    @Test
    void memoryThatTheUserFreedTooEarlyIsABadAddress() throws IOException {
        Pair pair = pair();
        SendQueue queue = new SendQueue();
        try (Arena arena = Arena.ofShared()) {
            queue.add(Segment.ofUser(arena.allocate(100)));
        }
        assertThat(pair.client().send(queue)).isEqualTo(-Errno.EFAULT);
        pair.client().sendRest(queue);
        await(() -> pair.atClient().errno != 0);
        assertThat(pair.atClient().errno).isEqualTo(Errno.EFAULT);
        queue.clear();
    }

    @Test
    void anArenaClosedWhileItsMemoryIsSentNeverCrashes() throws Exception {
        variant.assume(
                variant.isReal(),
                "needs a kernel"); // a copy that is cut off by a closing arena leaves its thread interrupted
        Pair pair = pair();
        for (int i = 0; i < 50; i++) {
            Arena arena = Arena.ofShared();
            SendQueue queue = new SendQueue();
            for (int j = 0; j < 20; j++) {
                queue.add(Segment.ofUser(arena.allocate(1000)));
            }
            Thread closer = new Thread(() -> {
                boolean closed = false;
                while (!closed) {
                    try {
                        arena.close();
                        closed = true;
                    } catch (IllegalStateException e) {
                        Thread.onSpinWait(); // in use by a send right now
                    }
                }
            });
            closer.start();
            int result = pair.client().send(queue);
            assertThat(result).isIn(Transport.SENT, -Errno.EFAULT);
            queue.clear();
            closer.join();
            drain(); // makes room for the next one
        }
    }

    @Test
    void whatStopsSendingIsNotSent() throws IOException {
        Pair pair = pair();
        pair.server().pauseReading();
        long filled = fill(pair.client());
        SendQueue rest = queue(new byte[1000]);
        pair.client().sendRest(rest);
        settle();
        long queued = rest.bytes();
        pair.client().stopSending();
        pair.server().resumeReading();
        await(() -> pair.atServer().received() == filled + 1000 - queued);
        settle();
        assertThat(rest.bytes()).isEqualTo(queued);
        assertThat(pair.atServer().received()).isEqualTo((int) (filled + 1000 - queued));
        rest.clear();
    }

    @Test
    void moreMayBeAddedWhileTheRestIsSent() throws IOException {
        Pair pair = pair();
        pair.server().pauseReading();
        long filled = fill(pair.client());
        SendQueue rest = queue(new byte[1000]);
        pair.client().sendRest(rest);
        settle();
        rest.add(segment(new byte[500_000]));
        pair.client().sendRest(rest);
        pair.server().resumeReading();
        await(() -> pair.atServer().received() == filled + 501_000);
        assertThat(pair.atClient().drained).isTrue();
    }

    @Test
    void aResetWhileTheRestWaitsIsReportedBehindTheBytesThatCame() throws IOException {
        Pair pair = pair();
        pair.server().pauseReading();
        fill(pair.client());
        SendQueue rest = queue(new byte[100_000]);
        pair.client().sendRest(rest);
        assertThat(pair.server().send(queue(new byte[70]))).isEqualTo(Transport.SENT);
        close(pair.server(), pair.atServer(), true);
        await(() -> pair.atClient().errno != 0);
        assertThat(pair.atClient().received()).isEqualTo(70);
        assertThat(Errno.name(pair.atClient().errno)).isIn("ECONNRESET", "EPIPE");
        rest.clear();
    }

    @Test
    void aResetWhileTheRestWaitsIsReportedEvenIfReadingIsPaused() throws IOException {
        Pair pair = pair();
        pair.server().pauseReading();
        pair.client().pauseReading();
        fill(pair.client());
        SendQueue rest = queue(new byte[100_000]);
        pair.client().sendRest(rest);
        assertThat(pair.server().send(queue(new byte[70]))).isEqualTo(Transport.SENT);
        close(pair.server(), pair.atServer(), true);
        await(() -> pair.atClient().errno != 0);
        assertThat(pair.atClient().received()).isEqualTo(70);
        rest.clear();
    }

    @Test
    void sendingToAPeerThatIsGoneFailsInsteadOfRaisingASignal() throws IOException {
        Pair pair = pair();
        close(pair.server(), pair.atServer(), true);
        poller.poll(0); // NIO closes only now
        SendQueue queue = new SendQueue();
        int result = Transport.SENT;
        while (result == Transport.SENT) {
            queue.add(segment(new byte[1]));
            result = pair.client().send(queue);
        }
        assertThat(Errno.name(-result)).isIn("ECONNRESET", "EPIPE");
        queue.clear();
        await(() -> pair.atClient().errno != 0 || pair.atClient().peerFinished);
    }

    @Test
    void afterTheEndOfOurStreamNothingCanBeSent() throws IOException {
        Pair pair = pair();
        pair.client().shutdownOutput();
        SendQueue queue = queue(new byte[1]);
        assertThat(pair.client().send(queue)).isEqualTo(-Errno.EPIPE);
        queue.clear();
        assertThat(pair.server().send(queue(new byte[] {104, 2, 3, 4, 5}))).isEqualTo(Transport.SENT);
        await(() -> pair.atClient().received() == 5);
        pair.server().shutdownOutput();
        await(() -> pair.atClient().peerFinished);
        assertThat(MemorySegment.ofArray(pair.atClient().bytes.toByteArray()).get(ValueLayout.JAVA_BYTE, 0))
                .isEqualTo((byte) 104);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.Framing;
import dev.netpoll.buffer.BufferMemory;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A peer, or a handler, that never runs out of something to do does not keep others of its loop waiting. */
@Variants(transports = Transport.TCP4)
class FloodTest extends OwnNetTest {
    private static final int ROUNDS = 30;

    /** Of a round trip beside floods, on a busy machine: without fairness it is that of the floods. */
    private static final Duration LIMIT = Duration.ofSeconds(2);

    @Test
    void framesOfNoLengthLeaveOthersTheirShare() throws Exception {
        flood(own.net().listen(own.net().server().framing(Framing.varint()).onRequest(connection -> {})));
    }

    @Test
    void requestsOfOneByteLeaveOthersTheirShare() throws Exception {
        flood(own.net().serve(connection -> connection.reader().skip(1)));
    }

    private void flood(Listening flooded) throws Exception {
        AtomicBoolean done = new AtomicBoolean();
        byte[] zeros = new byte[1 << 16];
        Background<?>[] floods = new Background<?>[2]; // as many as there are carriers where the tests run at least
        for (int i = 0; i < floods.length; i++) {
            RawPeer peer = own.net().connectRaw(flooded.address());
            floods[i] = Background.runOnPlatformThread(() -> {
                while (!done.get()) {
                    if (peer.trySend(zeros) == 0) {
                        Thread.onSpinWait();
                    }
                }
            });
        }
        try {
            checkOthers();
        } finally {
            done.set(true);
            for (Background<?> flood : floods) {
                flood.result();
            }
        }
    }

    private void checkOthers() throws Exception {
        RawPeer other = own.net().connectRaw(own.net().serve(Handlers.echo()).address());
        for (int round = 0; round < ROUNDS; round++) {
            long begin = System.nanoTime();
            other.send("ping");
            assertThat(other.receiveText(4)).isEqualTo("ping");
            assertThat(Duration.ofNanos(System.nanoTime() - begin))
                    .as("round %d", round)
                    .isLessThan(LIMIT);
        }
    }

    /** What such a handler costs is its processor time, until somebody closes the connection. */
    @Test
    void aHandlerThatAsksForWhatItHasAlreadyHoldsUpNobodyAndCanBeClosed() throws Exception {
        AtomicInteger runs = new AtomicInteger();
        checkSpinning(connection -> {
            runs.incrementAndGet();
            connection.demand(1);
        });
        assertThat(runs).hasValueGreaterThan(1);
    }

    @Test
    void aHandlerThatSetsANewOneInEachRunHoldsUpNobodyAndCanBeClosed() throws Exception {
        checkSpinning(this::setAnother);
    }

    private void setAnother(Connection connection) {
        Object another = new Object();
        connection.onRequest(next -> {
            assertThat(another).isNotNull(); // so that it is an object of its own
            setAnother(next);
        });
    }

    private void checkSpinning(ConnectionHandler handler) throws Exception {
        Listening spinning = own.net().serve(handler);
        own.net().connectRaw(spinning.address()).send("0123456789");
        checkOthers();
        spinning.server().shutdown(Duration.ZERO);
        assertThat(spinning.server().connectionCount()).isZero();
    }

    /** Its flushes wait, so it may write always; and one that returns for want of room would have skipped a request. */
    @Test
    void aHandlerThatMayBlockIsNeverHeldBack() throws Exception {
        assumeFalse(variant.isInline(), "handlers on the event loop are held back");
        int requests = 5000;
        int poured = 10_000; // more than the kernel takes: a receive buffer that it sizes itself may grow to 32 MiB
        int kernelBytes = 1 << 16;
        byte[] request = new byte[1004];
        ByteBuffer.wrap(request).putInt(1000);
        Listening server = own.net()
                .listen(own.net()
                        .server()
                        .options(ConnectionOptions.builder()
                                .outboundHighMark(8192)
                                .socketOption(StandardSocketOptions.SO_RCVBUF, kernelBytes)
                                .build())
                        .framing(Framing.lengthField(0, 4))
                        .onRequest(connection -> {
                            if (connection.isWritable()) {
                                byte[] payload = connection
                                        .reader()
                                        .readBytes(connection.reader().readInt());
                                connection.writer().writeInt(1000).writeBytes(payload);
                            }
                        }));
        RawPeer peer = own.net().connectRaw(server.address(), kernelBytes);
        for (int i = 0; i < requests; i++) { // adaptive dispatch takes it to the event loop meanwhile
            assertThat(peer.send(request).receive(request.length)).isEqualTo(request);
        }
        Background<?> sender = Background.runOnPlatformThread(() -> {
            for (int i = 0; i < poured; i++) {
                peer.send(request);
            }
            peer.finish();
        });
        assertThat(Await.within(Duration.ofMillis(500), sender::isDone))
                .as("it is held up")
                .isFalse();
        assertThat(peer.drain()).isEqualTo((long) poured * request.length);
        sender.result();
    }

    private static boolean isGoingOn(AtomicInteger count) throws InterruptedException {
        int before = count.get();
        return Await.within(Duration.ofMillis(500), () -> count.get() != before);
    }

    /** A block for each answer that waits would be 4,000 times what the limit of unsent output says. */
    @Test
    void tinyAnswersThatWaitShareTheirBlocks() throws Exception {
        int requests = 1 << 16;
        AtomicInteger answered = new AtomicInteger();
        Listening server = own.net().serve(connection -> {
            if (connection.isWritable()) {
                connection.reader().skip(1);
                connection.writer().writeByte(answered.incrementAndGet()).flush();
            }
        });
        long before = BufferMemory.stats().outstandingBlocks();
        RawPeer deaf = own.net().connectRaw(server.address());
        assertThat(deaf.sendUntilStuck(Duration.ofSeconds(1), requests)).isEqualTo(requests);
        Await.until(
                "all requests are answered, or held back", () -> answered.get() == requests || !isGoingOn(answered));
        assertThat(answered).hasValueGreaterThan(1000);
        assertThat(BufferMemory.stats().outstandingBlocks() - before).isLessThan(2000);
        deaf.reset();
    }
}

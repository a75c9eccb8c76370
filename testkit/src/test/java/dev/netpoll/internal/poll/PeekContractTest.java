// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.Transport;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Bytes on their way from the socket to the receiver are never invisible to somebody who looks. */
@ParameterizedClass
@MethodSource("dev.netpoll.internal.poll.Variant#all")
@SuppressWarnings({"NonAtomicVolatileUpdate", "ClassCanBeStatic"}) // each counter has one thread that writes it
class PeekContractTest extends ContractTest {
    private static final int ROUNDS = Integer.getInteger("peek.rounds", 300);

    /** Counts what was received for another thread, and takes its time. */
    private static final class Counter extends Recorder {
        volatile long count;

        @Override
        public void received(Segment segments) {
            long length = segments.length(); // one byte at a time is sent
            super.received(segments);
            long end = System.nanoTime() + 2_000;
            while (System.nanoTime() - end < 0) {
                Thread.onSpinWait();
            }
            count += length;
        }
    }

    PeekContractTest(Variant variant) {
        super(variant);
    }

    /** Sends byte after byte, and looks meanwhile for what has arrived. */
    private final class Looker implements Runnable {
        private final Transport client;
        private final Transport server;
        private final Counter atServer;
        volatile int lost;
        volatile boolean finished;

        Looker(Transport client, Transport server, Counter atServer) {
            this.client = client;
            this.server = server;
            this.atServer = atServer;
        }

        @Override
        public void run() {
            try {
                for (int sent = 1; sent <= ROUNDS; sent++) {
                    client.send(queue(new byte[1]));
                    boolean arrived = false;
                    while (true) {
                        int seen = server.peek();
                        if (atServer.count == sent) { // looked at last
                            break;
                        }
                        if (seen > 0) {
                            arrived = true;
                        } else if (arrived) {
                            lost++;
                        }
                    }
                }
            } finally {
                finished = true;
            }
        }
    }

    @Test
    void whatHasArrivedIsSeenUntilItIsDelivered() throws IOException, InterruptedException {
        variant.assume(variant.isNative() || (variant.isTcp() && variant.isReal()), "a channel cannot be looked into");
        Counter atServer = new Counter();
        Pair pair = pair(new Recorder(), atServer);
        Looker looker = new Looker(pair.client(), pair.server(), atServer);
        Thread thread = new Thread(looker);
        thread.start();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(50);
        while (!looker.finished) {
            assertThat(System.nanoTime()).as("the deadline").isLessThan(end);
            poller.poll(1_000_000);
        }
        thread.join();
        assertThat(looker.lost)
                .as("looks that found nothing although it had arrived")
                .isZero();
    }

    @Test
    void whatIsHeldBackDuringAPauseIsSeenUntilItIsDelivered() throws IOException {
        variant.assume(variant.isNative(), "only native backends can be looked into");
        Pair pair = pair();
        pair.client().send(queue(new byte[1]));
        pair.server().pauseReading();
        settle();
        assertThat(pair.server().peek()).isPositive();
        pair.server().resumeReading();
        assertThat(pair.server().peek()).isPositive();
        await(() -> pair.atServer().received() == 1);
        assertThat(pair.server().peek()).isEqualTo(-Errno.EAGAIN);
    }
}

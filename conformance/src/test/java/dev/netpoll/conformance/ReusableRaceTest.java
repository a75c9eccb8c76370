// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Backend;
import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Rounds;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.nio.ByteBuffer;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.opentest4j.TestAbortedException;

/**
 * A stale answer on its way from the kernel to the reader never lets a connection pass for reusable. On Unix sockets,
 * where what was written is in the receiver's queue as soon as the write returns.
 */
@SuppressWarnings({"ThreadPriorityCheck", "NonAtomicVolatileUpdate"}) // one writer
@Variants(transports = Transport.UNIX, modes = Mode.VIRTUAL)
class ReusableRaceTest extends ConformanceTest {
    private static final long NANOS = TimeUnit.MILLISECONDS.toNanos(Rounds.of(1500));
    private static final int SPIN_MAX = 2000;

    /** How many bytes were sent so far; written by the peer's thread. */
    private volatile long sent;

    private volatile long asked;
    private volatile boolean over;

    @Test
    void whileASingleByteArrives() throws Exception {
        check(1);
    }

    @Test
    void whileMoreBytesArriveBehindTheFirst() throws Exception {
        check(3);
    }

    private void check(int pieces) throws Exception {
        if (variant.backend() == Backend.NIO) {
            throw new TestAbortedException("a channel of a Unix socket cannot be looked into, see docs/PORTABILITY.md");
        }
        Pair pair =
                net.pair(ConnectionOptions.builder().readTimeout(Await.DEADLINE).build());
        Background<Void> peer = Background.runOnPlatformThread(() -> sendWhenAsked(pair.peer(), pieces));
        Connection connection = pair.connection();
        Random random = new Random(1);
        int wrong = 0;
        int rounds = 0;
        long end = System.nanoTime() + NANOS;
        try {
            for (; System.nanoTime() - end < 0; rounds++) {
                long first = (long) rounds * pieces + 1;
                asked = first + pieces - 1;
                while (sent < first && !peer.isDone()) {
                    Thread.yield();
                }
                spin(random.nextInt(SPIN_MAX));
                wrong += connection.isReusable() ? 1 : 0;
                connection.reader().skip(pieces);
                connection.reader().release();
            }
        } finally {
            over = true;
        }
        peer.result();
        assertThat(wrong)
                .as("times of %d it passed for reusable with bytes underway", rounds)
                .isZero();
        assertThat(connection.isReusable()).isTrue();
    }

    private void sendWhenAsked(RawPeer peer, int pieces) throws Exception {
        ByteBuffer one = ByteBuffer.allocateDirect(1);
        Random random = new Random(2);
        while (!over) {
            while (sent < asked) {
                if (peer.channel().write(one.clear()) == 1) {
                    sent++;
                    if (pieces > 1) {
                        spin(random.nextInt(SPIN_MAX));
                    }
                }
            }
            Thread.yield();
        }
    }

    private static void spin(int turns) {
        for (int i = 0; i < turns; i++) {
            Thread.onSpinWait();
        }
    }
}

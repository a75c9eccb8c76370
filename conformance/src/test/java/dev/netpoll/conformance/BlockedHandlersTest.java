// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.ConnectionHandler;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/**
 * Very many handlers that wait at once, having proved short before: the other connections go on meanwhile, and those
 * that waited afterwards.
 */
@Variants(transports = Transport.TCP4, modes = Mode.ADAPTIVE)
@SuppressWarnings("LockNotBeforeTry") // held as long as the test lasts
class BlockedHandlersTest extends OneLoopTest {
    /** More than there are threads to stand in for blocked ones. The long suite sets 10,000. */
    private static final int WANTED = Integer.getInteger("dev.netpoll.blockedHandlers", 300);

    /** Each takes two descriptors. */
    private static final int COUNT = (int) Math.min(WANTED, (LeakCheck.maxDescriptors() - 500) / 2);

    private static final int OTHERS = 8;

    /** More than the kernel takes. So many at most wait with it: each holds its memory meanwhile. */
    private static final int ANSWER = 1 << 20;

    private static final int ANSWERS = 300;

    private final AtomicInteger entered = new AtomicInteger();

    /** @param release lets the handlers go on, given the peers whose handlers wait */
    private void block(ConnectionHandler waiting, int answerBytes, Release release) throws Exception {
        int count = answerBytes > 0 ? Math.min(COUNT, ANSWERS) : COUNT;
        Assumptions.assumeTrue(count >= 300, () -> "only " + LeakCheck.maxDescriptors() + " descriptors here");
        Listening server = serveRescued(connection -> {
            entered.incrementAndGet();
            waiting.handle(connection);
        });
        List<RawPeer> others = new ArrayList<>();
        List<RawPeer> held = new ArrayList<>();
        try {
            for (int i = 0; i < OTHERS; i++) {
                RawPeer peer = lone.connectRaw(server.address());
                ask(peer, WARM);
                others.add(peer);
            }
            for (int i = 0; i < count; i++) {
                if (i % 16 == 0) { // they prove short again and again, so that many block on the loop
                    ask(others.get(i / 16 % OTHERS), WARM);
                }
                held.add(lone.connectRaw(server.address()).send(String.valueOf(RESCUED)));
            }
            Await.until("all handlers wait; entered " + entered, () -> {
                others.forEach(peer -> ask(peer, ECHO));
                return entered.get() == count;
            });
            for (int round = 0; round < 20; round++) {
                long begin = System.nanoTime();
                others.forEach(peer -> ask(peer, ECHO));
                assertThat(System.nanoTime() - begin)
                        .as("ns for one answer to each of the others")
                        .isLessThan(OTHERS * BOUND.toNanos());
            }
        } finally {
            release.run(held);
        }
        for (RawPeer peer : held) {
            if (answerBytes > 0) {
                peer.receive(answerBytes);
            }
            assertThat(peer.receiveText(1)).isEqualTo(DONE);
        }
        others.forEach(peer -> ask(peer, ECHO));
    }

    private interface Release {
        void run(List<RawPeer> held) throws Exception;
    }

    @Test
    void handlersMayAllWaitForALock() throws Exception {
        ReentrantLock lock = new ReentrantLock();
        lock.lock();
        try {
            block(
                    connection -> {
                        lock.lock();
                        lock.unlock();
                    },
                    0,
                    held -> lock.unlock());
        } finally {
            if (lock.isHeldByCurrentThread()) {
                lock.unlock();
            }
        }
    }

    @Test
    void handlersMayAllLetTimePass() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        block(connection -> assertThat(go.await(60, TimeUnit.SECONDS)).isTrue(), 0, held -> go.countDown());
    }

    @Test
    void handlersMayAllWaitForBytes() throws Exception {
        block(connection -> connection.reader().readByte(), 0, held -> held.forEach(peer -> peer.send("x")));
    }

    @Test
    void handlersMayAllWaitForTheirOutputToGo() throws Exception {
        byte[] answer = new byte[ANSWER];
        block(connection -> connection.writer().writeBytes(answer).flush(), ANSWER, held -> {});
    }
}

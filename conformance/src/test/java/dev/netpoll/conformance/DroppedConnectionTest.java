// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawListener;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.internal.connection.Balance;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import org.junit.jupiter.api.Test;

/** A dialed connection that broke, and that its caller dropped without closing it, ends all the same. */
@Variants(transports = Transport.TCP4, modes = Mode.VIRTUAL)
class DroppedConnectionTest extends ConformanceTest {
    private static final int COUNT = 8;

    private final AtomicInteger closes = new AtomicInteger();
    private final List<IntSupplier> assigned = new ArrayList<>();
    private int assignedBefore;
    private long blocksBefore;

    /** What a caller does with its connection before it drops it. */
    private interface Use {
        void accept(Connection connection, RawPeer peer) throws Exception;
    }

    @Test
    void whenItWasNotUsed() throws Exception {
        endsAfter((connection, peer) -> {});
    }

    @Test
    void whenItHasBytesThatNobodyLookedAt() throws Exception {
        endsAfter((connection, peer) -> {
            peer.send(new byte[3000]);
            Await.until("they came", () -> !connection.isReusable());
        });
    }

    @Test
    void whenItHasBytesThatWereReadInPart() throws Exception {
        endsAfter((connection, peer) -> {
            peer.send(new byte[3000]);
            connection.reader().skip(1000);
        });
    }

    @Test
    void whenTheReaderHasTerminated() throws Exception {
        endsAfter((connection, peer) -> {
            peer.send(new byte[3000]);
            Background.run(() -> connection.reader().skip(1000)).result();
        });
    }

    @Test
    void whenItHasBytesThatWereNotFlushed() throws Exception {
        endsAfter((connection, peer) -> connection.writer().writeBytes(new byte[3000]));
    }

    @Test
    void whenAFlushHasFailed() throws Exception {
        endsAfter((connection, peer) -> {
            connection.setWriteTimeout(Timing.SHORT);
            try {
                connection.writer().writeBytes(new byte[16 << 20]).flush();
            } catch (IOException expected) {
                assertThat(connection.writer().pendingBytes()).isZero();
            }
        });
    }

    private void endsAfter(Use use) throws Exception {
        net.awaitMemory("earlier tests have ended", () -> net.group().connectionCount() == 0);
        blocksBefore = LeakCheck.outstandingBlocks();
        try (RawListener listener = net.listenRaw()) {
            for (int i = 0; i < COUNT; i++) {
                dropOne(listener, use);
            }
        }
        net.awaitMemory("the close callbacks ran", () -> {
            System.gc();
            return closes.get() >= COUNT;
        });
        assertThat(closes).hasValue(COUNT);
        Await.until("they count no more for the balance: " + assignedNow(), () -> assignedNow() <= assignedBefore);
        // A loop may keep a block that it receives into.
        long allowed = blocksBefore + net.group().loops();
        net.awaitMemory("their memory is free", () -> {
            System.gc();
            return LeakCheck.outstandingBlocks() <= allowed;
        });
    }

    private int assignedNow() {
        return assigned.stream().mapToInt(IntSupplier::getAsInt).sum();
    }

    /** In a method of its own, so that nothing refers to the connection afterwards. */
    private void dropOne(RawListener listener, Use use) throws Exception {
        Connection connection = net.dialer().build().dial(listener.address());
        try (RawPeer peer = listener.accept()) {
            if (assigned.isEmpty()) {
                assigned.add(Balance.of(connection));
                assignedBefore = assignedNow() - 1;
            }
            AtomicInteger counter = closes;
            connection.addCloseCallback(c -> counter.incrementAndGet());
            use.accept(connection, peer);
            peer.reset();
            Await.until("the reset is noticed", () -> !connection.isActive());
        }
    }
}

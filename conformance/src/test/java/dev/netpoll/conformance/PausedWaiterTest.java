// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** A connection that waits for the group's memory when its user pauses reading: it waits for its user from then on. */
@Variants(transports = Transport.TCP4, modes = Mode.ADAPTIVE)
class PausedWaiterTest extends BudgetTest {
    private static final long BUDGET = 1L << 20;
    private static final int PEERS = 4;
    private static final int MUCH = 600_000;

    /** A message that the kernel's buffers hold. */
    private static final int WAITING = 200_000;

    private final AtomicReference<Connection> waiting = new AtomicReference<>();

    PausedWaiterTest() {
        super(BUDGET);
    }

    @Test
    void itsIdleTimeoutClosesIt() throws Exception {
        try (RawPeer _ = pauseAWaiter(Duration.ofMillis(300))) {
            Await.until("it is closed as idle", () -> !waiting.get().isActive());
        }
    }

    @Test
    void itGoesOnWhenItsUserResumes() throws Exception {
        try (RawPeer peer = pauseAWaiter(Connection.NO_TIMEOUT)) {
            waiting.get().resumeReading();
            assertThat(peer.receive(1)).containsExactly(1);
        }
    }

    /** {@return the peer of a connection that has waited for memory, is paused, and could have memory again} */
    private RawPeer pauseAWaiter(Duration idle) throws Exception {
        Listening keeping = own.net().serve(connection -> {
            int n = (int) connection.reader().readableBytes();
            kept.add(connection.reader().slice(n));
        });
        Listening patient = own.net()
                .listen(own.net()
                        .server()
                        .options(ConnectionOptions.builder().idleTimeout(idle).build())
                        .onConnect(waiting::set)
                        .onRequest(PausedWaiterTest::answerAll));
        List<RawPeer> keepers = new ArrayList<>();
        List<Background<?>> sends = new ArrayList<>();
        for (int i = 0; i < PEERS; i++) {
            RawPeer keeper = own.net().connectRaw(keeping.address());
            keepers.add(keeper);
            sends.add(Background.run(() -> {
                try {
                    keeper.send(new byte[MUCH]);
                } catch (AssertionError reset) {
                    // below
                }
            }));
        }
        Await.until("the memory is used up", () -> own.group().budgetStats().usedBytes() > BUDGET);
        RawPeer peer = own.net().connectRaw(patient.address());
        peer.send(new byte[WAITING]);
        Await.until("some of it comes", () -> readable() > 0);
        Await.stays("the rest waits for memory", Timing.SHORT, () -> readable() < WAITING);
        waiting.get().pauseReading();
        for (RawPeer keeper : keepers) {
            keeper.reset();
        }
        for (Background<?> send : sends) {
            send.result();
        }
        Await.until("the memory is back", this::isMemoryBack);
        own.net().takeErrors();
        return peer;
    }

    /** Waits for all of it without insisting. */
    private static void answerAll(Connection connection) throws IOException {
        if (connection.reader().readableBytes() == WAITING) {
            connection.reader().skip(WAITING);
            connection.writer().writeByte(1).flush();
        }
    }

    private long readable() {
        Connection connection = waiting.get();
        return connection == null ? 0 : connection.reader().readableBytes();
    }

    private boolean isMemoryBack() {
        closeKept();
        return own.group().budgetStats().usedBytes() < BUDGET / 2;
    }
}

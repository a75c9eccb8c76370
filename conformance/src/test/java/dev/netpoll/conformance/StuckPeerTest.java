// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Backend;
import dev.netpoll.Connection;
import dev.netpoll.ConnectionClosedException;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Rounds;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** A peer that never reads, and no write time-out: every wait has an end nevertheless. */
@Variants(transports = Transport.TCP4)
class StuckPeerTest extends ConformanceTest {
    private static final Duration IDLE = Duration.ofMillis(300);
    private static final Duration SLOW = Duration.ofMillis(1500);

    private final AtomicInteger closes = new AtomicInteger();

    private static ConnectionOptions patient(Duration idle) {
        return ConnectionOptions.builder()
                .writeTimeout(Connection.NO_TIMEOUT)
                .readTimeout(Connection.NO_TIMEOUT)
                .idleTimeout(idle)
                .build();
    }

    private Listening flooding(Duration idle, ConnectionHandler then) throws Exception {
        return flooding(idle, then, connection -> {});
    }

    /** A handler that leaves much to the loop, or waits in its flush, as the dispatch has it. */
    private Listening flooding(Duration idle, ConnectionHandler then, ConnectionHandler first) throws Exception {
        return net.listen(net.server().options(patient(idle)).onRequest(connection -> {
            first.handle(connection);
            connection.addCloseCallback(c -> closes.incrementAndGet());
            Handlers.discard().handle(connection);
            connection.writer().writeBytes(new byte[16 << 20]).flush();
            then.handle(connection);
        }));
    }

    @Test
    void outputThatIsLeftToTheLoopDoesNotOutliveTheIdleTimeout() throws Exception {
        if (!variant.isInline()) {
            return; // such a flush waits, and its handler runs meanwhile
        }
        Listening server = flooding(IDLE, Handlers.ignore());
        net.connectRaw(server.address()).send("?");
        Await.until("the close callback ran", () -> closes.get() == 1);
        server.awaitNoConnections();
    }

    @Test
    void closingDoesNotWaitForThePeerLongerThanTheIdleTimeout() throws Exception {
        if (!variant.isInline()) {
            return;
        }
        Listening server = flooding(IDLE, Connection::close);
        net.connectRaw(server.address()).send("?");
        Await.until("the close callback ran", () -> closes.get() == 1);
        server.awaitNoConnections();
    }

    /** Takes ten seconds, so it runs where it matters only. */
    @Test
    void closingHasAnEndWithoutAnyTimeout() throws Exception {
        if (!variant.isInline() || (variant.backend() != Backend.EPOLL && !Rounds.areMany())) {
            return;
        }
        Listening server = flooding(Connection.NO_TIMEOUT, Connection::close);
        RawPeer peer = net.connectRaw(server.address());
        peer.send("?");
        boolean ended = Await.within(Await.DEADLINE.multipliedBy(2), () -> closes.get() == 1);
        peer.close(); // ends it in any case
        assertThat(ended).as("closed without the peer's help").isTrue();
        assertThat(server.server().shutdown(Timing.LONG)).isTrue();
    }

    @Test
    void closingEndsAHandlerThatWaitsInItsFlush() throws Exception {
        AtomicReference<Connection> accepted = new AtomicReference<>();
        Listening server = flooding(Connection.NO_TIMEOUT, Handlers.ignore(), accepted::set);
        RawPeer peer = net.connectRaw(server.address());
        peer.send("?");
        peer.receive(1);
        if (variant.isInline()) {
            accepted.get().abort();
        } else {
            accepted.get().close();
        }
        Await.until("the close callback ran", () -> closes.get() == 1);
        server.awaitNoConnections();
    }

    @Test
    void aBlockedFlushOfACallerDoesNotOutliveTheIdleTimeout() throws Exception {
        Pair pair = net.pair(patient(IDLE));
        Background<Void> flush = Background.run(
                () -> pair.connection().writer().writeBytes(new byte[16 << 20]).flush());
        assertThat(flush.failure()).isInstanceOf(ConnectionClosedException.class);
    }

    @Test
    void aPeerThatReadsSlowlyIsNotIdle() throws Exception {
        byte[] much = new byte[28 << 20];
        Pair pair = net.pair(patient(SLOW)); // the kernel takes nothing for a while each time, and then much
        Background<Void> flush =
                Background.run(() -> pair.connection().writer().writeBytes(much).flush());
        for (int i = 0; i < 100 && !flush.isDone(); i++) { // about two seconds
            Await.stays(
                    "the connection lives",
                    Timing.SHORT.multipliedBy(2),
                    () -> flush.isDone() || pair.connection().isActive());
            pair.peer().receive(1 << 20);
        }
        flush.result();
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.Connection;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.internal.connection.Paces;
import dev.netpoll.testkit.Await;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What becomes of a handler whose loop was taken from it: failures, ends, and what is told of it. */
@Variants(transports = Transport.TCP4, modes = Mode.ADAPTIVE)
class RescueEndTest extends OneLoopTest {
    /** So many late handlers in a second are too many. */
    private static final int LATE_MAX = 8;

    private final CountDownLatch go = new CountDownLatch(1);
    private final AtomicInteger entered = new AtomicInteger();
    private final AtomicReference<Connection> relieved = new AtomicReference<>();

    @AfterEach
    void letGo() {
        go.countDown();
    }

    /** Blocks, so that the loop is taken from it. */
    private void block(Connection connection) throws Exception {
        relieved.set(connection);
        entered.incrementAndGet();
        go.await();
    }

    /** {@return the peer of a connection whose handler has lost the loop, which serves {@code other}} */
    private RawPeer held(Listening server, RawPeer other) throws Exception {
        RawPeer held = warmPeer(server).send(String.valueOf(RESCUED));
        Await.until("the handler runs", () -> entered.get() == 1);
        ask(other, ECHO);
        Await.until("it is counted as relieved", () -> Paces.reliefs(relieved.get()) > 0);
        return held;
    }

    @Test
    void whatAHandlerThrowsAfterwardsCostsItsOwnConnectionOnly() throws Exception {
        Listening server = serveRescued(connection -> {
            block(connection);
            throw new IllegalStateException("thrown late");
        });
        RawPeer other = warmPeer(server);
        RawPeer held = held(server, other);
        go.countDown();
        held.awaitEnd();
        assertThat(lone.takeError()).hasMessage("thrown late");
        assertThat(lone.errorCount()).as("it is told once").isZero();
        warmUp(other);
    }

    @Test
    void closeCallbacksWaitForTheHandlerWhoeverCloses() throws Exception {
        for (boolean byPeer : List.of(true, false)) {
            CountDownLatch mayReturn = new CountDownLatch(1);
            List<String> events = new CopyOnWriteArrayList<>();
            AtomicReference<Connection> accepted = new AtomicReference<>();
            Listening server = serveRescued(connection -> {
                connection.addCloseCallback(c -> events.add("closed"));
                accepted.set(connection);
                mayReturn.await();
                events.add("handled");
            });
            RawPeer other = warmPeer(server);
            RawPeer held = lone.connectRaw(server.address()).send(String.valueOf(RESCUED));
            Await.until("the handler runs", () -> accepted.get() != null);
            ask(other, ECHO);
            if (byPeer) {
                held.reset();
            } else {
                accepted.get().close();
                held.awaitEnd();
            }
            Await.until("the connection is closed", () -> !accepted.get().isActive());
            ask(other, ECHO);
            assertThat(events).as("before the handler has returned").isEmpty();
            mayReturn.countDown();
            Await.until("the callback ran", () -> events.contains("closed"));
            assertThat(events).containsExactly("handled", "closed");
            warmUp(other);
        }
    }

    @Test
    void aHandlerThatUsesItsClosedConnectionIsTold() throws Exception {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Listening server = serveRescued(connection -> {
            connection.reader().readableBytes();
            block(connection);
            failure.set(catchThrowable(() -> connection.reader().readByte()));
        });
        RawPeer other = warmPeer(server);
        RawPeer held = held(server, other);
        relieved.get().close();
        held.awaitEnd();
        go.countDown();
        Await.until("the handler noticed", () -> failure.get() != null);
        assertThat(failure.get()).isInstanceOf(dev.netpoll.ConnectionClosedException.class);
    }

    @Test
    void theGroupEndsWhileTheHandlerStillRuns() throws Exception {
        Listening server = serveRescued(this::block);
        RawPeer other = warmPeer(server);
        held(server, other);
        long begin = System.nanoTime();
        Background.run(one::close).result();
        assertThat(Duration.ofNanos(System.nanoTime() - begin))
                .as("time that closing the group took")
                .isLessThan(Duration.ofSeconds(5));
        Await.until("the peer sees the end", other::sawEnd); // the kernel ends a ring some time after it was closed
        go.countDown(); // LeakCheck sees that the handler gives everything back
        server.server().close();
    }

    @Test
    void theFlightRecorderTellsWhatHappened() throws Exception {
        List<RecordedEvent> events;
        try (Recording recording = new Recording()) {
            recording.enable("dev.netpoll.LoopRelief");
            recording.enable("dev.netpoll.DispatchChange");
            recording.start();
            Listening server = serveRescued(this::block);
            RawPeer other = warmPeer(server);
            for (int i = 0; i < LATE_MAX; i++) {
                lone.connectRaw(server.address()).send(String.valueOf(RESCUED));
            }
            Await.until("handlers go back to threads", () -> {
                ask(other, ECHO);
                return !server.server().dispatchStats().inline();
            });
            go.countDown();
            recording.stop();
            Path file = Files.createTempFile("np", ".jfr");
            try {
                recording.dump(file);
                events = RecordingFile.readAllEvents(file);
            } finally {
                Files.delete(file);
            }
        }
        assertThat(events).as("moves to the loop").anySatisfy(event -> {
            assertThat(event.getEventType().getName()).isEqualTo("dev.netpoll.DispatchChange");
            assertThat(event.getBoolean("inline")).isTrue();
            assertThat(event.getString("why")).isEqualTo("short");
        });
        assertThat(events).as("reliefs").anySatisfy(event -> {
            assertThat(event.getEventType().getName()).isEqualTo("dev.netpoll.LoopRelief");
            assertThat(event.getString("loop")).contains("-loop-0");
            assertThat(event.getString("cause")).isIn("BLOCKED", "BURNING");
        });
        assertThat(events).as("moves back to threads").anySatisfy(event -> {
            assertThat(event.getEventType().getName()).isEqualTo("dev.netpoll.DispatchChange");
            assertThat(event.getBoolean("inline")).isFalse();
            assertThat(event.getDuration("backOff")).isPositive();
        });
    }
}

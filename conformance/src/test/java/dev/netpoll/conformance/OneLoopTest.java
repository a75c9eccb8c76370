// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.conformance.support.Harness;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.internal.connection.Paces;
import dev.netpoll.testkit.Await;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/**
 * A server on a group of one loop, whose handler proves short and then is not. A request is one byte: {@link #WARM}
 * makes handlers count as short, {@link #ECHO} is answered with where it ran, {@link #RESCUED} runs the test's code
 * first.
 */
abstract class OneLoopTest extends ConformanceTest {
    static final char WARM = 'w';
    static final char ECHO = 'e';
    static final char RESCUED = 'r';

    /** Answers of {@link #ECHO}: it ran on the event loop, on a thread in place of it, or on a worker. */
    static final String ON_LOOP = "L";

    static final String ON_STAND_IN = "S";
    static final String ON_WORKER = "W";

    /** What {@link #RESCUED} is answered with. */
    static final String DONE = "D";

    /** Other connections' requests are answered within this time, on a busy machine of two processors too. */
    static final Duration BOUND = Duration.ofMillis(250);

    /** So long is a handler late at least: an answer that waited for it would break {@link #BOUND}. */
    static final Duration HOLD = Duration.ofMillis(400);

    EventLoopGroup one;
    Harness lone;

    @BeforeEach
    void openLoop() {
        one = EventLoopGroup.builder().backend(variant.backend()).loops(1).build();
        lone = new Harness(variant, one, Path.of("/nonexistent")); // for TCP only
    }

    @AfterEach
    void closeLoop() throws Exception {
        try {
            lone.end();
        } finally {
            one.close();
        }
    }

    static ConnectionHandler handler(ConnectionHandler rescued) {
        return connection -> {
            while (connection.reader().readableBytes() > 0) {
                char request = (char) connection.reader().readByte();
                if (request == RESCUED) {
                    rescued.handle(connection);
                    answer(connection, DONE);
                } else {
                    if (request == WARM) {
                        Paces.proveShort(connection);
                    }
                    answer(connection, place());
                }
            }
        };
    }

    private static void answer(Connection connection, String text) throws Exception {
        connection.writer().writeUtf8(text).flush();
    }

    private static String place() {
        String name = Thread.currentThread().getName();
        return name.endsWith("-stand-in") ? ON_STAND_IN : name.contains("worker") ? ON_WORKER : ON_LOOP;
    }

    Listening serveRescued(ConnectionHandler rescued) throws Exception {
        return lone.serve(handler(rescued));
    }

    static String ask(RawPeer peer, char request) {
        return peer.send(String.valueOf(request)).receiveText(1);
    }

    /** Has the handlers run on the loop. */
    static void warmUp(RawPeer peer) {
        Await.until("the handlers prove short and run on the loop", () -> {
            ask(peer, WARM);
            return ask(peer, ECHO).equals(ON_LOOP);
        });
    }

    /** {@return a peer of a server whose handlers run on the loop} */
    RawPeer warmPeer(Listening server) throws Exception {
        RawPeer peer = lone.connectRaw(server.address());
        warmUp(peer);
        return peer;
    }

    /** Echoes until the condition holds and {@link #HOLD} is over; each within {@link #BOUND}. */
    static void echoInTime(RawPeer peer, Callable<Boolean> condition) {
        long begin = System.nanoTime();
        Await.until("the condition holds", () -> {
            long sent = System.nanoTime();
            ask(peer, ECHO);
            assertThat(Duration.ofNanos(System.nanoTime() - sent))
                    .as("time until another connection's answer")
                    .isLessThan(BOUND);
            return condition.call() && System.nanoTime() - begin >= HOLD.toNanos();
        });
    }

    static void assertSilent(RawPeer peer) throws Exception {
        assertThat(new String(peer.receiveNow(1), StandardCharsets.UTF_8))
                .as("the answer of a handler that is held up")
                .isEmpty();
    }
}

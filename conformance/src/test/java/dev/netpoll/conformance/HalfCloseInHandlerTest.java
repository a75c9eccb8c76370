// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.conformance.support.Crowd;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Rounds;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.internal.connection.Paces;
import dev.netpoll.testkit.Await;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A handler answers, shuts the output down and then waits: the peer sees answer and end at once, each time. */
@Variants(
        transports = Transport.TCP4,
        modes = {Mode.ADAPTIVE, Mode.VIRTUAL})
@SuppressWarnings("try") // what is closed in the end need not be named
class HalfCloseInHandlerTest extends OwnNetTest {
    private static final int ROUNDS = Rounds.of(32);
    private static final Duration PROMPTLY = Duration.ofSeconds(1);

    private volatile CountDownLatch over = new CountDownLatch(1);
    private Crowd crowd;

    /** Its own answers are left to a loop that has much to do. */
    @BeforeEach
    void keepTheLoopBusy() throws Exception {
        crowd = new Crowd(own.net().serve(Handlers.echo()).address()).awaitTalk();
    }

    @AfterEach
    void stop() throws Exception {
        over.countDown();
        crowd.close();
    }

    @Test
    void whenItWaitsForALatch() throws Exception {
        endComesPromptly(connection -> {
            connection.writer().writeUtf8("answer").flush();
            connection.shutdownOutput();
            awaitOver();
        });
    }

    @Test
    void whenItSleeps() throws Exception {
        endComesPromptly(connection -> {
            connection.writer().writeUtf8("answer").flush();
            connection.shutdownOutput();
            long end = System.nanoTime() + 2 * PROMPTLY.toNanos();
            while (over.getCount() > 0 && System.nanoTime() - end < 0) {
                LockSupport.parkNanos(2 * PROMPTLY.toNanos());
            }
        });
    }

    @Test
    void whenItReadsOn() throws Exception {
        endComesPromptly(connection -> {
            connection.writer().writeUtf8("answer").flush();
            connection.shutdownOutput();
            connection.reader().readByte();
        });
    }

    @Test
    void whenItComputes() throws Exception {
        endComesPromptly(
                connection -> {
                    connection.writer().writeUtf8("answer").flush();
                    connection.shutdownOutput();
                    long end = System.nanoTime() + 2 * PROMPTLY.toNanos();
                    while (over.getCount() > 0 && System.nanoTime() - end < 0) {
                        Thread.onSpinWait();
                    }
                },
                8);
    }

    @Test
    void whenTheShutdownFlushes() throws Exception {
        endComesPromptly(connection -> {
            connection.writer().writeUtf8("ans").flush();
            connection.writer().writeUtf8("wer");
            connection.shutdownOutput();
            awaitOver();
        });
    }

    private void awaitOver() throws InterruptedException {
        assertThat(over.await(Await.DEADLINE.toSeconds() * 3, TimeUnit.SECONDS)).isTrue();
    }

    private void endComesPromptly(ConnectionHandler handler) throws Exception {
        endComesPromptly(handler, ROUNDS);
    }

    private void endComesPromptly(ConnectionHandler handler, int rounds) throws Exception {
        int late = 0;
        for (int i = 0; i < rounds && late < 4; i++) {
            over = new CountDownLatch(1);
            try {
                late += isPrompt(handler) ? 0 : 1;
            } finally {
                over.countDown();
            }
        }
        assertThat(late)
                .as("rounds of %d in which the end did not come", rounds)
                .isZero();
    }

    /** With a server of its own: a dispatch that has seen a handler wait does not run it on the loop soon. */
    private boolean isPrompt(ConnectionHandler handler) throws Exception {
        Listening server = own.net()
                .listen(own.net().server().onConnect(this::prove).onRequest(connection -> {
                    Handlers.discard().handle(connection);
                    handler.handle(connection);
                }));
        try (RawPeer peer = own.net().connectRaw(server.address())) {
            peer.send("?");
            assertThat(peer.receiveText(6)).isEqualTo("answer");
            return Await.within(PROMPTLY, peer::sawEnd);
        }
    }

    private void prove(Connection connection) {
        if (variant.mode() == Mode.ADAPTIVE) {
            Paces.proveShort(connection);
        }
    }
}

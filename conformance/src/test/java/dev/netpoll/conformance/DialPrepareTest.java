// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionClosedException;
import dev.netpoll.Dialer;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What comes before the handlers of a dialed connection, whose peer may be the first to talk. */
class DialPrepareTest extends ConformanceTest {
    private static final int DIALS = Integer.getInteger("dial.rounds", 300);

    /** {@return a server that talks first, and does not mind if the peer has gone by then} */
    private Listening talker() throws IOException {
        return net.listen(net.server()
                .onError((connection, error) -> {})
                .onConnect(connection -> connection.writer().writeUtf8("hello").flush())
                .onRequest(Handlers.discard()));
    }

    @Test
    void aHandlerAlwaysSeesTheAttachmentOfItsDial() throws Exception {
        Listening server = talker();
        Queue<Object> missing = new ConcurrentLinkedQueue<>();
        AtomicInteger runs = new AtomicInteger();
        Dialer dialer = net.dialer()
                .onRequest(connection -> {
                    Handlers.discard().handle(connection);
                    if (!(connection.attachment() instanceof Integer)) {
                        missing.add(String.valueOf(connection.attachment()));
                    }
                    runs.incrementAndGet();
                })
                .build();
        for (int i = 0; i < DIALS; i++) {
            int before = runs.get();
            try (Connection connection = dialer.dial(server.address(), Timing.LONG, i)) {
                assertThat(connection.attachment()).isEqualTo(i);
                Await.until("the handler runs", () -> runs.get() > before);
            }
        }
        assertThat(missing).isEmpty();
    }

    @Test
    void onPrepareComesOnceBeforeTheHandlersAndBeforeDialReturns() throws Exception {
        Listening server = talker();
        Queue<String> wrong = new ConcurrentLinkedQueue<>();
        AtomicInteger prepared = new AtomicInteger();
        AtomicInteger handled = new AtomicInteger();
        AtomicInteger closed = new AtomicInteger();
        Dialer dialer = net.dialer()
                .onPrepare(connection -> {
                    prepared.incrementAndGet();
                    connection.attach(connection.attachment() + " is prepared");
                    connection.addCloseCallback(gone -> closed.incrementAndGet());
                    if (connection.remoteAddress() == null || handled.get() >= prepared.get()) {
                        wrong.add("came too early or too late");
                    }
                })
                .onRequest(connection -> {
                    Handlers.discard().handle(connection);
                    if (!"this is prepared".equals(connection.attachment())) {
                        wrong.add("handled with " + connection.attachment());
                    }
                    handled.incrementAndGet();
                })
                .build();
        for (int i = 1; i <= 20; i++) {
            int round = i;
            try (Connection connection = dialer.dial(server.address(), Timing.LONG, "this")) {
                assertThat(connection.attachment()).isEqualTo("this is prepared");
                assertThat(prepared.get()).isEqualTo(round);
                Await.until("the handler runs", () -> handled.get() >= round);
            }
            Await.until("the close callback runs", () -> closed.get() == round);
        }
        assertThat(wrong).isEmpty();
    }

    @Test
    void anOnPrepareThatThrowsMakesTheDialFail() throws Exception {
        Listening server = talker();
        AtomicBoolean handled = new AtomicBoolean();
        AtomicInteger closed = new AtomicInteger();
        Dialer dialer = net.dialer()
                .onPrepare(connection -> {
                    connection.addCloseCallback(gone -> closed.incrementAndGet());
                    throw new IllegalStateException("not today");
                })
                .onRequest(connection -> handled.set(true))
                .build();
        assertThatThrownBy(() -> dialer.dial(server.address())).isInstanceOf(ConnectionClosedException.class);
        assertThat(net.takeError()).hasMessage("not today");
        Await.until("the connection ends", () -> closed.get() == 1);
        assertThat(handled).isFalse();
    }

    @Test
    void anOnPrepareThatClosesMakesTheDialFail() throws Exception {
        Listening server = talker();
        Dialer dialer = net.dialer().onPrepare(Connection::close).build();
        assertThatThrownBy(() -> dialer.dial(server.address())).isInstanceOf(ConnectionClosedException.class);
    }
}

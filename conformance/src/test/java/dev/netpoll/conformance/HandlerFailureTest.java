// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.Dispatch;
import dev.netpoll.ErrorHandler;
import dev.netpoll.Framing;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Callbacks that throw: the connection is closed, the exception is reported once, and nothing else is hurt. */
class HandlerFailureTest extends ConformanceTest {
    private static final ConnectionHandler FAILING = connection -> {
        throw new IllegalArgumentException("on purpose");
    };

    /** Fails for a request that begins with an exclamation mark. */
    private static final ConnectionHandler FAILING_SOMETIMES = connection -> {
        if (connection.reader().readableBytes() > 0
                && connection.reader().peek(1).get(ValueLayout.JAVA_BYTE, 0) == '!') {
            throw new IllegalArgumentException("on purpose");
        }
        Handlers.echo().handle(connection);
    };

    @Test
    void aRequestHandlerThatThrowsClosesOnlyItsConnection() throws Exception {
        AtomicInteger closes = new AtomicInteger();
        Listening server = net.listen(net.server()
                .onConnect(connection -> connection.addCloseCallback(c -> closes.incrementAndGet()))
                .onRequest(FAILING_SOMETIMES));
        RawPeer other = net.connectRaw(server.address());
        for (int i = 0; i < 10; i++) {
            RawPeer bad = net.connectRaw(server.address());
            bad.send("!");
            bad.awaitEnd();
            other.send("fine");
            assertThat(other.receiveText(4)).isEqualTo("fine");
        }
        Await.until("the bad ones are closed", () -> closes.get() == 10);
        Await.until("the server counts the others", () -> server.server().connectionCount() == 1);
        List<Throwable> errors = net.takeErrors();
        assertThat(errors).hasSize(10).allSatisfy(error -> assertThat(error).hasMessage("on purpose"));
    }

    @Test
    void anErrorIsTreatedLikeAnException() throws Exception {
        Listening server = net.serve(connection -> {
            throw new StackOverflowError("on purpose");
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("x");
        peer.awaitEnd();
        assertThat(net.takeError()).isInstanceOf(StackOverflowError.class);
        server.awaitNoConnections();
    }

    @Test
    void theErrorHandlerIsToldWhichConnectionFailed() throws Exception {
        ConcurrentLinkedQueue<Connection> failed = new ConcurrentLinkedQueue<>();
        ConcurrentLinkedQueue<Connection> accepted = new ConcurrentLinkedQueue<>();
        Listening server = net.listen(net.server()
                .onConnect(accepted::add)
                .onRequest(FAILING)
                .onError((connection, error) -> failed.add(connection)));
        net.connectRaw(server.address()).send("x").awaitEnd();
        Await.until("it is told", () -> !failed.isEmpty());
        assertThat(failed).containsExactlyElementsOf(accepted);
    }

    @Test
    void anOnPrepareThatThrowsRejectsTheConnection() throws Exception {
        AtomicInteger connects = new AtomicInteger();
        Listening server = net.listen(net.server().onPrepare(FAILING).onConnect(c -> connects.incrementAndGet()));
        net.connectRaw(server.address()).awaitEnd();
        assertThat(net.takeError()).hasMessage("on purpose");
        server.awaitNoConnections();
        assertThat(connects).hasValue(0);
    }

    @Test
    void anOnConnectThatThrowsClosesTheConnectionAndNoRequestIsHandled() throws Exception {
        AtomicInteger requests = new AtomicInteger();
        AtomicInteger closes = new AtomicInteger();
        Listening server = net.listen(net.server()
                .onPrepare(connection -> connection.addCloseCallback(c -> closes.incrementAndGet()))
                .onConnect(FAILING)
                .onRequest(connection -> requests.incrementAndGet()));
        RawPeer peer = net.connectRaw(server.address());
        Throwable closedAlready = catchThrowable(() -> peer.trySend(new byte[] {1}));
        assertThat(closedAlready == null || closedAlready instanceof IOException)
                .isTrue();
        peer.awaitEnd();
        assertThat(net.takeError()).hasMessage("on purpose");
        Await.until("the close callback ran", () -> closes.get() == 1);
        assertThat(requests).hasValue(0);
    }

    @Test
    void anOnDisconnectThatThrowsIsReportedAndTheConnectionIsClosed() throws Exception {
        AtomicInteger closes = new AtomicInteger();
        Listening server = net.listen(net.server()
                .onConnect(connection -> connection.addCloseCallback(c -> closes.incrementAndGet()))
                .onRequest(Handlers.echo())
                .onDisconnect(FAILING));
        net.connectRaw(server.address()).close();
        assertThat(net.takeError()).hasMessage("on purpose");
        Await.until("the close callback ran", () -> closes.get() == 1);
        assertThat(net.errorCount()).isZero();
    }

    @Test
    void aHandlerThatThrowsAfterItClosedIsReportedOnce() throws Exception {
        Listening server = net.serve(connection -> {
            connection.close();
            throw new IllegalStateException("after close");
        });
        net.connectRaw(server.address()).send("x").awaitEnd();
        assertThat(net.takeError()).hasMessage("after close");
        Await.stays("it is reported once", Timing.SHORT, () -> net.errorCount() == 0);
    }

    @Test
    void anErrorHandlerThatThrowsHurtsNobody() throws Exception {
        Listening server = net.listen(net.server().onRequest(FAILING_SOMETIMES).onError((connection, error) -> {
            throw new IllegalStateException("the error handler fails too");
        }));
        RawPeer other = net.connectRaw(server.address());
        net.connectRaw(server.address()).send("!").awaitEnd();
        other.send("fine");
        assertThat(other.receiveText(4)).isEqualTo("fine");
        Await.until("the bad one is gone", () -> server.server().connectionCount() == 1);
    }

    @Test
    void theErrorHandlerMayAnswerInsteadOfTheHandler() throws Exception {
        Listening server = net.listen(net.server()
                .onRequest(connection -> {
                    connection.writer().writeUtf8("half an ans");
                    throw new IllegalArgumentException("on purpose");
                })
                .onError(answering("error")));
        RawPeer peer = net.connectRaw(server.address()).send("x");
        assertThat(peer.receiveText(5)).isEqualTo("error");
        peer.awaitEnd();
        server.awaitNoConnections();
    }

    @Test
    void theErrorHandlerMayAnswerAFrameThatIsTooLarge() throws Exception {
        Listening server = net.listen(net.server()
                .framing(Framing.lengthField(0, 4))
                .options(ConnectionOptions.builder().maxFrameLength(1000).build())
                .onRequest(Handlers.echo())
                .onError(answering("too large")));
        RawPeer peer = net.connectRaw(server.address());
        peer.send(ByteBuffer.allocate(4).putInt(5000).array());
        assertThat(peer.receiveText(9)).isEqualTo("too large");
        peer.awaitEnd();
        server.awaitNoConnections();
    }

    /** What is unread would cause a reset behind the answer. */
    private static ErrorHandler answering(String text) {
        return (connection, error) -> {
            try {
                connection.reader().skip(connection.reader().readableBytes());
                connection.writer().writeUtf8(text).flush();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        };
    }

    /** Else the peer of a proxy whose other side broke would take what it got for the whole. */
    @Test
    void theErrorHandlerMayResetTheConnection() throws Exception {
        assumeTrue(variant.isTcp(), "a Unix socket knows no reset");
        Listening server = net.listen(net.server()
                .onRequest(connection -> {
                    connection.reader().skip(1); // what is unread would cause a reset, too
                    throw new IllegalArgumentException("on purpose");
                })
                .onError((connection, error) -> connection.abort()));
        for (int i = 0; i < 20; i++) {
            RawPeer peer = net.connectRaw(server.address()).send("x");
            assertThat(peer.awaitEnd()).as("round %d", i).isEqualTo(RawPeer.End.RESET);
        }
        server.awaitNoConnections();
    }

    @Test
    void aFailingHandlerOfADialedConnectionClosesIt() throws Exception {
        var pair = net.pair(net.dialer().onRequest(FAILING));
        pair.peer().send("x").awaitEnd();
        assertThat(net.takeError()).hasMessage("on purpose");
        assertThat(pair.connection().isActive()).isFalse();
    }

    @Test
    void anExecutorThatRejectsClosesTheConnection() throws Exception {
        Listening server = net.listen(net.server().onRequest(Handlers.echo()).dispatch(Dispatch.executor(task -> {
            throw new RejectedExecutionException("full");
        })));
        net.connectRaw(server.address()).send("x").awaitEnd();
        server.awaitNoConnections();
        assertThat(net.takeError()).hasMessage("full"); // from elsewhere, as the executor is full for that, too
    }
}

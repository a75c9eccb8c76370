// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.DetachedSocket;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** What callers do in onPrepare, when the connection does not live on its loop yet. */
@Variants(transports = Transport.TCP4)
class PrepareTest extends ConformanceTest {
    private static final byte[] ONE = {1};

    @Test
    void aConnectionThatIsDetachedThereIsHandedOverAndEnds() throws Exception {
        AtomicReference<DetachedSocket> detached = new AtomicReference<>();
        AtomicReference<Throwable> refusal = new AtomicReference<>();
        AtomicInteger closes = new AtomicInteger();
        Listening server = net.listen(net.server()
                .onPrepare(connection -> {
                    connection.addCloseCallback(c -> closes.incrementAndGet());
                    try {
                        detached.set(connection.detach());
                    } catch (IllegalStateException refused) {
                        refusal.set(refused);
                    }
                })
                .onRequest(Handlers.echo()));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("hello");
        Await.until("detaching was tried", () -> detached.get() != null || refusal.get() != null);
        DetachedSocket socket = detached.get();
        if (socket == null) { // refused, so it is a connection as any other
            assertThat(peer.receiveText(5)).isEqualTo("hello");
            peer.close();
        } else {
            ConnectionOptions options =
                    ConnectionOptions.builder().readTimeout(Await.DEADLINE).build();
            Connection again = net.closing(net.group().adopt(socket, options));
            assertThat(again.reader().readUtf8(5)).isEqualTo("hello");
            again.writer().writeUtf8("world").flush();
            assertThat(peer.receiveText(5)).isEqualTo("world");
        }
        Await.until("the close callback ran", () -> closes.get() == 1);
        server.awaitNoConnections();
        assertThat(server.server().shutdown(Timing.LONG)).isTrue();
        assertThat(closes).hasValue(1);
    }

    @Test
    void whatNeedsTheLoopIsRefusedAtOnce() throws Exception {
        Map<String, ConnectionHandler> calls = new LinkedHashMap<>();
        calls.put("read", c -> c.reader().readByte());
        calls.put("readUntil", c -> c.reader().readUntil((byte) 0));
        calls.put("peek", c -> c.reader().peek(1));
        calls.put("skip", c -> c.reader().skip(1));
        calls.put("read into an array", c -> c.reader().read(new byte[1], 0, 1));
        calls.put("write", c -> c.writer().writeByte(1));
        calls.put("reserve", c -> c.writer().reserve(10));
        calls.put("write and flush", c -> c.writer().writeBytes(ONE).flush());
        calls.put("shutdownOutput", Connection::shutdownOutput);
        calls.put("read from the channel", c -> c.asByteChannel().read(ByteBuffer.allocate(1)));
        calls.put("write to the channel", c -> c.asByteChannel().write(ByteBuffer.wrap(ONE)));
        Map<String, Object> outcomes = new ConcurrentHashMap<>();
        calls.forEach((name, call) -> outcomes.put(name, outcome(call)));
        assertThat(outcomes)
                .allSatisfy((name, outcome) -> assertThat(outcome).as(name).isInstanceOf(IllegalStateException.class));
    }

    /** What the call in onPrepare ends with: what it throws, or a word. */
    private Object outcome(ConnectionHandler call) {
        AtomicReference<Object> outcome = new AtomicReference<>();
        try {
            Listening server = net.listen(net.server()
                    .onPrepare(connection -> {
                        Throwable thrown = catchThrowable(() -> call.handle(connection));
                        outcome.set(thrown == null ? "returned" : thrown);
                    })
                    .onRequest(Handlers.echo()));
            RawPeer peer = net.connectRaw(server.address());
            if (!Await.within(Timing.SHORT.multipliedBy(20), () -> outcome.get() != null)) {
                peer.close();
                return "does not return";
            }
            if (outcome.get() instanceof IllegalStateException) { // and nothing else has changed
                peer.send("hello");
                assertThat(peer.receiveText(5)).isEqualTo("hello");
            }
            peer.close();
            return outcome.get();
        } catch (Exception failure) {
            return failure;
        }
    }

    @Test
    void whatIsAllowedThereTakesEffect() throws Exception {
        AtomicInteger closes = new AtomicInteger();
        Listening server = net.listen(net.server()
                .onPrepare(connection -> {
                    connection.attach("session");
                    connection.setReadTimeout(Timing.LONG);
                    connection.setWriteDeadline(null);
                    connection.setIdleTimeout(Timing.LONG);
                    connection.pauseReading();
                    connection.resumeReading();
                    connection.addCloseCallback(c -> closes.incrementAndGet());
                    connection.onRequest(Handlers.echo());
                    assertThat(connection.isActive()).isTrue();
                    assertThat(connection.reader().readableBytes()).isZero();
                    assertThat(connection.writer().pendingBytes()).isZero();
                    connection.reader().release();
                    assertThat(connection.toString()).isNotEmpty();
                })
                .onRequest(Handlers.ignore()));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("hello");
        assertThat(peer.receiveText(5)).isEqualTo("hello");
        peer.close();
        Await.until("the close callback ran", () -> closes.get() == 1);
        server.awaitNoConnections();
    }

    @Test
    void aConnectionThatIsClosedThereEnds() throws Exception {
        endsAfter(Connection::close);
        endsAfter(Connection::abort);
        endsAfter(connection -> {
            connection.pauseReading();
            connection.close();
            connection.abort();
        });
    }

    private void endsAfter(ConnectionHandler end) throws Exception {
        AtomicInteger closes = new AtomicInteger();
        Listening server = net.listen(net.server()
                .onPrepare(connection -> {
                    connection.addCloseCallback(c -> closes.incrementAndGet());
                    end.handle(connection);
                })
                .onRequest(Handlers.echo()));
        RawPeer peer = net.connectRaw(server.address());
        peer.awaitEnd();
        Await.until("the close callback ran", () -> closes.get() == 1);
        server.awaitNoConnections();
        assertThat(server.server().shutdown(Timing.LONG)).isTrue();
    }
}

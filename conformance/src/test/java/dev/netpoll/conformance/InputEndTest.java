// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.Framing;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.RawListener;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** onInputEnd comes once, behind all that the peer has sent. */
class InputEndTest extends ConformanceTest {
    private static final int MESSAGES = 200;
    private static final int LARGE = 4 << 20;

    private final List<String> events = new CopyOnWriteArrayList<>();

    private void note(Connection connection) throws IOException {
        events.add("end " + connection.reader().readableBytes());
    }

    private static byte[] ints(int count) {
        ByteBuffer bytes = ByteBuffer.allocate(count * Integer.BYTES);
        for (int i = 0; i < count; i++) {
            bytes.putInt(i);
        }
        return bytes.array();
    }

    @Test
    void itComesBehindAllRunsAndNeverBesideOne() throws Exception {
        AtomicInteger handled = new AtomicInteger();
        AtomicBoolean running = new AtomicBoolean();
        Listening server = net.listen(net.server()
                .onRequest(connection -> {
                    running.set(true);
                    if (connection.reader().readableBytes() < Integer.BYTES) {
                        connection.demand(Integer.BYTES);
                    } else if (connection.reader().readInt() == handled.get()) {
                        handled.incrementAndGet();
                    }
                    running.set(false);
                })
                .onInputEnd(connection -> {
                    events.add("end " + handled + " " + running);
                    connection.writer().writeUtf8("bye");
                }));
        RawPeer peer = net.connectRaw(server.address());
        peer.send(ints(MESSAGES));
        peer.finish();
        assertThat(peer.receiveText(3)).isEqualTo("bye");
        assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
        server.awaitNoConnections();
        assertThat(events).containsExactly("end " + MESSAGES + " false");
    }

    /** Reading is paused as the handler leaves so much, and goes on when only what the kernel has can come. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void itComesAlsoIfTheHandlerLeavesMoreThanTheMark(boolean halfOpen) throws Exception {
        int mark = 20_000;
        int all = 10 * mark;
        AtomicInteger seen = new AtomicInteger();
        AtomicReference<Connection> accepted = new AtomicReference<>();
        Listening server = net.listen(net.server()
                .options(ConnectionOptions.builder()
                        .inboundMarks(mark / 2, mark)
                        .allowHalfOpen(halfOpen)
                        .build())
                .onConnect(accepted::set)
                .onRequest(connection -> {
                    seen.set((int) connection.reader().readableBytes());
                    if (seen.get() < all) {
                        connection.demand(all);
                    }
                })
                .onDisconnect(connection -> events.add("gone"))
                .onInputEnd(this::note));
        RawPeer peer = net.connectRaw(server.address());
        peer.send(new byte[all]);
        Await.until("the handler has seen all", () -> seen.get() == all);
        peer.send(new byte[mark]).finish();
        AtomicInteger read = new AtomicInteger();
        if (!Await.within(Timing.SHORT, () -> events.size() == 2)) { // as NIO notices no hang-up
            accepted.get()
                    .onRequest(connection -> read.addAndGet(connection.reader().read(ByteBuffer.allocate(all + mark))));
        }
        Await.until("the end is told", () -> events.size() == 2);
        accepted.get().close();
        assertThat(events).containsExactlyInAnyOrder("gone", "end " + (all + mark - read.get()));
    }

    /** The recipe of docs/THREADING.md. */
    @Test
    void answersFromOtherThreadsAllArrive() throws Exception {
        ExecutorService workers = Executors.newFixedThreadPool(2);
        try {
            Listening server = net.listen(net.server()
                    .options(ConnectionOptions.builder().allowHalfOpen(true).build())
                    .onConnect(connection -> connection.attach(new AtomicInteger(1)))
                    .framing(Framing.lengthField(0, 4))
                    .onRequest(connection -> {
                        AtomicInteger open = (AtomicInteger) connection.attachment();
                        int length = connection.reader().readInt();
                        byte[] body = connection.reader().readBytes(length);
                        open.incrementAndGet();
                        workers.execute(() -> answer(connection, open, body));
                    })
                    .onInputEnd(connection -> done(connection, (AtomicInteger) connection.attachment())));
            for (int round = 0; round < 10; round++) {
                RawPeer peer = net.connectRaw(server.address());
                ByteBuffer frames = ByteBuffer.allocate(MESSAGES * 8);
                for (int i = 0; i < MESSAGES; i++) {
                    frames.putInt(Integer.BYTES).putInt(i);
                }
                peer.send(frames.array());
                peer.finish();
                peer.receive(MESSAGES * Integer.BYTES);
                assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
            }
        } finally {
            workers.shutdown();
        }
    }

    private static void answer(Connection connection, AtomicInteger open, byte[] body) {
        try {
            synchronized (open) {
                connection.writer().writeBytes(body).flush();
            }
        } catch (IOException e) {
            connection.close();
        }
        done(connection, open);
    }

    private static void done(Connection connection, AtomicInteger open) {
        if (open.decrementAndGet() == 0) {
            connection.close();
        }
    }

    @Test
    void aPeerThatSendsNothingHasAnEndToo() throws Exception {
        Listening server = net.listen(net.server().onRequest(Handlers.echo()).onInputEnd(this::note));
        RawPeer peer = net.connectRaw(server.address());
        peer.finish();
        peer.awaitEnd();
        server.awaitNoConnections();
        assertThat(events).containsExactly("end 0");
    }

    @Test
    void aFrameWhoseRestNeverComesIsThere() throws Exception {
        Listening server = net.listen(net.server()
                .framing(Framing.lengthField(0, 4))
                .onRequest(
                        connection -> events.add("frame " + connection.reader().readInt()))
                .onInputEnd(this::note));
        RawPeer peer = net.connectRaw(server.address());
        peer.send(ByteBuffer.allocate(15).putInt(1).put((byte) 1).putInt(20).array());
        peer.finish();
        peer.awaitEnd();
        server.awaitNoConnections();
        assertThat(events).containsExactly("frame 1", "end 10");
    }

    @Test
    void aHandlerThatDemandsMoreThanEverComesHasItsEnd() throws Exception {
        Listening server = net.listen(
                net.server().onRequest(connection -> connection.demand(100)).onInputEnd(this::note));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("part");
        peer.finish();
        peer.awaitEnd();
        server.awaitNoConnections();
        assertThat(events).containsExactly("end 4");
    }

    @Test
    void aHalfOpenConnectionStaysOpenAndIsToldOnce() throws Exception {
        CountDownLatch ended = new CountDownLatch(1);
        CopyOnWriteArrayList<Connection> accepted = new CopyOnWriteArrayList<>();
        Listening server = net.listen(net.server()
                .options(ConnectionOptions.builder().allowHalfOpen(true).build())
                .onConnect(accepted::add)
                .onRequest(Handlers.echo())
                .onInputEnd(connection -> {
                    note(connection);
                    ended.countDown();
                }));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("hi");
        peer.finish();
        assertThat(peer.receiveText(2)).isEqualTo("hi");
        ended.await();
        Connection connection = accepted.getFirst();
        connection.onRequest(Handlers.echo()); // its run finds nothing, and the end is not told again
        Await.until("the writer is free", () -> wrote(connection, "later"));
        assertThat(peer.receiveText(5)).isEqualTo("later");
        assertThat(server.server().connectionCount()).isEqualTo(1);
        connection.close();
        peer.awaitEnd();
        assertThat(events).containsExactly("end 0");
    }

    private static boolean wrote(Connection connection, String text) throws IOException {
        try {
            connection.writer().writeUtf8(text).flush();
            return true;
        } catch (IllegalStateException e) {
            return false; // the callback that wrote before is about to leave
        }
    }

    @Test
    void aTcpPeerThatResetsHasNoEndInItsPlace() throws Exception {
        assumeTrue(variant.isTcp(), "a Unix socket knows no reset");
        Listening server = net.listen(net.server()
                .onRequest(Handlers.echo())
                .onInputEnd(this::note)
                .onDisconnect(connection -> events.add("lost")));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("hi");
        assertThat(peer.receiveText(2)).isEqualTo("hi");
        peer.reset();
        server.awaitNoConnections();
        assertThat(events).containsExactly("lost");
        net.takeErrors();
    }

    @Test
    void aConnectionThatItsHandlerClosesHasNone() throws Exception {
        Listening server = net.listen(net.server()
                .onRequest(connection -> {
                    connection.reader().skip(connection.reader().readableBytes());
                    connection.close();
                })
                .onInputEnd(this::note));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("hi");
        peer.finish();
        peer.awaitEnd();
        server.awaitNoConnections();
        assertThat(events).isEmpty();
    }

    @Test
    void whatItThrowsClosesTheConnectionAndIsReported() throws Exception {
        Listening server = net.listen(net.server()
                .options(ConnectionOptions.builder().allowHalfOpen(true).build())
                .onRequest(Handlers.echo())
                .onInputEnd(connection -> {
                    throw new IOException("no end");
                }));
        RawPeer peer = net.connectRaw(server.address());
        peer.finish();
        peer.awaitEnd();
        server.awaitNoConnections();
        Await.until("it is reported", () -> net.takeErrors().stream().anyMatch(e -> "no end".equals(e.getMessage())));
    }

    @Test
    void aDialedConnectionWithAHandlerHasOne() throws Exception {
        try (RawListener listener = net.listenRaw()) {
            Connection connection = net.dialer()
                    .onRequest(in -> events.add(
                            "got " + in.reader().readUtf8((int) in.reader().readableBytes())))
                    .onInputEnd(this::note)
                    .build()
                    .dial(listener.address());
            RawPeer peer = net.closing(listener.accept());
            peer.send("hi");
            Await.until("it came", () -> events.contains("got hi"));
            peer.finish();
            Await.until("the end came", () -> events.contains("end 0"));
            Await.until("it has closed itself", () -> !connection.isActive());
            assertThat(events).containsExactly("got hi", "end 0");
        }
    }

    /** An inline handler that finds too much output unsent runs again; what comes behind the last run does not. */
    @Test
    void itFindsTooMuchOutputUnsentAndNothingRunsAfterwards() throws Exception {
        Listening server = net.listen(net.server()
                .options(ConnectionOptions.builder()
                        .allowHalfOpen(true)
                        .outboundHighMark(1000)
                        .build())
                .framing(Framing.lengthField(0, 4))
                .onRequest(
                        connection -> events.add("frame " + connection.reader().readInt()))
                .onInputEnd(connection -> {
                    note(connection);
                    connection.writer().writeBytes(new byte[LARGE]).flush();
                    if (!connection.isWritable()) {
                        return;
                    }
                    events.add("written");
                }));
        RawPeer peer = net.connectRaw(server.address());
        peer.send(ByteBuffer.allocate(15).putInt(1).put((byte) 1).putInt(20).array());
        peer.finish();
        peer.receive(LARGE);
        Await.stays(
                "nothing else runs", Timing.SHORT, () -> events.indexOf("end 10") == 1 && !events.contains("frame 20"));
        assertThat(server.server().connectionCount()).isEqualTo(1);
        assertThat(server.server().shutdown(Timing.SHORT)).isIn(true, false);
    }

    /** Close callbacks run when no callback runs any more. */
    @Test
    void aHandlerThatIsSetWhenABrokenConnectionHasEndedDoesNotRun() throws Exception {
        List<Connection> accepted = new CopyOnWriteArrayList<>();
        Listening server = net.listen(net.server()
                .onConnect(connection -> {
                    connection.addCloseCallback(closed -> events.add("closed"));
                    accepted.add(connection);
                })
                .onInputEnd(this::note));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("unread");
        Await.until(
                "it is accepted, and has bytes",
                () -> !accepted.isEmpty() && accepted.getFirst().reader().readableBytes() == 6);
        peer.reset();
        Await.until("it has ended", () -> events.contains("closed") || !variant.isTcp());
        accepted.getFirst().onRequest(connection -> events.add("ran"));
        if (variant.isTcp()) {
            Await.stays("no handler runs", Timing.SHORT, () -> events.equals(List.of("closed")));
            assertThat(accepted.getFirst().reader().readUtf8(6)).isEqualTo("unread");
        }
        accepted.getFirst().close();
        server.awaitNoConnections();
        net.takeErrors();
    }
}

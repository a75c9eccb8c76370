// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.Dispatch;
import dev.netpoll.Protocol;
import dev.netpoll.internal.endpoint.Acceptor;
import dev.netpoll.internal.endpoint.DialAttempt;
import dev.netpoll.internal.endpoint.Lookups;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.loop.Supervisor;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.poll.ParkingWatch;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.testkit.NetworkFaults;
import dev.netpoll.testkit.internal.MemoryNetwork;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** K1 and K2 of {@link KeptAnswers}: the loop sends what a handler on it leaves to it, in order and in any case. */
class KeptOutputTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final MemoryNetwork network =
            new MemoryNetwork(1, NetworkFaults.none().withGather(1));
    private final Supervisor supervisor = new Supervisor(new ParkingWatch(), "kept");
    private final EventLoop server = new EventLoop(network.openPoller(), "kept-server", false, supervisor);
    private final EventLoop client = new EventLoop(network.openPoller(), "kept-client", false, supervisor);
    private final AtomicLong clock = new AtomicLong();
    private final Pace pace = new Pace(clock::get);
    private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
    private final CountDownLatch ended = new CountDownLatch(1);
    private final long blocksBefore = SegmentPool.shared().outstandingBlocks();

    @BeforeEach
    void start() throws IOException {
        supervisor.start(List.of(server, client));
        server.start();
        client.start();
        insist();
    }

    /** Has the loop run the handler. */
    private void insist() {
        clock.addAndGet(Duration.ofMinutes(2).toNanos());
        for (int i = 0; i < Pace.RUNS_MIN && !pace.isInline(); i++) {
            pace.ranOnThread(pace.now(), (short) 0);
        }
        assertThat(pace.isInline()).isTrue();
    }

    @AfterEach
    void stop() throws InterruptedException {
        server.stop();
        client.stop();
        assertThat(server.join(PATIENCE)).isTrue();
        assertThat(client.join(PATIENCE)).isTrue();
        supervisor.stop();
        supervisor.join(PATIENCE);
        assertThat(failures).isEmpty();
        assertThat(SegmentPool.shared().outstandingBlocks())
                .as(SegmentPool.shared().whereAllocated())
                .isEqualTo(blocksBefore);
    }

    @Test
    void whatAHandlerFlushedBeforeItBlocksIsSent() throws Exception {
        CountDownLatch answered = new CountDownLatch(1);
        AtomicBoolean inTime = new AtomicBoolean();
        try (SocketConnection connection = connect(it -> {
            echoInt(it);
            inTime.set(await(answered));
        })) {
            assertThat(call(connection, 1)).isEqualTo(1);
            answered.countDown();
            connection.shutdownOutput();
            assertThat(await(ended)).isTrue();
            assertThat(inTime).isTrue();
        }
    }

    @Test
    void whatAHandlerFlushedBeforeItReadsOnIsSent() throws Exception {
        try (SocketConnection connection = connect(it -> {
            echoInt(it);
            echoInt(it); // which the client sends when it has the first answer
        })) {
            for (int i = 0; i < 10; i++) {
                assertThat(call(connection, i)).isEqualTo(i);
            }
        }
    }

    @Test
    void theFlushesOfARunArriveInOrder() throws Exception {
        int flushes = 100;
        try (SocketConnection connection = connect(it -> {
            int first = it.reader().readInt();
            for (int i = 0; i < flushes; i++) {
                it.writer().writeInt(first + i).flush();
            }
        })) {
            for (int run = 0; run < 20; run++) {
                connection.writer().writeInt(run).flush();
                for (int i = 0; i < flushes; i++) {
                    assertThat(connection.reader().readInt()).isEqualTo(run + i);
                }
            }
        }
    }

    @Test
    void answersToRequestsThatCameTogetherDoNotWaitForEachOther() throws Exception {
        try (SocketConnection connection = connect(KeptOutputTest::echoInt)) {
            for (int round = 0; round < 20; round++) {
                for (int i = 0; i < 50; i++) {
                    connection.writer().writeInt(i);
                }
                connection.writer().flush();
                for (int i = 0; i < 50; i++) {
                    assertThat(connection.reader().readInt()).isEqualTo(i);
                }
            }
            assertThat(pace.isInline()).as("no run blocked").isTrue();
        }
    }

    @Test
    void aFlushJustWhenTheLoopIsRelievedDoesNotOvertakeTheOneBefore() throws Exception {
        try (SocketConnection connection = connect(it -> {
            int first = it.reader().readInt();
            it.writer().writeInt(first).flush();
            while (server.isRelievable()) {
                Thread.onSpinWait();
            }
            it.writer().writeInt(first + 1).flush();
        })) {
            for (int run = 0; run < 50; run++) {
                insist();
                assertThat(call(connection, run)).isEqualTo(run);
                assertThat(connection.reader().readInt()).isEqualTo(run + 1);
            }
        }
    }

    @Test
    void whatWasFlushedIsSentBeforeTheHandlerCloses() throws Exception {
        checkAnswerComesBefore(Connection::close);
    }

    @Test
    void whatWasFlushedIsSentBeforeTheHandlerShutsTheOutputDown() throws Exception {
        checkAnswerComesBefore(Connection::shutdownOutput);
    }

    private void checkAnswerComesBefore(ConnectionHandler end) throws Exception {
        try (SocketConnection connection = connect(it -> {
            echoInt(it);
            end.handle(it);
        })) {
            assertThat(call(connection, 7)).isEqualTo(7);
            assertThat(connection.reader().read(new byte[1], 0, 1)).isEqualTo(-1);
        }
    }

    @Test
    void memoryOfTheUsersIsSentBeforeTheFlushReturns() throws Exception {
        try (SocketConnection connection = connect(it -> {
            it.reader().readInt();
            try (Arena arena = Arena.ofShared()) {
                it.writer().writeDirect(arena.allocateFrom("hello")).flush();
            }
        })) {
            connection.writer().writeInt(0).flush();
            byte[] answer = new byte["hello".length()];
            connection.reader().readBytes(answer);
            assertThat(answer).asString(StandardCharsets.UTF_8).isEqualTo("hello");
        }
    }

    /** As detaching asks for. On a busy machine the handler may be relieved before; then the loop sends it anyway. */
    @Test
    void aHurryingHandlerHasSentWhatItFlushed() throws Exception {
        AtomicReference<Long> unsent = new AtomicReference<>(0L);
        try (SocketConnection connection = connect(it -> {
            echoInt(it);
            Outbound out = ((SocketConnection) it).outbound();
            long before = out.unsent();
            if (out.hurry()) {
                unsent.set(before * 10 + out.unsent());
            }
        })) {
            for (int call = 0; call < 100 && unsent.get() == 0; call++) {
                insist();
                assertThat(call(connection, 3)).isEqualTo(3);
            }
            connection.shutdownOutput();
            assertThat(await(ended)).isTrue();
            assertThat(unsent).as("10 times the bytes before, and those after").hasValue(40L);
        }
    }

    @Test
    void anAbortedConnectionGivesItsMemoryBack() throws Exception {
        try (SocketConnection connection = connect(it -> {
            echoInt(it);
            it.abort();
        })) {
            connection.writer().writeInt(1).flush();
            assertThat(await(ended)).isTrue();
        }
    }

    private static void echoInt(Connection connection) throws IOException {
        connection.writer().writeInt(connection.reader().readInt()).flush();
    }

    private static int call(SocketConnection connection, int value) throws IOException {
        connection.writer().writeInt(value).flush();
        return connection.reader().readInt();
    }

    private static boolean await(CountDownLatch latch) {
        try {
            return latch.await(PATIENCE.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            return false;
        }
    }

    private SocketConnection connect(ConnectionHandler handler) throws Exception {
        ListenSocket socket = network.bind(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), new ListenOptions(0, false, false));
        ConnectionConfig config = config(handler, Dispatch.virtual(), pace, ended::countDown);
        Acceptor acceptor = new Acceptor(server, socket, () -> server, config, new AtomicInteger(), 1000);
        server.execute(() -> {
            try {
                acceptor.start();
            } catch (IOException e) {
                failures.add(e);
            }
        });
        ConnectionConfig dialing = config(null, Dispatch.inline(), null, () -> {});
        SocketConnection connection = new DialAttempt(network, new Lookups(), client, dialing, null, PATIENCE, null)
                .dial(socket.localAddress());
        connection.setReadTimeout(PATIENCE);
        return connection;
    }

    private ConnectionConfig config(
            @Nullable ConnectionHandler handler, Dispatch dispatch, @Nullable Pace runs, Runnable end) {
        Protocol.Builder protocol = Protocol.builder()
                .onError((connection, error) -> failures.add(error))
                .dispatch(dispatch);
        if (handler != null) {
            protocol.onRequest(handler);
        }
        return new ConnectionConfig(protocol.build(), runs, handler != null, new ConnectionConfig.Shutdown(), end);
    }
}

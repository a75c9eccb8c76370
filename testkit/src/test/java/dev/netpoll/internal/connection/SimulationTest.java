// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionException;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.Dispatch;
import dev.netpoll.Protocol;
import dev.netpoll.ReadTimeoutException;
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
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Whole connections over a network in memory that reads and writes short, blocks, delays and resets as a seed says.
 * What is checked: no byte is lost, doubled or another's; every callback comes once and in order; everything is given
 * back.
 */
class SimulationTest {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final Duration PATIENCE = Duration.ofSeconds(40);
    private static final int CLIENTS = 12;
    private static final int CALLS = 40;
    private static final int FRAME_MAX = 5000;

    enum Run {
        VIRTUAL,
        INLINE,
        ADAPTIVE;

        Dispatch dispatch() {
            return this == INLINE ? Dispatch.inline() : Dispatch.virtual();
        }
    }

    /** Says that all runs are short, whatever they do, so that loops are taken from handlers again and again. */
    private static final class Optimist {
        private final AtomicLong clock = new AtomicLong();
        final Pace pace = new Pace(clock::get);

        void insist() {
            if (!pace.isInline()) {
                clock.addAndGet(Duration.ofMinutes(2).toNanos());
                for (int i = 0; i < Pace.RUNS_MIN && !pace.isInline(); i++) {
                    pace.ranOnThread(pace.now(), (short) 0);
                }
            }
        }
    }

    private final long seed = Long.getLong("seed", System.nanoTime());
    private final MemoryNetwork network = new MemoryNetwork(seed, NetworkFaults.some());
    private final List<EventLoop> loops = new ArrayList<>();
    private final Supervisor supervisor = new Supervisor(new ParkingWatch(), "simulated");
    private final AtomicInteger open = new AtomicInteger();
    private final AtomicInteger ended = new AtomicInteger();
    private final Queue<String> wrong = new ConcurrentLinkedQueue<>();
    private final Set<Connection> inputEnded = ConcurrentHashMap.newKeySet();
    private final Optimist optimist = new Optimist();
    private long blocksBefore;

    @BeforeEach
    void openLoops() throws IOException {
        blocksBefore = SegmentPool.shared().outstandingBlocks();
        for (int i = 0; i < 3; i++) {
            loops.add(new EventLoop(network.openPoller(), "simulated-" + i, false, supervisor));
        }
        supervisor.start(loops);
        loops.forEach(EventLoop::start);
    }

    @AfterEach
    void closeLoops() throws InterruptedException {
        for (EventLoop loop : loops) {
            loop.stop();
        }
        for (EventLoop loop : loops) {
            assertThat(loop.join(PATIENCE)).as("a loop ends, seed %d", seed).isTrue();
        }
        supervisor.stop();
        supervisor.join(PATIENCE);
        assertThat(SegmentPool.shared().outstandingBlocks()).as("seed %d", seed).isEqualTo(blocksBefore);
    }

    @ParameterizedTest
    @EnumSource
    void everyAnswerIsRightWhateverTheNetworkDoes(Run run) throws Exception {
        SocketAddress address = listen(run, run == Run.ADAPTIVE ? this::waitForFrame : SimulationTest::echoFrames);
        runClients(address, this::callAndClose);
        awaitAllEnded();
        assertThat(wrong).as("seed %d", seed).isEmpty();
        if (run == Run.ADAPTIVE) {
            assertThat(optimist.pace.reliefs()).as("reliefs, seed %d", seed).isPositive();
        }
    }

    @ParameterizedTest
    @EnumSource
    void resetsTimeoutsAndClosesCostOnlyTheirOwnConnection(Run run) throws Exception {
        SocketAddress address = listen(run, run == Run.ADAPTIVE ? this::waitForFrame : SimulationTest::echoFrames);
        runClients(address, this::callAndMisbehave);
        runClients(address, this::callAndClose);
        awaitAllEnded();
        assertThat(wrong).as("seed %d", seed).isEmpty();
    }

    /** Echoes all whole frames, on a loop as well as elsewhere. */
    private static void echoFrames(Connection connection) throws IOException {
        var in = connection.reader();
        while (in.readableBytes() >= 4 && connection.isWritable()) {
            int length = in.peek(4).get(INT, 0);
            if (in.readableBytes() < 4 + length) {
                connection.demand(4 + length);
                return;
            }
            in.skip(4);
            connection
                    .writer()
                    .writeInt(length)
                    .writeBytes(in.readBytes(length))
                    .flush();
        }
    }

    /** Echoes one frame, and waits for its end, which hands a loop over. */
    private void waitForFrame(Connection connection) throws IOException {
        optimist.insist();
        int length = connection.reader().readInt();
        connection.writer().writeInt(length);
        if (length % 2 == 0) {
            connection.writer().flush();
        }
        connection.writer().writeBytes(connection.reader().readBytes(length)).flush();
    }

    private SocketAddress listen(Run run, ConnectionHandler handler) throws Exception {
        Protocol protocol = Protocol.builder()
                .onConnect(connection -> connection.attach(new AtomicInteger(1)))
                .onRequest(handler)
                .onInputEnd(this::inputEnded)
                .onDisconnect(connection -> step(connection, 1, 2))
                .onError((connection, error) -> {
                    if (!(error instanceof ConnectionException)) {
                        wrong.add("a callback failed: " + error);
                    }
                })
                .dispatch(run.dispatch())
                .options(ConnectionOptions.builder()
                        .inboundMarks(500, 2000)
                        .outboundHighMark(3000)
                        .build())
                .build();
        Pace pace = run == Run.ADAPTIVE ? optimist.pace : null;
        ConnectionConfig config = new ConnectionConfig(protocol, pace, true, new ConnectionConfig.Shutdown(), () -> {
            open.decrementAndGet();
            ended.incrementAndGet();
        });
        ListenSocket socket = network.bind(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), new ListenOptions(0, false, false));
        AtomicInteger turn = new AtomicInteger();
        Acceptor acceptor = new Acceptor(
                loops.get(0), socket, () -> loops.get(turn.getAndIncrement() % loops.size()), config, open, 1000);
        loops.get(0).execute(() -> {
            try {
                acceptor.start();
            } catch (IOException e) {
                wrong.add("listen failed: " + e);
            }
        });
        return socket.localAddress();
    }

    /** onInputEnd comes once, when no whole frame is left. */
    private void inputEnded(Connection connection) throws IOException {
        var in = connection.reader();
        if (!inputEnded.add(connection)) {
            wrong.add("onInputEnd came twice");
        }
        if (in.readableBytes() >= 4 && in.readableBytes() >= 4 + in.peek(4).get(INT, 0)) {
            wrong.add("onInputEnd came before the last frame was handled");
        }
    }

    /** onDisconnect finds the connection connected, and comes once. */
    private void step(Connection connection, int from, int to) {
        if (!(connection.attachment() instanceof AtomicInteger state) || !state.compareAndSet(from, to)) {
            wrong.add("onDisconnect came before onConnect, or twice");
        }
        connection.addCloseCallback(c -> {
            if (!(c.attachment() instanceof AtomicInteger state) || !state.compareAndSet(to, to + 1)) {
                wrong.add("a close callback came twice");
            }
        });
    }

    private interface Client {
        void use(SocketConnection connection, Random random) throws IOException;
    }

    private void runClients(SocketAddress address, Client client) throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < CLIENTS; i++) {
            Random random = new Random(seed + i);
            EventLoop loop = loops.get(i % loops.size());
            threads.add(Thread.startVirtualThread(() -> {
                try (SocketConnection connection = dial(loop, address)) {
                    client.use(connection, random);
                } catch (IOException | RuntimeException | AssertionError e) {
                    wrong.add("a client failed: " + e);
                }
            }));
        }
        for (Thread thread : threads) {
            assertThat(thread.join(PATIENCE))
                    .as("a client hangs, seed %d", seed)
                    .isTrue();
        }
    }

    private SocketConnection dial(EventLoop loop, SocketAddress address) throws IOException {
        ConnectionConfig config = new ConnectionConfig(Protocol.builder()
                .onError((connection, error) -> {})
                .dispatch(Dispatch.inline())
                .build());
        return new DialAttempt(network, new Lookups(), loop, config, null, PATIENCE, null).dial(address);
    }

    private void callAndClose(SocketConnection connection, Random random) throws IOException {
        for (int i = 0; i < CALLS; i++) {
            call(connection, random);
        }
        if (random.nextBoolean()) {
            connection.shutdownOutput();
            if (connection.reader().read(new byte[1], 0, 1) != -1) {
                wrong.add("bytes after the end");
            }
        }
    }

    private void call(SocketConnection connection, Random random) throws IOException {
        int pipelined = 1 + random.nextInt(3);
        List<byte[]> sent = new ArrayList<>();
        for (int i = 0; i < pipelined; i++) {
            byte[] payload = new byte[random.nextInt(FRAME_MAX)];
            random.nextBytes(payload);
            connection.writer().writeInt(payload.length).writeBytes(payload);
            sent.add(payload);
        }
        connection.writer().flush();
        for (byte[] payload : sent) {
            int length = connection.reader().readInt();
            assertThat(length).isEqualTo(payload.length);
            assertThat(connection.reader().readBytes(length)).isEqualTo(payload);
        }
        connection.reader().release();
    }

    /** Ends somewhere in the middle, in one of many ways. */
    private void callAndMisbehave(SocketConnection connection, Random random) throws IOException {
        int last = random.nextInt(CALLS / 2);
        for (int i = 0; i < last; i++) {
            call(connection, random);
        }
        switch (random.nextInt(6)) {
            case 0 -> network.reset(connection.transport());
            case 1 -> connection.abort();
            case 2 -> connection.writer().writeInt(100).writeBytes(new byte[50]).flush(); // half a frame, then the end
            case 3 -> {
                connection.setReadTimeout(Duration.ofMillis(5));
                try {
                    connection.reader().readInt();
                    wrong.add("bytes from nowhere");
                } catch (ReadTimeoutException expected) {
                    connection.setReadTimeout(Connection.NO_TIMEOUT);
                    call(connection, random); // it is still good
                }
            }
            case 4 -> pourAndClose(connection, random);
            default -> closeFromElsewhere(connection);
        }
    }

    /** Sends requests and never reads the answers. */
    private static void pourAndClose(SocketConnection connection, Random random) throws IOException {
        connection.setWriteTimeout(Duration.ofMillis(50));
        try {
            for (int i = 0; i < 100; i++) {
                byte[] payload = new byte[random.nextInt(FRAME_MAX)];
                connection.writer().writeInt(payload.length).writeBytes(payload).flush();
            }
        } catch (ConnectionException expected) {
            // the server holds us back
        }
    }

    private void closeFromElsewhere(SocketConnection connection) {
        Thread.startVirtualThread(connection::close);
        try {
            connection.reader().readInt();
            wrong.add("a read of a closed connection returned");
        } catch (IOException expected) {
            // that is how it ends
        }
    }

    private void awaitAllEnded() {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (open.get() > 0 && System.nanoTime() < end) {
            LockSupport.parkNanos(1_000_000);
        }
        assertThat(open).as("connections not ended, seed %d", seed).hasValue(0);
        assertThat(ended.get()).isPositive();
    }
}

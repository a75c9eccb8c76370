// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Starvation;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.memory.MemoryLimitException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What sockets do when the pool has no memory to receive into; in a JVM of its own, with a small pool. */
class StarvationTest {
    private static final int SIZE = 150_000;
    private static final long SEED = 42;

    @ParameterizedTest
    @MethodSource("dev.netpoll.internal.poll.Child#backends")
    void readingWaitsForMemoryAndNothingIsLost(String backend) throws Exception {
        String output = Child.run(StarvationTest.class, List.of("-Ddev.netpoll.memory.max=4m"), "all", backend);
        assertThat(output).containsOnlyOnce("buffer memory is used up; reading waits");
    }

    @ParameterizedTest
    @MethodSource("dev.netpoll.internal.poll.Child#backends")
    void whatWasReceivedAlreadyIsDeliveredAlsoWithoutMemoryForACopy(String backend) throws Exception {
        Child.run(StarvationTest.class, List.of("-Ddev.netpoll.memory.max=4m"), "but-one", backend);
    }

    /** NIO learns of an end by reading, which takes memory: see PORTABILITY. */
    @ParameterizedTest
    @MethodSource("dev.netpoll.internal.poll.Child#backends")
    void anEndIsToldWithoutMemory(String backend) throws Exception {
        Assumptions.assumeFalse(backend.equals("nio"), "nio learns of an end by reading, which takes memory");
        Child.run(StarvationTest.class, List.of("-Ddev.netpoll.memory.max=4m"), "reset", backend);
        Child.run(StarvationTest.class, List.of("-Ddev.netpoll.memory.max=4m"), "finish", backend);
    }

    private static final class Network implements AutoCloseable {
        final Poller poller;
        final Transport client;
        final Transport server;
        final Keeper atServer = Keeper.keeping();
        final List<Transport> accepted = new ArrayList<>();

        Network(Mechanism backend) throws IOException {
            poller = backend.openPoller();
            poller.memory().own();
            ListenSocket socket = backend.bind(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), new ListenOptions(0, false, false));
            poller.listen(socket, new AcceptEvents() {
                @Override
                public void accepted(Transport transport) {
                    accepted.add(transport);
                }

                @Override
                public void acceptFailed(int errno) {
                    throw new AssertionError(Errno.describe(errno));
                }
            });
            Keeper atClient = new Keeper();
            client = backend.open(socket.localAddress(), null);
            poller.connect(client, socket.localAddress(), atClient);
            await(() -> atClient.connected && !accepted.isEmpty());
            socket.close();
            server = accepted.getFirst();
            poller.register(server, atServer);
        }

        void await(BooleanSupplier condition) throws IOException {
            long end = System.nanoTime() + 20_000_000_000L;
            while (!condition.getAsBoolean()) {
                if (System.nanoTime() - end > 0) {
                    throw new AssertionError("not within the deadline: " + atServer);
                }
                poller.poll(100_000_000);
            }
        }

        @Override
        public void close() {
            client.close(true);
            server.close(true);
            poller.close();
        }
    }

    /** The child. */
    public static void main(String[] arguments) throws IOException {
        boolean all = arguments[0].equals("all");
        if (arguments[0].equals("reset") || arguments[0].equals("finish")) {
            end(arguments[0].equals("reset"), Child.backend(arguments[1]));
            return;
        }
        try (Network network = new Network(Child.backend(arguments[1]))) {
            byte[] sent = new byte[all ? SIZE : 100];
            new Random(SEED).nextBytes(sent);
            List<Block> taken = takeAll();
            if (!all) {
                free(taken, 64 << 10);
            }
            send(network, sent);
            if (all) {
                network.await(() -> Starvation.waits() > 0);
                for (int i = 0; i < 20; i++) {
                    network.poller.poll(1_000_000);
                }
                assertThat(network.atServer.received()).isLessThan(SIZE);
                assertThat(network.atServer.errno).isZero();
                assertWaitsAreBounded(network.poller);
                taken.forEach(Block::release);
                taken.clear();
            }
            network.atServer.free();
            network.await(() -> network.atServer.received() == sent.length);
            assertThat(network.atServer.bytes.toByteArray()).isEqualTo(sent);
            assertThat(network.atServer.errno).isZero();
            taken.forEach(Block::release);
            send(network, sent);
            network.await(() -> network.atServer.received() == 2 * sent.length);
        }
        assertThat(SegmentPool.shared().outstandingBlocks()).isZero();
        System.out.println(Child.DONE);
    }

    /** The peer goes while there is no memory, with bytes on their way if it resets. */
    private static void end(boolean reset, Mechanism backend) throws IOException {
        try (Network network = new Network(backend)) {
            List<Block> taken = takeAll();
            if (reset) {
                send(network, new byte[SIZE]);
                network.await(() -> Starvation.waits() > 0);
            }
            network.client.close(reset);
            Keeper server = network.atServer;
            network.await(() -> reset ? server.errno == Errno.ECONNRESET : server.peerFinished);
            assertThat(server.errno).isEqualTo(reset ? Errno.ECONNRESET : 0);
            taken.forEach(Block::release);
            server.free();
        }
        assertThat(SegmentPool.shared().outstandingBlocks()).isZero();
        System.out.println(Child.DONE);
    }

    private static void assertWaitsAreBounded(Poller poller) throws IOException {
        for (int i = 0; i < 1000 && poller.untilRetry(System.nanoTime()) < 0; i++) {
            poller.poll(1_000_000); // it is just being tried again
        }
        assertThat(poller.untilRetry(System.nanoTime())).isBetween(0L, Starvation.RETRY_NANOS);
        long begin = System.nanoTime();
        poller.poll(20_000_000_000L);
        assertThat(System.nanoTime() - begin).isLessThan(5_000_000_000L);
    }

    /** Sends from memory that is not the pool's, which has none. */
    private static void send(Network network, byte[] bytes) throws IOException {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
            SendQueue queue = new SendQueue();
            queue.add(Segment.ofUser(memory));
            network.client.sendRest(queue);
            long begin = System.nanoTime();
            while (!queue.isEmpty() && System.nanoTime() - begin < 200_000_000L) {
                network.poller.poll(1_000_000);
            }
            if (!queue.isEmpty()) {
                throw new AssertionError("the kernel does not take " + queue.bytes() + " of the bytes");
            }
        }
    }

    private static List<Block> takeAll() {
        List<Block> taken = new ArrayList<>();
        for (int size = 64 << 10; size >= 256; size /= 2) {
            try {
                while (true) {
                    taken.add(SegmentPool.shared().allocate(size));
                }
            } catch (MemoryLimitException e) {
                // no more of this size
            }
        }
        return taken;
    }

    private static void free(List<Block> taken, int size) {
        for (Block block : taken) {
            if (block.capacity() == size) {
                taken.remove(block);
                block.release();
                return;
            }
        }
    }
}

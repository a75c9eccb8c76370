// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit.internal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Starvation;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.memory.MemoryLimitException;
import dev.netpoll.testkit.NetworkFaults;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** A network without buffer memory to deliver into, in a JVM of its own: bytes wait, and are not lost. */
class StarvedNetworkTest {
    private static final int SIZE = 150_000;
    private static final String DONE = "all has arrived";

    @Test
    void bytesWaitForMemory() throws Exception {
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-ea",
                        "-Xmx128m",
                        "--enable-native-access=ALL-UNNAMED",
                        "-Ddev.netpoll.memory.max=4m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        StarvedNetworkTest.class.getName())
                .redirectErrorStream(true)
                .start();
        try {
            assertThat(child.waitFor(40, TimeUnit.SECONDS)).as("it ends").isTrue();
            assertThat(new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                    .containsOnlyOnce("buffer memory is used up; reading waits")
                    .contains(DONE);
        } finally {
            child.destroyForcibly();
        }
    }

    private static final class Receiver implements TransportEvents {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        boolean connected;

        @Override
        public void connected() {
            connected = true;
        }

        @Override
        public void received(Segment segments) {
            for (Segment s = segments; s != null; s = s.next) {
                bytes.writeBytes(s.memory.asSlice(s.start, s.length()).toArray(ValueLayout.JAVA_BYTE));
            }
            Segment.freeAll(segments);
        }

        @Override
        public void peerFinished() {
            throw new AssertionError("finished");
        }

        @Override
        public void peerGone() {
            throw new AssertionError("gone");
        }

        @Override
        public void sent(long count, boolean drained) {}

        @Override
        public void failed(int errno) {
            throw new AssertionError("failed with " + errno);
        }
    }

    /** The child. */
    public static void main(String[] arguments) throws IOException {
        MemoryNetwork network = new MemoryNetwork(1, NetworkFaults.none());
        List<Transport> accepted = new ArrayList<>();
        try (Poller poller = network.openPoller()) {
            ListenSocket socket = network.bind(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), new ListenOptions(0, false, false));
            poller.listen(socket, new AcceptEvents() {
                @Override
                public void accepted(Transport transport) {
                    accepted.add(transport);
                }

                @Override
                public void acceptFailed(int errno) {
                    throw new AssertionError();
                }
            });
            Transport client = network.open(socket.localAddress(), null);
            Receiver atClient = new Receiver();
            poller.connect(client, socket.localAddress(), atClient);
            await(poller, () -> atClient.connected && !accepted.isEmpty());
            Receiver atServer = new Receiver();
            poller.register(accepted.getFirst(), atServer);
            List<Block> taken = takeAll();
            byte[] sent = new byte[SIZE];
            new Random(1).nextBytes(sent);
            send(client, sent);
            await(poller, () -> Starvation.waits() > 0);
            assertThat(poller.untilRetry(System.nanoTime())).isBetween(0L, Starvation.RETRY_NANOS);
            for (int i = 0; i < 20; i++) {
                poller.poll(-1); // each wait ends by itself, to try again
            }
            assertThat(atServer.bytes.size()).isZero();
            taken.forEach(Block::release);
            await(poller, () -> atServer.bytes.size() == SIZE);
            assertThat(atServer.bytes.toByteArray()).isEqualTo(sent);
            assertThat(poller.untilRetry(System.nanoTime())).isEqualTo(-1);
            client.close(false);
            accepted.getFirst().close(false);
        }
        assertThat(SegmentPool.shared().outstandingBlocks()).isZero();
        System.out.println(DONE);
    }

    private static void await(Poller poller, BooleanSupplier condition) throws IOException {
        long end = System.nanoTime() + 20_000_000_000L;
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("the deadline").isLessThan(end);
            poller.poll(10_000_000);
        }
    }

    /** Sends from memory that is not the pool's, which has none. */
    private static void send(Transport client, byte[] bytes) {
        try (Arena arena = Arena.ofShared()) {
            SendQueue queue = new SendQueue();
            queue.add(Segment.ofUser(arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes)));
            assertThat(client.send(queue)).isEqualTo(Transport.SENT);
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
}

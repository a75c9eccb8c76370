// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.SocketOptions;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportEvents;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A thread after the other takes over a poller in the middle of whatever it does: batches half delivered, sends
 * collected and not submitted, reading paused, memory still read by the kernel. (MovableRing, Ring I1 and I2,
 * ReceivingSocket I3, SendingSocket I2, ZeroCopyRing I1.)
 */
class TakeOverTest {
    private static final int ROUNDS = 100;
    private static final int CONNECTIONS = 6;
    private static final long DEADLINE_NANOS = 20_000_000_000L;

    private final long seed = Long.getLong("seed", System.nanoTime());
    private final SplittableRandom random = new SplittableRandom(seed);
    private final CountDownLatch end = new CountDownLatch(1);
    private final List<Thread> earlier = new ArrayList<>();
    private final List<Side> sides = new ArrayList<>();
    private final List<Transport> accepted = new ArrayList<>();
    private Poller poller;

    static Stream<Supplier<UringMechanism>> backends() {
        return Stream.of(UringMechanism::new, Rings::tiny, Rings::old);
    }

    /** One end of a connection: what it has sent, and what has arrived. */
    private final class Side implements TransportEvents {
        final Transport transport;
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        final ByteArrayOutputStream in = new ByteArrayOutputStream();
        final SendQueue queue = new SendQueue();
        boolean connected;
        boolean sending;
        boolean paused;

        Side(Transport transport) {
            this.transport = transport;
        }

        @Override
        public void connected() {
            connected = true;
        }

        @Override
        public void received(Segment segments) {
            assertThat(paused).as("paused, seed " + seed).isFalse();
            for (Segment s = segments; s != null; s = s.next) {
                in.writeBytes(s.view(s.length()).toArray(ValueLayout.JAVA_BYTE));
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
        public void sent(long bytes, boolean drained) {
            sending = !drained;
        }

        @Override
        public void failed(int errno) {
            throw new AssertionError(Errno.describe(errno));
        }

        void send() {
            int parts = random.nextInt(1, 4);
            for (int i = 0; i < parts; i++) {
                byte[] bytes = new byte[random.nextInt(1, random.nextBoolean() ? 64 : 30_000)];
                random.nextBytes(bytes);
                out.writeBytes(bytes);
                Block block = SegmentPool.shared().allocate(bytes.length);
                MemorySegment.copy(bytes, 0, block.memory(), ValueLayout.JAVA_BYTE, 0, bytes.length);
                queue.add(Segment.of(block, 0, bytes.length));
            }
            sending = true;
            transport.sendRest(queue);
        }

        void act() throws IOException {
            switch (random.nextInt(5)) {
                case 0 -> {
                    paused = true;
                    transport.pauseReading();
                }
                case 1 -> {
                    paused = false;
                    transport.resumeReading();
                }
                case 2 -> transport.setOption(SocketOptions.ZERO_COPY_THRESHOLD, 4096); // begins anew with it
                default -> {
                    if (connected && !sending) {
                        send();
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("backends")
    void nothingIsLostOrReordered(Supplier<UringMechanism> supplier) throws Exception {
        assumeTrue(UringMechanism.unavailableReason() == null, UringMechanism::unavailableReason);
        UringMechanism backend = supplier.get();
        long blocks = SegmentPool.shared().outstandingBlocks();
        poller = backend.openPoller();
        ListenSocket socket = backend.bind(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), new ListenOptions(0, false, false));
        drive(() -> open(backend, socket));
        for (int i = 0; i < ROUNDS; i++) {
            drive(this::round);
        }
        drive(this::finish);
        drive(() -> {
            socket.close();
            sides.forEach(side -> side.transport.close(false));
            poller.close();
        });
        end.countDown();
        for (Thread thread : earlier) {
            thread.join();
        }
        assertThat(SegmentPool.shared().outstandingBlocks()).isEqualTo(blocks);
    }

    private interface Step {
        void run() throws IOException;
    }

    /** Runs a step on a thread of its own, which then stays or ends. */
    private void drive(Step step) throws Exception {
        boolean stays = random.nextBoolean();
        FutureTask<Void> task = new FutureTask<>(() -> {
            poller.takeOver();
            step.run();
            return null;
        });
        Thread thread = Thread.ofPlatform().daemon().start(() -> {
            task.run();
            if (stays) {
                awaitEnd();
            }
            poller.leave();
        });
        earlier.add(thread);
        task.get();
    }

    private void awaitEnd() {
        try {
            end.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void open(UringMechanism backend, ListenSocket socket) throws IOException {
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
        for (int i = 0; i < CONNECTIONS; i++) {
            Side client = new Side(backend.open(socket.localAddress(), null));
            sides.add(client);
            poller.connect(client.transport, socket.localAddress(), client);
        }
    }

    /** A few turns, of which the last may stop in the middle. */
    private void round() throws IOException {
        int turns = random.nextInt(4);
        for (int i = 0; i < turns; i++) {
            poller.fetch(100_000);
            while (poller.deliver()) {
                welcome();
                sides.get(random.nextInt(sides.size())).act();
                if (i + 1 == turns && random.nextInt(3) == 0) {
                    return;
                }
            }
        }
        sides.get(random.nextInt(sides.size())).act();
    }

    private void welcome() throws IOException {
        for (Transport transport : accepted) {
            Side server = new Side(transport);
            server.connected = true;
            sides.add(server);
            poller.register(transport, server);
        }
        accepted.clear();
    }

    private void finish() throws IOException {
        long deadline = System.nanoTime() + DEADLINE_NANOS;
        for (Side side : sides) {
            side.paused = false;
            side.transport.resumeReading();
        }
        while (!isComplete()) {
            assertThat(System.nanoTime()).as("complete in time, seed " + seed).isLessThan(deadline);
            while (poller.deliver()) {}
            welcome();
            poller.fetch(1_000_000);
        }
        for (Side side : sides) {
            assertThat(side.in.toByteArray())
                    .as("seed " + seed)
                    .isEqualTo(peer(side).out.toByteArray());
        }
    }

    private boolean isComplete() {
        return sides.size() == 2 * CONNECTIONS
                && sides.stream()
                        .allMatch(side -> side.connected
                                && !side.sending
                                && side.in.size() == peer(side).out.size());
    }

    private Side peer(Side side) {
        return sides.stream()
                .filter(other -> side.transport.remoteAddress() != null
                        && side.transport.remoteAddress().equals(other.transport.localAddress()))
                .filter(other ->
                        other != side && other.transport.remoteAddress().equals(side.transport.localAddress()))
                .findAny()
                .orElseThrow();
    }
}

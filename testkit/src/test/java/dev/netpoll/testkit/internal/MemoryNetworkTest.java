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
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.testkit.NetworkFaults;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MemoryNetworkTest {
    private static final int BYTES = 20_000;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void equalSeedsGiveEqualRuns(long seed) throws IOException {
        List<String> first = run(seed);
        assertThat(run(seed)).isEqualTo(first);
        assertThat(run(seed + 1)).isNotEqualTo(first);
    }

    /** One transfer across two pollers, checked byte by byte. Returns everything that was told, in order. */
    private static List<String> run(long seed) throws IOException {
        long blocks = SegmentPool.shared().outstandingBlocks();
        MemoryNetwork network = new MemoryNetwork(seed, NetworkFaults.some());
        List<String> log = new ArrayList<>();
        List<Transport> accepted = new ArrayList<>();
        try (Poller client = network.openPoller();
                Poller server = network.openPoller()) {
            ListenSocket socket = network.bind(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 80), new ListenOptions(0, false, false));
            server.listen(socket, new AcceptEvents() {
                @Override
                public void accepted(Transport transport) {
                    accepted.add(transport);
                }

                @Override
                public void acceptFailed(int errno) {
                    throw new AssertionError();
                }
            });
            Transport sender = network.open(socket.localAddress(), null);
            client.connect(sender, socket.localAddress(), new Log("client", log));
            while (log.isEmpty() || accepted.isEmpty()) {
                client.poll(0);
                server.poll(0);
            }
            Log receiver = new Log("server", log);
            server.register(accepted.getFirst(), receiver);
            SendQueue queue = new SendQueue();
            for (int sent = 0; sent < BYTES; sent += 100) {
                Block block = SegmentPool.shared().allocate(100);
                for (int i = 0; i < 100; i++) {
                    block.memory().set(ValueLayout.JAVA_BYTE, i, (byte) (sent + i));
                }
                queue.add(Segment.of(block, 0, 100));
            }
            sender.sendRest(queue);
            while (receiver.received < BYTES) {
                client.poll(0);
                server.poll(0);
            }
            network.reset(sender);
            while (!log.contains("server failed") || !log.contains("client failed")) {
                client.poll(0);
                server.poll(0);
            }
            sender.close(false);
            accepted.getFirst().close(false);
        }
        assertThat(SegmentPool.shared().outstandingBlocks()).isEqualTo(blocks);
        return log;
    }

    private static final class Log implements TransportEvents {
        private final String who;
        private final List<String> log;
        private int received;

        Log(String who, List<String> log) {
            this.who = who;
            this.log = log;
        }

        @Override
        public void connected() {
            log.add(who + " connected");
        }

        @Override
        public void received(Segment segment) {
            for (int i = segment.start; i < segment.end; i++) {
                assertThat(segment.memory.get(ValueLayout.JAVA_BYTE, i)).isEqualTo((byte) received++);
            }
            log.add(who + " received " + segment.length());
            segment.free();
        }

        @Override
        public void peerFinished() {
            log.add(who + " finished");
        }

        @Override
        public void peerGone() {
            log.add(who + " gone");
        }

        @Override
        public void sent(long bytes, boolean drained) {
            log.add(who + " sent " + bytes + (drained ? " drained" : ""));
        }

        @Override
        public void failed(int errno) {
            log.add(who + " failed");
        }
    }
}

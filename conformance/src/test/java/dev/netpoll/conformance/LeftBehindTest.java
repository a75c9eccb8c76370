// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.netpoll.Connection;
import dev.netpoll.ConnectionResetException;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawListener;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What peers sent before they reset their connections, which nobody reads and the program keeps: it has a bound. */
@Variants(transports = Transport.TCP4, modes = Mode.VIRTUAL)
class LeftBehindTest extends ConformanceTest {
    private static final long BUDGET = 4 << 20;
    private static final int SENT = 200_000;
    private static final int PEERS = 60;

    /** What loops and peers under way may hold besides. */
    private static final long SLACK = 3 << 20;

    @Test
    void itsMemoryIsBoundedAndTheFirstBytesStayReadable() throws Exception {
        List<Connection> kept = new CopyOnWriteArrayList<>();
        AtomicInteger ended = new AtomicInteger();
        try (EventLoopGroup group = EventLoopGroup.builder()
                        .backend(variant.backend())
                        .loops(1)
                        .memoryBudget(BUDGET)
                        .build();
                Server server = Server.builder()
                        .group(group)
                        .onConnect(connection -> {
                            connection.addCloseCallback(closed -> ended.incrementAndGet());
                            kept.add(connection);
                        })
                        .build()) {
            SocketAddress address = server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            long before = LeakCheck.outstandingBytes();
            for (int i = 0; i < PEERS; i++) {
                int count = i + 1;
                RawPeer peer = net.connectRaw(address);
                peer.send(new byte[SENT]);
                Await.until(
                        "its bytes are there",
                        () -> kept.size() == count && kept.getLast().reader().readableBytes() == SENT);
                peer.reset();
                Await.until(
                        "it has ended",
                        () -> ended.get() == count || kept.getLast().reader().readableBytes() == 0);
            }
            assertThat(LeakCheck.outstandingBytes() - before).isLessThanOrEqualTo(BUDGET / 8 + SLACK);
            assertThat(kept.getFirst().reader().readBytes(SENT)).containsOnly(0);
            assertThatThrownBy(() -> kept.getLast().reader().readByte()).isInstanceOf(ConnectionResetException.class);
            kept.forEach(Connection::close);
            net.awaitMemory("all is back", () -> LeakCheck.outstandingBytes() <= before + SLACK);
        }
        net.takeErrors();
    }

    @Test
    void readingItByteByByteMakesNoGarbage() throws Exception {
        try (RawListener listener = net.listenRaw()) {
            Connection connection = net.closing(net.dialer().build().dial(listener.address()));
            RawPeer peer = net.closing(listener.accept());
            peer.send(new byte[SENT]);
            Await.until("its bytes are there", () -> connection.reader().readableBytes() == SENT);
            peer.reset();
            Await.until("it is known", () -> !connection.isActive());
            readBytes(connection, SENT / 4); // what the first call makes does not count
            long before = allocatedBytes();
            readBytes(connection, SENT / 2);
            assertThat(allocatedBytes() - before).isLessThan(SENT / 2);
        }
        net.takeErrors();
    }

    private static void readBytes(Connection connection, int count) throws IOException {
        for (int i = 0; i < count; i++) {
            connection.reader().readByte();
        }
    }

    private static long allocatedBytes() {
        return ((ThreadMXBean) ManagementFactory.getThreadMXBean()).getCurrentThreadAllocatedBytes();
    }
}

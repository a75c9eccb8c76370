// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.RawListener;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.management.JMException;
import javax.management.ObjectName;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** How much heap a connection holds on which nothing happens. All objects of all classes count. */
@Variants(
        backends = "epoll",
        transports = {Transport.TCP6, Transport.UNIX})
class IdleHeapTest extends ConformanceTest {
    private static final int COUNT = 2000;
    private static final long GOAL_BYTES = 512;

    /** Less would mean that something else was freed meanwhile. */
    private static final long LEAST_BYTES = 300;

    /** What else happens in this JVM may disturb one attempt, but hardly all. */
    private static final int ATTEMPTS = 10;

    @Test
    void anIdleConnectionHoldsAtMost512BytesOfHeapAfterARequest() throws Exception {
        long descriptors = LeakCheck.maxDescriptors();
        Assumptions.assumeTrue(descriptors > 2 * COUNT + 200, () -> "only " + descriptors + " descriptors here");
        assumeTheKernelQueues(COUNT);
        List<Long> found = new ArrayList<>();
        do {
            long peerBytes = bytesOfAPeer();
            found.add(bytesOfAConnectionAndItsPeer() - peerBytes);
        } while (isDisturbed(found.getLast()) && found.size() < ATTEMPTS);
        assertThat(found.getLast())
                .as("bytes of heap per connection, %s", found)
                .isBetween(LEAST_BYTES, GOAL_BYTES);
    }

    private static boolean isDisturbed(long bytes) {
        return bytes < LEAST_BYTES || bytes > GOAL_BYTES;
    }

    private static void assumeTheKernelQueues(int connections) throws IOException {
        // By lines: such a file gives everything to the first read, and readString begins with a single byte.
        long most = Long.parseLong(
                Files.readAllLines(Path.of("/proc/sys/net/core/somaxconn")).getFirst());
        Assumptions.assumeTrue(most > connections, () -> "only " + most + " connections wait to be accepted here");
    }

    /** Peers that nobody accepts: the kernel holds their connections. */
    private long bytesOfAPeer() throws Exception {
        try (RawListener listener = net.listenRaw(2 * COUNT, 0)) {
            close(connect(listener.address())); // what is made once and kept does not count
            long before = heapBytes();
            List<RawPeer> peers = connect(listener.address());
            long bytes = heapBytes() - before;
            close(peers);
            return bytes / COUNT;
        }
    }

    private long bytesOfAConnectionAndItsPeer() throws Exception {
        Listening listening = net.listen(net.server().backlog(2 * COUNT).onRequest(Handlers.echo()));
        close(request(connect(listening.address())));
        awaitNone(listening);
        long before = heapBytes();
        List<RawPeer> peers = request(connect(listening.address()));
        long bytes = heapBytes() - before;
        assertThat(listening.server().connectionCount()).isEqualTo(COUNT);
        close(peers);
        awaitNone(listening);
        return bytes / COUNT;
    }

    private static void awaitNone(Listening listening) {
        listening.awaitNoConnections();
    }

    private List<RawPeer> connect(SocketAddress address) throws IOException {
        List<RawPeer> peers = new ArrayList<>(COUNT);
        for (int i = 0; i < COUNT; i++) {
            peers.add(net.connectRaw(address));
        }
        return peers;
    }

    private static List<RawPeer> request(List<RawPeer> peers) throws IOException {
        for (RawPeer peer : peers) {
            peer.send("hello");
            assertThat(peer.receiveText(5)).isEqualTo("hello");
        }
        return peers;
    }

    private static void close(List<RawPeer> peers) throws IOException {
        for (RawPeer peer : peers) {
            peer.close();
        }
    }

    /** The size of all live objects: the last line of the histogram, which the JVM makes after a full collection. */
    private static long heapBytes() throws JMException {
        String histogram = (String) ManagementFactory.getPlatformMBeanServer()
                .invoke(
                        new ObjectName("com.sun.management:type=DiagnosticCommand"),
                        "gcClassHistogram",
                        new Object[] {new String[0]},
                        new String[] {String[].class.getName()});
        String total = histogram
                .lines()
                .filter(line -> line.startsWith("Total"))
                .findFirst()
                .orElseThrow();
        return Long.parseLong(total.strip().split("\\s+", -1)[2]);
    }
}

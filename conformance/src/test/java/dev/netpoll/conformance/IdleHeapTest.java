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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import javax.management.JMException;
import javax.management.ObjectName;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** How much heap a connection holds on which nothing happens. All objects of all classes count. */
@Variants(
        backends = {"epoll", "io_uring"},
        transports = {Transport.TCP6, Transport.UNIX})
class IdleHeapTest extends ConformanceTest {
    private static final int COUNT = 2000;
    private static final long GOAL_BYTES = 512;

    /** Less would mean that something else was freed meanwhile. */
    private static final long LEAST_BYTES = 300;

    /** What else happens in this JVM may disturb one attempt, but hardly all. */
    private static final int ATTEMPTS = 10;

    /** What the collector fills gaps between live objects with. */
    private static final String FILLER = "[Ljdk.internal.vm.FillerElement;";

    @Test
    void anIdleConnectionHoldsAtMost512BytesOfHeapAfterARequest() throws Exception {
        long descriptors = LeakCheck.maxDescriptors();
        Assumptions.assumeTrue(descriptors > 2 * COUNT + 200, () -> "only " + descriptors + " descriptors here");
        assumeTheKernelQueues(COUNT);
        List<Long> found = new ArrayList<>();
        Heap growth;
        do {
            Heap peers = ofPeers();
            growth = ofConnectionsAndTheirPeers().minus(peers);
            found.add(growth.bytes() / COUNT);
        } while (isDisturbed(found.getLast()) && found.size() < ATTEMPTS);
        assertThat(found.getLast())
                .as("bytes of heap per connection, %s; of the last: %s", found, growth)
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
    private Heap ofPeers() throws Exception {
        try (RawListener listener = net.listenRaw(2 * COUNT, 0)) {
            close(connect(listener.address())); // what is made once and kept does not count
            Heap before = Heap.now();
            List<RawPeer> peers = connect(listener.address());
            Heap growth = Heap.now().minus(before);
            close(peers);
            return growth;
        }
    }

    private Heap ofConnectionsAndTheirPeers() throws Exception {
        Listening listening = net.listen(net.server().backlog(2 * COUNT).onRequest(Handlers.echo()));
        close(request(connect(listening.address())));
        awaitNone(listening);
        Heap before = Heap.now();
        List<RawPeer> peers = request(connect(listening.address()));
        Heap growth = Heap.now().minus(before);
        assertThat(listening.server().connectionCount()).isEqualTo(COUNT);
        close(peers);
        awaitNone(listening);
        return growth;
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

    /** The bytes of all live objects, by class. */
    private record Heap(Map<String, Long> byClass) {
        /** As the JVM's histogram says, which it makes after a full collection. */
        static Heap now() throws JMException {
            String histogram = (String) ManagementFactory.getPlatformMBeanServer()
                    .invoke(
                            new ObjectName("com.sun.management:type=DiagnosticCommand"),
                            "gcClassHistogram",
                            new Object[] {new String[0]},
                            new String[] {String[].class.getName()});
            Map<String, Long> found = new HashMap<>();
            for (String line : histogram.lines().toList()) { // "1: 2000 32000 [B (java.base@25)"
                String[] words = line.strip().split("\\s+", -1);
                if (words.length >= 4 && words[0].endsWith(":") && !words[3].equals(FILLER)) {
                    found.merge(words[3], Long.parseLong(words[2]), Long::sum);
                }
            }
            return new Heap(found);
        }

        Heap minus(Heap other) {
            Map<String, Long> growth = new HashMap<>(byClass);
            other.byClass.forEach((name, bytes) -> growth.merge(name, -bytes, Long::sum));
            return new Heap(growth);
        }

        long bytes() {
            return byClass.values().stream().mapToLong(Long::longValue).sum();
        }

        /** What counts for something, per connection. */
        @Override
        public String toString() {
            return byClass.entrySet().stream()
                    .filter(it -> Math.abs(it.getValue()) >= COUNT)
                    .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
                    .map(it -> it.getKey() + " " + it.getValue() / COUNT)
                    .collect(Collectors.joining(", "));
        }
    }
}

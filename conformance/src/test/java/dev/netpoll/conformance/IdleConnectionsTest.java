// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** Thousands of connections on which nothing happens. */
@Variants(
        transports = {Transport.TCP4, Transport.UNIX},
        modes = Mode.VIRTUAL)
class IdleConnectionsTest extends ConformanceTest {
    private static final int COUNT = 2000;

    @Test
    void twoThousandIdleConnectionsHaveNoThreadAndNoMemoryEach() throws Exception {
        long descriptors = LeakCheck.maxDescriptors();
        Assumptions.assumeTrue(descriptors > 2 * COUNT + 200, () -> "only " + descriptors + " descriptors here");
        int threads = Thread.getAllStackTraces().size();
        long blocks = LeakCheck.outstandingBlocks();
        Listening server = net.listen(net.server().backlog(4096).onRequest(Handlers.echo()));
        List<RawPeer> peers = new ArrayList<>();
        for (int i = 0; i < COUNT; i++) {
            RawPeer peer = net.connectRaw(server.address());
            peer.send("hello");
            peers.add(peer);
        }
        for (RawPeer peer : peers) {
            assertThat(peer.receiveText(5)).isEqualTo("hello");
        }
        assertThat(server.server().connectionCount()).isEqualTo(COUNT);
        assertThat(Thread.getAllStackTraces().size()).isLessThan(threads + 20);
        Await.until(
                "idle connections hold no memory",
                () -> LeakCheck.outstandingBlocks() <= blocks + net.group().loops());
        for (int i = 0; i < COUNT; i += 100) {
            peers.get(i).send("still there?");
            assertThat(peers.get(i).receiveText(12)).isEqualTo("still there?");
        }
    }
}

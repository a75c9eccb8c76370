// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.netpoll.Backend;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import dev.netpoll.buffer.LinkBuffer;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Everything that a test can leave is found, and what it gives back is not. */
class LeakCheckTest {
    private static final Duration MOMENT = Duration.ofMillis(20);

    @Test
    void nothingIsLeft() {
        LeakCheck leaks = LeakCheck.begin(MOMENT);
        assertThat(leaks.leaks()).isEmpty();
        leaks.close();
        leaks.close();
    }

    @Test
    void aBufferThatIsNotClosedIsFound() {
        LeakCheck leaks = LeakCheck.begin(MOMENT);
        try (LinkBuffer buffer = new LinkBuffer()) {
            buffer.writeInt(1);
            assertThat(leaks.leaks()).contains("blocks in use");
            assertThatThrownBy(leaks::close)
                    .isInstanceOf(AssertionError.class)
                    .hasMessageStartingWith("left after the test: ")
                    .hasMessageContaining("blocks in use");
        }
    }

    @Test
    void aGroupThatIsNotClosedIsFound() throws IOException {
        TestNetwork network = TestNetwork.create();
        LeakCheck leaks = LeakCheck.begin(MOMENT);
        try (EventLoopGroup group = EventLoopGroup.builder()
                        .backend(network.backend())
                        .loops(1)
                        .build();
                Server server = Server.builder()
                        .group(group)
                        .onRequest(connection -> {})
                        .build()) {
            server.listen(network.freshAddress());
            assertThatThrownBy(leaks::close).isInstanceOf(AssertionError.class).hasMessageContaining("netpoll-");
        }
    }

    @Test
    void aSocketThatIsNotClosedIsFound() throws IOException {
        assumeTrue(Files.isDirectory(Path.of("/proc/self/fd")), "this system does not show descriptors");
        LeakCheck leaks = LeakCheck.begin(MOMENT);
        try (SocketChannel socket = SocketChannel.open()) {
            assertThat(socket.isOpen()).isTrue();
            assertThatThrownBy(leaks::close).isInstanceOf(AssertionError.class).hasMessageContaining("socket:");
        }
    }

    @Test
    void whatComesBackInTimeIsNoLeak() {
        LeakCheck leaks = LeakCheck.begin();
        LinkBuffer buffer = new LinkBuffer();
        buffer.writeInt(1);
        Thread.startVirtualThread(buffer::close);
        leaks.close();
    }

    @Test
    void whatOnlyTheCollectorBringsBackIsALeakUnlessItIsAllowed() {
        LeakCheck strict = LeakCheck.begin();
        LeakCheck lenient = LeakCheck.begin().allowCollected();
        dropABuffer();
        lenient.close();
        assertThatThrownBy(strict::close).isInstanceOf(AssertionError.class).hasMessageContaining("collector");
    }

    private static void dropABuffer() {
        new LinkBuffer().writeInt(1);
    }

    /** What the JDK opens with the first socket of a process is no leak of the test that comes first. */
    @Test
    void aGroupOfTheJdksChannelsLeavesNothing() throws IOException {
        try (LeakCheck leaks = LeakCheck.begin();
                EventLoopGroup group =
                        EventLoopGroup.builder().backend(Backend.NIO).loops(1).build();
                Server server = Server.builder()
                        .group(group)
                        .onRequest(connection -> {})
                        .build()) {
            server.listen(new java.net.InetSocketAddress(java.net.InetAddress.getLoopbackAddress(), 0));
            assertThat(leaks.leaks()).isNotEmpty();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.DetachedSocket;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.internal.ffi.LibcUnistd;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.testkit.Await;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import org.junit.jupiter.api.Test;

/** Whoever else has a descriptor of the same socket can make it blocking: a loop never waits in it all the same. */
@Variants(
        backends = {"epoll", "io_uring"},
        transports = Transport.TCP4)
class BlockingDescriptorTest extends ConformanceTest {
    /** A receive of the epoll backend takes so much. */
    private static final int RECEIVE = 64 << 10;

    private static void makeBlocking(int fd) {
        Scratch scratch = Scratch.take();
        try {
            assertThat(LibcUnistd.setBlocking(scratch, fd)).isZero();
        } finally {
            scratch.giveBack();
        }
    }

    @Test
    void theOthersOfTheLoopAreServed() throws Exception {
        try (EventLoopGroup group = EventLoopGroup.builder()
                        .backend(variant.backend())
                        .loops(1)
                        .build();
                Server server = Server.builder()
                        .group(group)
                        .dispatch(variant.mode().dispatch())
                        .onRequest(Handlers.echo())
                        .build()) {
            SocketAddress address = server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            RawPeer other = net.connectRaw(address);
            var pair = net.pair();
            DetachedSocket socket = pair.connection().detach();
            int fd = socket.fd();
            Connection blocking = group.adopt(
                    socket,
                    ConnectionOptions.builder().readTimeout(Await.DEADLINE).build());
            makeBlocking(fd);
            for (int size : new int[] {5, RECEIVE, 2 * RECEIVE + 1}) {
                pair.peer().send(new byte[size]);
                blocking.reader().skip(size);
                blocking.reader().release();
                other.send("well");
                assertThat(other.receiveText(4)).isEqualTo("well");
            }
            blocking.close();
        }
    }
}

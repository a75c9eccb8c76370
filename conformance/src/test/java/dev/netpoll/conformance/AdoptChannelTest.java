// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.DetachedSocket;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Adopting channels that have an owner, or are not connected: they are refused, and stay what they were. */
@Variants(
        backends = "nio",
        transports = {Transport.TCP4, Transport.UNIX},
        modes = Mode.VIRTUAL)
class AdoptChannelTest extends ConformanceTest {
    private interface Use {
        void of(SocketChannel client, SocketChannel peer) throws Exception;
    }

    private void withPair(Use use) throws Exception {
        Path directory = Files.createTempDirectory("netpoll");
        SocketAddress address = variant.isTcp()
                ? new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)
                : UnixDomainSocketAddress.of(directory.resolve("socket"));
        try (ServerSocketChannel listener =
                variant.isTcp() ? ServerSocketChannel.open() : ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            listener.bind(address);
            try (SocketChannel client = SocketChannel.open(listener.getLocalAddress());
                    SocketChannel peer = listener.accept()) {
                use.of(client, peer);
            }
        } finally {
            Files.deleteIfExists(directory.resolve("socket"));
            Files.delete(directory);
        }
    }

    private Connection adopt(SocketChannel channel) throws IOException {
        return net.closing(net.group().adopt(DetachedSocket.of(channel), ConnectionOptions.defaults()));
    }

    private void refuses(SocketChannel channel, String errno) {
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> adopt(channel))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining(errno);
        }
        assertThat(channel.isOpen()).isTrue();
    }

    /** The peer's bytes would go now to one connection, now to the other. */
    @Test
    void theChannelOfAConnection() throws Exception {
        withPair((client, peer) -> {
            Connection first = adopt(client);
            refuses(client, "EBUSY");
            peer.write(ByteBuffer.wrap("unhurt".getBytes(UTF_8)));
            assertThat(first.reader().readUtf8(6)).isEqualTo("unhurt");
            SocketChannel again = first.detach().channel();
            assertThat(again).isSameAs(client);
            Connection second = adopt(client);
            peer.write(ByteBuffer.wrap("still".getBytes(UTF_8)));
            assertThat(second.reader().readUtf8(5)).isEqualTo("still");
            refuses(client, "EBUSY");
        });
    }

    @Test
    void aChannelWhoseConnectionIsClosed() throws Exception {
        withPair((client, peer) -> {
            adopt(client).close();
            assertThatThrownBy(() -> adopt(client)).isInstanceOf(IOException.class);
        });
    }

    @Test
    void aChannelThatIsNotConnectedOrHasNotFinished() throws Exception {
        withPair((client, peer) -> {
            SocketAddress address = peer.getLocalAddress();
            try (SocketChannel channel =
                    variant.isTcp() ? SocketChannel.open() : SocketChannel.open(StandardProtocolFamily.UNIX)) {
                refuses(channel, "ENOTCONN");
                channel.configureBlocking(false);
                boolean connected = channel.connect(address);
                if (!connected) {
                    refuses(channel, "ENOTCONN");
                    while (!channel.finishConnect()) {
                        Thread.onSpinWait();
                    }
                }
                assertThat(adopt(channel).isActive()).isTrue();
            }
        });
    }
}

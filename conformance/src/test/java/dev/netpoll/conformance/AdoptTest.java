// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.DetachedSocket;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.Pipe;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Adopting what is no connected stream socket: it is refused, and stays what it was, open and the caller's. */
@Variants(
        backends = {"epoll", "io_uring"},
        transports = Transport.TCP4,
        modes = Mode.VIRTUAL)
class AdoptTest extends ConformanceTest {
    private static final Path DESCRIPTORS = Path.of("/proc/self/fd");

    private static Map<Integer, String> descriptors() throws IOException {
        Map<Integer, String> open = new TreeMap<>();
        try (Stream<Path> links = Files.list(DESCRIPTORS)) {
            for (Path link : links.toList()) {
                try {
                    open.put(
                            Integer.valueOf(link.getFileName().toString()),
                            Files.readSymbolicLink(link).toString());
                } catch (IOException closedMeanwhile) {
                    // It was the one that lists them.
                }
            }
        }
        return open;
    }

    /** {@return the descriptor that is new and has such a target} */
    private static int opened(Map<Integer, String> before, String target) throws IOException {
        Map<Integer, String> now = descriptors();
        now.entrySet().removeAll(before.entrySet());
        return now.entrySet().stream()
                .filter(entry -> entry.getValue().contains(target))
                .findFirst()
                .orElseThrow()
                .getKey();
    }

    private void refuses(int fd) throws IOException {
        String target = descriptors().get(fd);
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> net.group().adopt(DetachedSocket.of(fd), ConnectionOptions.defaults()))
                    .isInstanceOf(IOException.class);
            assertThat(descriptors().get(fd)).as("descriptor %d", fd).isEqualTo(target);
        }
        assertThat(net.group().connectionCount()).isZero();
    }

    /** {@return what it opens} Its first use opens other things, too. */
    private static <T extends AutoCloseable> T again(Callable<T> open) throws Exception {
        open.call().close();
        return open.call();
    }

    @Test
    void aFile() throws Exception {
        Path file = Files.createTempFile("netpoll", ".txt");
        try {
            Files.writeString(file, "content");
            Map<Integer, String> before = descriptors();
            try (InputStream in = new FileInputStream(file.toFile())) {
                refuses(opened(before, file.toString()));
                assertThat(in.readAllBytes()).asString().isEqualTo("content");
            }
        } finally {
            Files.delete(file);
        }
    }

    /** It would have two owners: the second would close, or write into, whatever gets the number next. */
    @Test
    void theDescriptorOfAConnection() throws Exception {
        Pair pair = net.pair();
        DetachedSocket detached = pair.connection().detach();
        Connection first = net.closing(net.group().adopt(detached, ConnectionOptions.defaults()));
        for (int i = 0; i < 3; i++) {
            DetachedSocket same = DetachedSocket.of(detached.fd());
            assertThatThrownBy(() -> net.group().adopt(same, ConnectionOptions.defaults()))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("EBUSY");
            same.close(); // as the documentation says; the descriptor is the connection's
        }
        pair.peer().send("unhurt");
        assertThat(first.reader().readUtf8(6)).isEqualTo("unhurt");
        DetachedSocket again = first.detach();
        Connection second = net.closing(net.group().adopt(DetachedSocket.of(again.fd()), ConnectionOptions.defaults()));
        second.writer().writeUtf8("still").flush();
        assertThat(pair.peer().receiveText(5)).isEqualTo("still");
        second.close();
    }

    @Test
    void eitherEndOfAPipe() throws Exception {
        Map<Integer, String> before = descriptors();
        Pipe pipe = Pipe.open();
        try (Pipe.SourceChannel source = pipe.source();
                Pipe.SinkChannel sink = pipe.sink()) {
            Map<Integer, String> now = descriptors();
            now.entrySet().removeAll(before.entrySet());
            for (Map.Entry<Integer, String> entry : now.entrySet()) {
                if (entry.getValue().startsWith("pipe:")) {
                    refuses(entry.getKey());
                }
            }
            sink.write(ByteBuffer.wrap(new byte[] {7}));
            ByteBuffer received = ByteBuffer.allocate(1);
            source.read(received);
            assertThat(received.get(0)).isEqualTo((byte) 7);
        }
    }

    @Test
    void aDatagramSocket() throws Exception {
        try (DatagramChannel other = again(DatagramChannel::open)) {
            Map<Integer, String> before = descriptors();
            try (DatagramChannel channel = DatagramChannel.open()) {
                channel.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
                refuses(opened(before, "socket:"));
                assertThat(other.send(ByteBuffer.allocate(3), channel.getLocalAddress()))
                        .isEqualTo(3);
                assertThat(channel.receive(ByteBuffer.allocate(3))).isNotNull();
            }
        }
    }

    @Test
    void aListeningSocket() throws Exception {
        try (ServerSocketChannel other = again(ServerSocketChannel::open)) {
            assertThat(other.isOpen()).isTrue();
            Map<Integer, String> before = descriptors();
            try (ServerSocketChannel channel = ServerSocketChannel.open()) {
                channel.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
                refuses(opened(before, "socket:"));
                try (SocketChannel client = SocketChannel.open(channel.getLocalAddress());
                        SocketChannel accepted = channel.accept()) {
                    assertThat(client.write(ByteBuffer.allocate(2))).isEqualTo(2);
                    assertThat(accepted.read(ByteBuffer.allocate(2))).isEqualTo(2);
                }
            }
        }
    }

    @Test
    void aSocketThatIsNotConnected() throws Exception {
        try (SocketChannel other = again(SocketChannel::open)) {
            assertThat(other.isOpen()).isTrue();
            Map<Integer, String> before = descriptors();
            try (SocketChannel channel = SocketChannel.open();
                    ServerSocketChannel listener = ServerSocketChannel.open()) {
                int fd = opened(before, "socket:");
                listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
                refuses(fd);
                channel.connect(listener.getLocalAddress());
                assertThat(channel.isConnected()).isTrue();
            }
        }
    }

    /** The kernel answers nobody while the queue of a listening socket is full. */
    @Test
    void aSocketThatIsStillConnecting() throws Exception {
        try (SocketChannel other = again(SocketChannel::open);
                ServerSocketChannel listener = ServerSocketChannel.open()) {
            assertThat(other.isOpen()).isTrue();
            listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1);
            Deque<SocketChannel> clients = new ArrayDeque<>();
            try {
                int fd;
                do {
                    Map<Integer, String> before = descriptors();
                    SocketChannel channel = SocketChannel.open();
                    clients.push(channel);
                    channel.configureBlocking(false);
                    channel.connect(listener.getLocalAddress());
                    fd = opened(before, "socket:");
                } while (Await.within(Timing.SHORT, clients.peek()::finishConnect) && clients.size() < 20);
                assertThat(clients.peek().isConnectionPending()).isTrue();
                refuses(fd);
                while (!clients.peek().finishConnect()) { // it is unhurt
                    listener.accept().close();
                }
            } finally {
                for (SocketChannel client : clients) {
                    client.close();
                }
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Dispatch;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.memory.MemoryLimitException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A server when other code has used the JVM's direct memory up; in a JVM of its own, with little of it. */
class DirectMemoryTest {
    private static final int CLIENTS = 40;

    /**
     * Not nio, whose buffers are the JDK's. All dispatches in the long suite only: each takes a JVM, which waits
     * seconds for the memory it has not.
     */
    static Stream<Arguments> backendsAndDispatches() {
        List<String> dispatches =
                Boolean.getBoolean("direct.all") ? List.of("adaptive", "virtual", "inline") : List.of("adaptive");
        return Child.backends()
                .filter(b -> !b.equals("nio"))
                .flatMap(b -> dispatches.stream().map(d -> Arguments.of(b, d)));
    }

    @ParameterizedTest
    @MethodSource("backendsAndDispatches")
    void aServerThatNeverHasAnyServes(String backend, String dispatch) throws Exception {
        Child.run(DirectMemoryTest.class, List.of("-XX:MaxDirectMemorySize=256k"), "none", backend, dispatch);
    }

    @ParameterizedTest
    @MethodSource("backendsAndDispatches")
    void aServerThatHasNoneForAMomentLosesNothing(String backend, String dispatch) throws Exception {
        Child.run(DirectMemoryTest.class, List.of("-XX:MaxDirectMemorySize=8m"), "moment", backend, dispatch);
    }

    @Test
    void freeBlocksOfOneSizeMakeRoomForAnother() throws Exception {
        Child.run(DirectMemoryTest.class, List.of("-XX:MaxDirectMemorySize=16m"), "sizes");
    }

    /** Takes all there is in blocks of one size, returns them, and takes others. */
    private static void takeSizes() {
        SegmentPool pool = SegmentPool.shared();
        for (int size : List.of(1 << 10, 1 << 16, 1 << 12, 9 << 20, 1 << 8)) {
            Block first = pool.allocate(size);
            List<Block> taken = new ArrayList<>(List.of(first));
            try {
                while (taken.size() < 100_000) {
                    taken.add(pool.allocate(size));
                }
            } catch (MemoryLimitException e) {
                // no more of this size
            }
            assertThat(taken.size() * (long) size).as("blocks of %d", size).isGreaterThan(8 << 20);
            taken.forEach(Block::release);
        }
    }

    /** The child. */
    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("sizes")) {
            takeSizes();
            System.out.println(Child.DONE);
            return;
        }
        ByteBuffer buffer = ByteBuffer.allocateDirect(1024);
        List<ByteBuffer> used = arguments[0].equals("none") ? useUp() : List.of();
        Dispatch dispatch = switch (arguments[2]) {
            case "virtual" -> Dispatch.virtual();
            case "inline" -> Dispatch.inline();
            default -> Dispatch.adaptive();
        };
        try (EventLoopGroup group = EventLoopGroup.builder()
                        .backend(dev.netpoll.Backend.of(arguments[1]))
                        .loops(2)
                        .build();
                Server server = Server.builder()
                        .group(group)
                        .dispatch(dispatch)
                        .onRequest(c -> {
                            byte[] bytes = c.reader().readBytes((int) c.reader().readableBytes());
                            c.writer().writeBytes(bytes).flush();
                        })
                        .build()) {
            SocketAddress address = server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            if (used.isEmpty()) {
                serve(address, buffer);
                long before = descriptors(server);
                used = useUp();
                serve(address, buffer);
                assertThat(descriptors(server)).as("descriptors").isEqualTo(before);
                used.clear();
            }
            serve(address, buffer);
            assertThat(server.shutdown(Duration.ofSeconds(10))).isTrue();
        }
        System.out.println(Child.DONE);
    }

    private static List<ByteBuffer> useUp() {
        List<ByteBuffer> used = new ArrayList<>();
        for (int size = 1 << 20; size > 0; size /= 64) {
            try {
                while (true) {
                    used.add(ByteBuffer.allocateDirect(size));
                }
            } catch (OutOfMemoryError e) {
                // no more of this size
            }
        }
        return used;
    }

    private static void serve(SocketAddress address, ByteBuffer buffer) throws IOException {
        List<SocketChannel> clients = new ArrayList<>();
        for (int i = 0; i < CLIENTS; i++) {
            clients.add(SocketChannel.open(address));
        }
        for (int round = 0; round < 3; round++) {
            for (SocketChannel client : clients) {
                buffer.clear().limit(100);
                while (buffer.hasRemaining()) {
                    client.write(buffer);
                }
                buffer.clear().limit(100);
                while (buffer.hasRemaining()) {
                    if (client.read(buffer) < 0) {
                        throw new IOException("closed by the server");
                    }
                }
            }
        }
        for (SocketChannel client : clients) {
            client.close();
        }
    }

    /** {@return how many descriptors are open when the server has noticed that its clients are gone} */
    private static long descriptors(Server server) {
        long end = System.nanoTime() + 20_000_000_000L;
        while (server.connectionCount() > 0) {
            assertThat(System.nanoTime()).as("the deadline").isLessThan(end);
            Thread.onSpinWait();
        }
        return openDescriptors();
    }

    private static long openDescriptors() {
        try (Stream<Path> links = Files.list(Path.of("/proc/self/fd"))) {
            return links.filter(DirectMemoryTest::isOfSockets).count();
        } catch (IOException e) {
            return 0; // no /proc here: nothing is checked
        }
    }

    /** Class loading opens jar files when it likes. */
    private static boolean isOfSockets(Path link) {
        try {
            String target = Files.readSymbolicLink(link).toString();
            return target.startsWith("socket:") || target.startsWith("anon_inode:");
        } catch (IOException e) {
            return false; // the descriptor of the listing itself
        }
    }
}

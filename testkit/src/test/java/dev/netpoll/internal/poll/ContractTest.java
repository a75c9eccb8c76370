// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Transport;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.SocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/**
 * What every backend has to do. The test's thread drives one poller; both ends of every connection are registered with
 * it. Each test must leave no block and no descriptor behind.
 */
abstract class ContractTest {
    private static final long DEADLINE_NANOS = 20_000_000_000L;

    final Variant variant;
    final Mechanism backend;
    final long seed = Long.getLong("seed", System.nanoTime());
    final Random random = new Random(seed);
    final List<Transport> open = new ArrayList<>();
    final List<ListenSocket> listening = new ArrayList<>();
    final ArrayDeque<Transport> accepted = new ArrayDeque<>();

    Poller poller;
    private long blocksBefore;
    private List<String> descriptorsBefore;

    /** Two connected, registered transports and what they reported. */
    record Pair(Transport client, Recorder atClient, Transport server, Recorder atServer) {}

    ContractTest(Variant variant) {
        this.variant = variant;
        this.backend = variant.backend();
    }

    @BeforeEach
    void openPoller() throws IOException {
        backend.openPoller().close(); // what the JDK opens once and keeps
        SocketChannel.open().close();
        backend.open(variant.freshAddress(), null).close(false);
        blocksBefore = SegmentPool.shared().outstandingBlocks();
        descriptorsBefore = descriptors();
        poller = backend.openPoller();
    }

    @AfterEach
    void nothingIsLeft() {
        open.forEach(t -> t.close(true));
        accepted.forEach(t -> t.close(true));
        listening.forEach(ListenSocket::close);
        poller.close();
        assertThat(SegmentPool.shared().outstandingBlocks())
                .as("blocks, seed " + seed)
                .isEqualTo(blocksBefore);
        assertThat(descriptors()).as("descriptors, seed " + seed).hasSameSizeAs(descriptorsBefore);
    }

    static List<String> descriptors() {
        List<String> found = new ArrayList<>();
        try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
            files.forEach(f -> {
                try {
                    String target = Files.readSymbolicLink(f).toString();
                    // Class loading opens jar files when it likes.
                    if (target.startsWith("socket:") || target.startsWith("anon_inode:")) {
                        found.add(target);
                    }
                } catch (IOException e) {
                    // the descriptor of the listing itself
                }
            });
        } catch (IOException e) {
            return List.of(); // no /proc here: nothing is checked
        }
        return found;
    }

    /** Polls until the condition holds. */
    void await(BooleanSupplier condition) throws IOException {
        long end = System.nanoTime() + DEADLINE_NANOS;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                throw new AssertionError("not within the deadline, seed " + seed);
            }
            poller.poll(10_000_000);
        }
    }

    /** Polls until everything that is under way has been told. */
    void settle() throws IOException {
        int quiet = 0;
        while (quiet < 3) {
            quiet = poller.poll(5_000_000) == 0 ? quiet + 1 : 0;
        }
    }

    /** Polls until nothing is told at once: enough for what has reached the sockets already. */
    void drain() throws IOException {
        while (poller.poll(1_000_000) > 0) {
            // Goes on as long as there is something to tell.
        }
    }

    ListenSocket listen() throws IOException {
        return listen(variant.freshAddress(), new ListenOptions(0, false, false));
    }

    ListenSocket listen(SocketAddress address, ListenOptions options) throws IOException {
        ListenSocket socket = backend.bind(address, options);
        listening.add(socket);
        poller.listen(socket, new AcceptEvents() {
            @Override
            public void accepted(Transport transport) {
                accepted.add(transport);
            }

            @Override
            public void acceptFailed(int errno) {
                throw new AssertionError(Errno.describe(errno));
            }
        });
        return socket;
    }

    Transport connect(SocketAddress remote, Recorder recorder) throws IOException {
        Transport transport = backend.open(remote, null);
        open.add(transport);
        poller.connect(transport, remote, recorder);
        return transport;
    }

    Pair pair() throws IOException {
        return pair(new Recorder(), new Recorder());
    }

    Pair pair(Recorder atClient, Recorder atServer) throws IOException {
        ListenSocket socket = listen();
        Transport client = connect(socket.localAddress(), atClient);
        await(() -> atClient.connected && !accepted.isEmpty());
        Transport server = accepted.remove();
        open.add(server);
        poller.register(server, atServer);
        socket.close();
        return new Pair(client, atClient, server, atServer);
    }

    /** Closes and makes sure that nothing is reported afterwards. */
    static void close(Transport transport, Recorder recorder, boolean abort) {
        transport.close(abort);
        recorder.closed = true;
    }

    /** A pooled segment with these bytes. */
    static Segment segment(byte[] bytes) {
        Block block = SegmentPool.shared().allocate(Math.max(1, bytes.length));
        MemorySegment.copy(bytes, 0, block.memory(), ValueLayout.JAVA_BYTE, 0, bytes.length);
        return Segment.of(block, 0, bytes.length);
    }

    static SendQueue queue(byte[]... parts) {
        SendQueue queue = new SendQueue();
        for (byte[] part : parts) {
            queue.add(segment(part));
        }
        return queue;
    }

    byte[] randomBytes(int count) {
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        return bytes;
    }

    /** Fills what the kernel takes, and returns how much that was. */
    long fill(Transport transport) {
        long sent = 0;
        int result;
        do {
            SendQueue queue = queue(new byte[64 * 1024]);
            result = transport.send(queue);
            sent += 64 * 1024 - queue.bytes();
            queue.clear();
        } while (result == Transport.SENT);
        assertThat(result).isIn(Transport.WOULD_BLOCK, Transport.GATHERED);
        return sent;
    }
}

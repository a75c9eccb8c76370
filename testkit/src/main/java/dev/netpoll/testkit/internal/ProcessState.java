// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit.internal;

import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A snapshot of what this process holds: descriptors, threads of event loops, and blocks of pooled memory. */
public record ProcessState(int descriptorCount, Set<String> descriptors, List<String> threads, long blocks) {
    private static final Path DESCRIPTORS = Path.of("/proc/self/fd");

    /** {@return a snapshot of now} */
    public static ProcessState now() {
        Set<String> descriptors = openDescriptors();
        return new ProcessState(descriptors.size(), descriptors, liveLoops(), outstandingBlocks());
    }

    /** {@return whether the process holds no more than before, and exactly as many blocks} */
    public boolean isBackAt(ProcessState before) {
        return holdsNoMoreThan(before) && blocks == before.blocks;
    }

    /** {@return whether the process holds no more than before} */
    public boolean holdsNoMoreThan(ProcessState before) {
        return descriptorCount <= before.descriptorCount
                && threads.size() <= before.threads.size()
                && blocks <= before.blocks;
    }

    /** {@return what the process holds beyond that} */
    public String beyond(ProcessState before) {
        Set<String> opened = new TreeSet<>(descriptors);
        opened.removeAll(before.descriptors);
        return "descriptors %d -> %d, new: %s; threads of loops %s -> %s; blocks in use %d -> %d"
                .formatted(
                        before.descriptorCount,
                        descriptorCount,
                        opened,
                        before.threads,
                        threads,
                        before.blocks,
                        blocks);
    }

    /** {@return the targets of this process's open descriptors, without files, which the JVM may open any time} */
    public static Set<String> openDescriptors() {
        if (!canSeeDescriptors()) {
            return Set.of();
        }
        try (Stream<Path> links = Files.list(DESCRIPTORS)) {
            return links.map(ProcessState::target)
                    .filter(target -> !target.isEmpty() && !target.startsWith("/"))
                    .collect(Collectors.toCollection(TreeSet::new));
        } catch (IOException failure) {
            throw new AssertionError(failure);
        }
    }

    /** {@return whether this system shows a process its descriptors} */
    public static boolean canSeeDescriptors() {
        return Files.isDirectory(DESCRIPTORS);
    }

    /** {@return the names of the live threads of event loops} */
    public static List<String> liveLoops() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(ProcessState::isLoop)
                .map(Thread::getName)
                .sorted()
                .toList();
    }

    /** {@return whether the thread belongs to an event loop} */
    public static boolean isLoop(Thread thread) {
        return thread.getName().toLowerCase(Locale.ROOT).contains("netpoll");
    }

    /** {@return how many blocks of pooled memory are in use} */
    public static long outstandingBlocks() {
        return SegmentPool.shared().outstandingBlocks();
    }

    /** {@return how many lost blocks were found so far, after their collection} */
    public static long foundBlocks() {
        return SegmentPool.shared().stats().foundBlocks();
    }

    /** {@return where the blocks in use were handed out, in checked mode} */
    public static String whereBlocksAre() {
        return SegmentPool.shared().whereAllocated();
    }

    /**
     * Makes the JDK open the descriptors that it keeps: those with which it waits for selectors and for the sockets of
     * virtual threads, and closes channels.
     */
    public static void openWhatTheJdkKeeps() throws IOException {
        InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        try (ServerSocketChannel listener = ServerSocketChannel.open().bind(any)) {
            try (Selector selector = Selector.open();
                    SocketChannel channel = SocketChannel.open(listener.getLocalAddress());
                    SocketChannel accepted = listener.accept()) {
                channel.configureBlocking(false).register(selector, SelectionKey.OP_READ);
                accepted.shutdownOutput();
            }
            try (SocketChannel channel = SocketChannel.open(listener.getLocalAddress());
                    SocketChannel accepted = listener.accept()) {
                answerWhoWaits(() -> channel.read(ByteBuffer.allocate(1)), accepted);
            }
            try (Socket socket = new Socket(any.getAddress(), listener.socket().getLocalPort());
                    SocketChannel accepted = listener.accept()) {
                answerWhoWaits(() -> socket.getInputStream().read(), accepted);
            }
        }
    }

    private interface Wait {
        void run() throws IOException;
    }

    private static void answerWhoWaits(Wait wait, SocketChannel peer) throws IOException {
        CountDownLatch read = new CountDownLatch(1);
        Thread reader = Thread.ofVirtual().start(() -> {
            try {
                wait.run();
                read.countDown();
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            }
        });
        Await.until("it waits", () -> reader.getState() == Thread.State.WAITING);
        peer.write(ByteBuffer.allocate(1));
        Await.until("it has read", () -> read.getCount() == 0);
    }

    private static String target(Path link) {
        try {
            // The number tells equal targets apart, such as those of event descriptors.
            String target = Files.readSymbolicLink(link).toString();
            return target.startsWith("/") ? target : target + " as " + link.getFileName();
        } catch (IOException closedMeanwhile) {
            return "";
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.internal.memory.SegmentPool;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
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

/** What this process holds at a moment: descriptors, threads of event loops, and blocks of pooled memory. */
public record ProcessState(int descriptorCount, Set<String> descriptors, List<String> threads, long blocks) {
    private static final Path DESCRIPTORS = Path.of("/proc/self/fd");

    /** {@return what it holds now} */
    public static ProcessState now() {
        Set<String> descriptors = openDescriptors();
        return new ProcessState(descriptors.size(), descriptors, liveLoops(), outstandingBlocks());
    }

    /** {@return whether it holds no more than before, and exactly as many blocks} */
    public boolean isBackAt(ProcessState before) {
        return descriptorCount <= before.descriptorCount
                && threads.size() <= before.threads.size()
                && blocks == before.blocks;
    }

    /** {@return what it holds beyond that} */
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

    /** {@return the targets of this process's open descriptors, but for files that the JVM opens when it likes} */
    public static Set<String> openDescriptors() {
        if (!Files.isDirectory(DESCRIPTORS)) {
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

    /** {@return where those were handed out, in checked mode} */
    public static String whereBlocksAre() {
        return SegmentPool.shared().whereAllocated();
    }

    /** Lets the JDK open what it waits with for the sockets of virtual threads, and what it closes channels with. */
    public static void openWhatTheJdkKeeps() throws IOException {
        try (ServerSocketChannel listener =
                ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))) {
            try (SocketChannel channel = SocketChannel.open(listener.getLocalAddress());
                    SocketChannel accepted = listener.accept()) {
                CountDownLatch read = new CountDownLatch(1);
                Thread reader = Thread.ofVirtual().start(() -> {
                    try (channel) {
                        channel.read(ByteBuffer.allocate(1));
                        read.countDown();
                    } catch (IOException failure) {
                        throw new UncheckedIOException(failure);
                    }
                });
                Await.until("it waits", () -> reader.getState() == Thread.State.WAITING);
                accepted.write(ByteBuffer.allocate(1));
                Await.until("it has read", () -> read.getCount() == 0);
            }
        }
    }

    private static String target(Path link) {
        try {
            // The number makes equal targets, as of event descriptors, different.
            String target = Files.readSymbolicLink(link).toString();
            return target.startsWith("/") ? target : target + " as " + link.getFileName();
        } catch (IOException closedMeanwhile) {
            return "";
        }
    }
}

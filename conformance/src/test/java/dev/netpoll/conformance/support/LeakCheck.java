// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.memory.MemoryStats;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Checks after each test class that descriptors, threads of event loops and segments are back where they were before,
 * and prints what is left if not.
 */
public final class LeakCheck implements BeforeAllCallback, AfterAllCallback {
    private static final ExtensionContext.Namespace NAMESPACE = ExtensionContext.Namespace.create(LeakCheck.class);
    private static final Duration PROMPTLY = Duration.ofSeconds(3);

    @Override
    public void beforeAll(ExtensionContext context) throws IOException {
        openWhatTheJdkKeeps();
        context.getStore(NAMESPACE).put(ProcessState.class, ProcessState.now());
        context.getStore(NAMESPACE).put(MemoryStats.class, SegmentPool.shared().stats());
    }

    @Override
    public void afterAll(ExtensionContext context) {
        ProcessState before = context.getStore(NAMESPACE).get(ProcessState.class, ProcessState.class);
        if (before == null) {
            return;
        }
        MemoryStats memory = context.getStore(NAMESPACE).get(MemoryStats.class, MemoryStats.class);
        awaitBack(context, before);
        long found = SegmentPool.shared().stats().foundBlocks() - memory.foundBlocks();
        if (found > 0 && !context.getRequiredTestClass().isAnnotationPresent(LosesBlocks.class)) {
            throw new AssertionError(context.getDisplayName() + " leaks: " + found + " blocks were collected");
        }
    }

    private static void awaitBack(ExtensionContext context, ProcessState before) {
        if (Await.within(PROMPTLY, () -> ProcessState.now().isBackAt(before))) {
            return;
        }
        // Memory that a thread owned when another one closed the connection comes back when the connection is
        // collected.
        System.gc();
        if (Await.within(Await.DEADLINE, () -> ProcessState.now().isBackAt(before))) {
            return;
        }
        throw new AssertionError(
                context.getDisplayName() + " leaks: " + ProcessState.now().beyond(before));
    }

    /** The JDK opens a socket when it first closes a channel, and keeps it; that is not our leak. */
    private static void openWhatTheJdkKeeps() throws IOException {
        try (ServerSocketChannel listener = ServerSocketChannel.open();
                Selector selector = Selector.open()) {
            listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            try (SocketChannel channel = SocketChannel.open(listener.getLocalAddress());
                    SocketChannel accepted = listener.accept()) {
                channel.configureBlocking(false).register(selector, SelectionKey.OP_READ);
                accepted.shutdownOutput();
            }
        }
        readOnAVirtualThread();
    }

    /** The JDK opens what it waits with for the sockets of virtual threads when the first of them waits. */
    private static void readOnAVirtualThread() throws IOException {
        try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Socket socket = new Socket(listener.getInetAddress(), listener.getLocalPort());
                Socket accepted = listener.accept()) {
            Background<Integer> read =
                    Background.call(() -> socket.getInputStream().read()).awaitBlocked();
            accepted.getOutputStream().write(1);
            read.result();
        }
    }

    /** {@return {@link ProcessState#openDescriptors()}} */
    public static Set<String> descriptors() {
        return ProcessState.openDescriptors();
    }

    /** {@return how many descriptors this process may have, or 0 if that cannot be found out} */
    public static long maxDescriptors() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.UnixOperatingSystemMXBean unix
                ? unix.getMaxFileDescriptorCount()
                : 0;
    }

    /** {@return {@link ProcessState#liveLoops()}} */
    public static List<String> loopThreads() {
        return ProcessState.liveLoops();
    }

    /** {@return whether the thread belongs to an event loop} */
    public static boolean isLoop(Thread thread) {
        return ProcessState.isLoop(thread);
    }

    /** {@return how many blocks of pooled memory are in use} */
    public static long outstandingBlocks() {
        return ProcessState.outstandingBlocks();
    }

    /** {@return the bytes of pooled memory that are in use} */
    public static long outstandingBytes() {
        return SegmentPool.shared().stats().outstandingBytes();
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.testkit.internal.ProcessState;
import java.lang.management.ManagementFactory;
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

    @Override
    public void beforeAll(ExtensionContext context) {
        dev.netpoll.testkit.LeakCheck leaks = dev.netpoll.testkit.LeakCheck.begin();
        if (context.getRequiredTestClass().isAnnotationPresent(LosesBlocks.class)) {
            leaks.allowCollected();
        }
        context.getStore(NAMESPACE).put(dev.netpoll.testkit.LeakCheck.class, leaks);
        context.getStore(NAMESPACE).put(Long.class, outstandingBlocks());
    }

    @Override
    public void afterAll(ExtensionContext context) {
        ExtensionContext.Store store = context.getStore(NAMESPACE);
        dev.netpoll.testkit.LeakCheck leaks =
                store.get(dev.netpoll.testkit.LeakCheck.class, dev.netpoll.testkit.LeakCheck.class);
        Long blocks = store.get(Long.class, Long.class);
        if (leaks == null || blocks == null) {
            return;
        }
        leaks.close();
        if (outstandingBlocks() != blocks) {
            throw new AssertionError(context.getDisplayName() + " gave back more than it took: blocks in use " + blocks
                    + " -> " + outstandingBlocks());
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

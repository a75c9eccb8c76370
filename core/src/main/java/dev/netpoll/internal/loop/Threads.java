// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import java.util.concurrent.Executor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Creates all threads of the library. Any thread may be the one that needs a new thread, such as one user's handler or
 * the first thread to use a group. So a new thread inherits nothing from its creator: no values of
 * {@link InheritableThreadLocal}, and the system's context class loader instead of the creator's.
 *
 * <p><b>Threads.</b> Any.
 */
public final class Threads {
    /** How many virtual threads run at once; see the documentation of {@link Thread}. */
    private static final int CARRIERS = Math.max(
            1,
            Integer.getInteger(
                    "jdk.virtualThreadScheduler.parallelism",
                    Runtime.getRuntime().availableProcessors()));

    /** How many event loops of the process run on virtual threads, those of all groups. */
    private static final AtomicInteger VIRTUAL_LOOPS = new AtomicInteger();

    private static final ThreadFactory HANDLERS =
            Thread.ofVirtual().inheritInheritableThreadLocals(false).factory();

    private Threads() {}

    /**
     * {@return an executor that runs each task on a new virtual thread} If a task is an
     * {@link Thread.UncaughtExceptionHandler}, it is notified if the thread dies, perhaps before the task has begun.
     */
    public static Executor virtualExecutor() {
        return task -> {
            Thread thread = HANDLERS.newThread(task);
            if (task instanceof Thread.UncaughtExceptionHandler handler) {
                thread.setUncaughtExceptionHandler(handler);
            }
            thread.start();
        };
    }

    /** Starts a virtual thread for a task of the library. */
    public static Thread startVirtual(String name, Runnable task) {
        Thread thread = virtual(name, task);
        thread.start();
        return thread;
    }

    /** {@return a virtual thread, not started} */
    static Thread virtual(String name, Runnable task) {
        return Thread.ofVirtual()
                .inheritInheritableThreadLocals(false)
                .name(name)
                .unstarted(task);
    }

    /** {@return a platform daemon thread, not started} */
    @SuppressWarnings("ThreadPriorityCheck") // the default priority, not the creator's
    public static Thread daemon(String name, Runnable task) {
        return Thread.ofPlatform()
                .inheritInheritableThreadLocals(false)
                .priority(Thread.NORM_PRIORITY)
                .daemon()
                .name(name)
                .unstarted(task);
    }

    /** {@return how many threads carry virtual threads} */
    static int carriers() {
        return CARRIERS;
    }

    /** A loop on a virtual thread has started. */
    static void virtualLoopStarted() {
        VIRTUAL_LOOPS.incrementAndGet();
    }

    /** It has ended. */
    static void virtualLoopEnded() {
        VIRTUAL_LOOPS.decrementAndGet();
    }

    /** {@return whether loops on virtual threads may keep all carriers busy} */
    static boolean loopsMayFillCarriers() {
        return VIRTUAL_LOOPS.get() >= CARRIERS;
    }
}

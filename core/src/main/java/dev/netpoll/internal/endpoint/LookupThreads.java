// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.endpoint;

import dev.netpoll.internal.loop.Threads;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The threads that call the system's resolver: at most so many for the process, and none when nobody looks names up. A
 * call keeps its thread, for as long as the resolver likes. So these are platform threads: a virtual thread would keep
 * its carrier, and enough of them would stop all virtual threads of the process. Any thread.
 */
final class LookupThreads {
    private static final long IDLE_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final int limit;
    private final ThreadFactory threadFactory;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition given = lock.newCondition();

    // guarded by lock:
    private final List<Runnable> waiting = new ArrayList<>(); // unlike a deque, sound after it could not grow
    private int threads;
    private int idle;

    LookupThreads(int limit) {
        this(limit, work -> Threads.daemon("netpoll-lookup", work));
    }

    LookupThreads(int limit, ThreadFactory threadFactory) {
        this.limit = limit;
        this.threadFactory = threadFactory;
    }

    /** Runs the task, which throws nothing, on one of the threads when it is free. {@link #withdraw} ends the wait. */
    void run(Runnable task) {
        boolean starts;
        lock.lock();
        try {
            waiting.add(task);
            starts = waiting.size() > idle && threads < limit;
            if (starts) {
                threads++;
            } else {
                given.signal();
            }
        } finally {
            lock.unlock();
        }
        if (starts) {
            start(task);
        }
    }

    private void start(Runnable task) {
        boolean started = false;
        try {
            threadFactory.newThread(this::work).start();
            started = true;
        } finally {
            if (!started) {
                withdraw(task);
                leave();
            }
        }
    }

    /** A thread has failed: another one does what waits for it. If it fails, too, that waits for the next task. */
    private void leave() {
        boolean counts = true;
        boolean replaced = false;
        try {
            counts = leavesWork();
            if (counts) {
                threadFactory.newThread(this::work).start();
                replaced = true;
            }
        } catch (Throwable t) {
            // the caller has an Error to report already
        } finally {
            if (counts && !replaced) {
                uncount();
            }
        }
    }

    /** {@return whether tasks wait; if not, this thread no longer counts} */
    private boolean leavesWork() {
        lock.lock();
        try {
            boolean leaves = waiting.size() > idle;
            if (!leaves) {
                threads--;
            }
            return leaves;
        } finally {
            lock.unlock();
        }
    }

    private void uncount() {
        lock.lock();
        try {
            threads--;
        } finally {
            lock.unlock();
        }
    }

    /** Forgets the task, if it has not begun. */
    void withdraw(Runnable task) {
        lock.lock();
        try {
            waiting.remove(task);
        } finally {
            lock.unlock();
        }
    }

    private void work() {
        boolean ended = false;
        try {
            for (Runnable next = next(); next != null; next = next()) {
                next.run();
            }
            ended = true;
        } finally {
            if (!ended) { // an Error
                leave();
            }
        }
    }

    /** {@return the next task, or null if this thread has left, as there was none for a while} */
    private @Nullable Runnable next() {
        lock.lock();
        try {
            idle++;
            try {
                long left = IDLE_NANOS;
                while (waiting.isEmpty() && left > 0) {
                    left = given.awaitNanos(left);
                }
            } catch (InterruptedException e) {
                // nobody should; another thread can start
            } finally {
                idle--;
            }
            if (waiting.isEmpty()) {
                threads--;
                return null;
            }
            return waiting.removeFirst();
        } finally {
            lock.unlock();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.endpoint;

import dev.netpoll.internal.loop.Threads;
import java.util.ArrayDeque;
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
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition given = lock.newCondition();

    // guarded by lock:
    private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
    private int threads;
    private int idle;

    LookupThreads(int limit) {
        this.limit = limit;
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
            Threads.daemon("netpoll-lookup", this::work).start();
            started = true;
        } finally {
            if (!started) {
                lock.lock();
                try {
                    threads--;
                    waiting.remove(task);
                } finally {
                    lock.unlock();
                }
            }
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
            Runnable next = waiting.poll();
            if (next == null) {
                threads--;
            }
            return next;
        } finally {
            lock.unlock();
        }
    }

    private void leave() {
        lock.lock();
        try {
            threads--;
        } finally {
            lock.unlock();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import java.util.concurrent.locks.LockSupport;
import java.util.function.IntToLongFunction;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * For backends whose pollers only wait on threads: it watches nothing, but keeps time and can be woken. It needs no
 * memory for that. (The locks of the JDK do, and without memory a wait for one of them has no end.)
 */
public final class ParkingWatch implements PollerWatch {
    /** Set by who wakes, then looks at {@code waiter}; the waiter says that it is one, then looks at this. */
    private volatile boolean woken;

    private volatile @Nullable Thread waiter;
    private final LongSupplier cpuNanos;
    private final IntToLongFunction threadCpuNanos;

    /** Makes one that does not know what processor time the process has used. */
    public ParkingWatch() {
        this(() -> -1, thread -> -1);
    }

    /** Makes one that asks for the processor time of the process, or of a thread, on the thread that waits. */
    public ParkingWatch(LongSupplier cpuNanos, IntToLongFunction threadCpuNanos) {
        this.cpuNanos = cpuNanos;
        this.threadCpuNanos = threadCpuNanos;
    }

    @Override
    public void add(Poller poller, int key) {}

    @Override
    public boolean arm(Poller poller, int key) {
        return false;
    }

    @Override
    public int await(long timeoutNanos) {
        waiter = Thread.currentThread();
        long end = System.nanoTime() + timeoutNanos;
        while (!woken) {
            long rest = end - System.nanoTime();
            if (timeoutNanos < 0) {
                LockSupport.park(this);
            } else if (rest > 0) {
                LockSupport.parkNanos(this, rest);
            } else {
                break;
            }
            boolean _ = Thread.interrupted(); // nobody interrupts it with a meaning, and it would end every park
        }
        woken = false;
        return 0;
    }

    @Override
    public int ready(int index) {
        throw new IndexOutOfBoundsException(index);
    }

    @Override
    public long cpuNanos() {
        return cpuNanos.getAsLong();
    }

    @Override
    public long cpuNanos(int thread) {
        return threadCpuNanos.applyAsLong(thread);
    }

    @Override
    public void wakeup() {
        if (!woken) {
            woken = true;
            LockSupport.unpark(waiter);
        }
    }

    @Override
    public void close() {}
}

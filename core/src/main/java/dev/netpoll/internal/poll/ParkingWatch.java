// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import java.util.concurrent.locks.LockSupport;
import java.util.function.IntToLongFunction;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A watch for backends whose pollers only wait on their own threads: it watches nothing, but keeps time and can be
 * woken. It allocates nothing for that. (Waiting for a JDK lock allocates, and without memory such a wait never ends.)
 */
public final class ParkingWatch implements PollerWatch {
    /** A waking thread sets this, then reads {@code waiter}; the waiter sets {@code waiter}, then reads this. */
    private volatile boolean woken;

    private volatile @Nullable Thread waiter;
    private final LongSupplier cpuNanos;
    private final IntToLongFunction threadCpuNanos;

    /** Creates a watch without processor times. */
    public ParkingWatch() {
        this(() -> -1, thread -> -1);
    }

    /** Creates a watch that reads the processor time of the process, or of a thread, on the waiting thread. */
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
            boolean _ = Thread.interrupted(); // an interrupt has no meaning here, and would end every park
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

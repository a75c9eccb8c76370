// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/** For backends whose pollers only wait on threads: it watches nothing, but keeps time and can be woken. */
public final class ParkingWatch implements PollerWatch {
    private final Semaphore woken = new Semaphore(0);
    private final LongSupplier cpuNanos;

    /** Makes one that does not know what processor time the process has used. */
    public ParkingWatch() {
        this(() -> -1);
    }

    /** Makes one that asks {@code cpuNanos} for the processor time, on the thread that waits. */
    public ParkingWatch(LongSupplier cpuNanos) {
        this.cpuNanos = cpuNanos;
    }

    @Override
    public void add(Poller poller, int key) {}

    @Override
    public boolean arm(Poller poller, int key) {
        return false;
    }

    @Override
    public int await(long timeoutNanos) {
        try {
            if (timeoutNanos < 0) {
                woken.acquire();
            } else if (!woken.tryAcquire(timeoutNanos, TimeUnit.NANOSECONDS)) {
                return 0;
            }
            woken.drainPermits();
        } catch (InterruptedException e) {
            // Nobody interrupts it with a meaning; the wait is over.
        }
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
    public void wakeup() {
        if (woken.availablePermits() == 0) {
            woken.release();
        }
    }

    @Override
    public void close() {}
}

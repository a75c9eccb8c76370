// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.buffer;

import io.netty.util.concurrent.FastThreadLocalThread;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Hands things to another thread in batches, over a ring of bounded length. Who puts things in waits while it is full,
 * so a run is as fast as the slower of the two threads.
 *
 * <p>One thread puts in; the other thread belongs to this object and runs from the first batch on. Both wait for a
 * moment on the processor, then sleep, so that waiting for a thread that has no processor hardly counts as
 * {@link ThreadTime}.
 */
final class HandOver implements AutoCloseable {
    private static final int SPINS = 1 << 6;

    private static final VarHandle INDEX = MethodHandles.arrayElementVarHandle(long[].class);

    /** Where the two counts are in {@link #counts}: far from each other and from everything else. */
    private static final int PUT = 32;

    private static final int TAKEN = 64;

    private final Object[][] ring;
    private final long[] counts = new long[96];
    private final Consumer<Object> receiver;
    private final Thread thread;

    private Object[] batch;
    private int filled;
    private long put;
    private volatile boolean closed;

    /** For batches of so many things; {@code batches}, the length of the ring, is a power of two. */
    HandOver(int batchSize, int batches, Consumer<Object> receiver) {
        this.ring = new Object[batches][batchSize];
        this.batch = ring[0];
        this.receiver = receiver;
        this.thread = new FastThreadLocalThread(this::receive, "receiver");
        thread.setDaemon(true);
    }

    /** Puts a thing into the batch, and hands the batch over when it is full. */
    void put(Object thing) {
        batch[filled++] = thing;
        if (filled == batch.length) {
            filled = 0;
            if (put == 0) {
                thread.start();
            }
            INDEX.setRelease(counts, PUT, ++put);
            batch = ring[(int) put & (ring.length - 1)];
            for (int spins = 0; put - (long) INDEX.getAcquire(counts, TAKEN) == ring.length; spins++) {
                pause(spins);
            }
        }
    }

    private void receive() {
        for (long taken = 0; ; ) {
            for (int spins = 0; (long) INDEX.getAcquire(counts, PUT) == taken; spins++) {
                if (closed && (long) INDEX.getAcquire(counts, PUT) == taken) {
                    return;
                }
                pause(spins);
            }
            for (Object thing : ring[(int) taken & (ring.length - 1)]) {
                receiver.accept(thing);
            }
            INDEX.setRelease(counts, TAKEN, ++taken);
        }
    }

    private static void pause(int spins) {
        if (spins % SPINS == SPINS - 1) {
            LockSupport.parkNanos(1);
        } else {
            Thread.onSpinWait();
        }
    }

    /** Hands over what is left, and ends the thread when it has received that. */
    @Override
    public void close() {
        closed = true;
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        for (; filled > 0; filled--) {
            receiver.accept(batch[filled - 1]);
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}

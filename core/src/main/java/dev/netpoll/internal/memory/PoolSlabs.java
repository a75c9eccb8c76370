// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The slabs of a pool: how it grows below its cap, and how it gives back what is not used. {@link SegmentPool} hands
 * out the blocks of these slabs.
 *
 * <p>A size class starts with a small slab and each further one is twice as large, up to 2 MiB, so that a pool that is
 * little used stays small. Slabs that are not used go back to the system, far from the data, by the {@link
 * PoolTrimmer}; but nothing is unmapped that anybody can reach, see {@link SystemMemory}.
 *
 * <p>All slabs together stay below a cap. At the cap, slabs of other classes are given back if they are free.
 *
 * <p><b>Threads.</b> Any. The lock {@link #growth} is the only one of a pool that can park a thread. It is held while a
 * new slab is obtained, and for a moment by a trim. A method that says <i>Locked</i> is called by a thread that has it.
 */
abstract class PoolSlabs {
    final SizeClass[] classes = new SizeClass[SizeClasses.COUNT];
    final SystemMemory system;

    final ReentrantLock growth = new ReentrantLock();
    private final Condition trimClosed = growth.newCondition();
    private int trimsClosing; // guarded by growth: trims that took slabs out and have not given them back yet
    private final AtomicLong trimmedBytes = new AtomicLong();

    private final PoolTrimmer trimmer = new PoolTrimmer() {
        @Override
        boolean trim() {
            return PoolSlabs.this.trim();
        }
    };

    PoolSlabs(long maxBytes) {
        if (maxBytes <= 0) {
            throw new IllegalArgumentException("the cap must be positive: " + maxBytes);
        }
        this.system = new SystemMemory(maxBytes);
        int processors = Runtime.getRuntime().availableProcessors();
        int stripes = Math.min(16, Integer.highestOneBit(Math.max(1, 2 * processors - 1)));
        for (int i = 0; i < classes.length; i++) {
            classes[i] = new SizeClass(i, stripes);
        }
    }

    /** <i>Locked.</i> Puts blocks into the free lists that are free and did not find their way there. */
    abstract void bringBack();

    /** {@return how many bytes were given back to the system so far} */
    final long trimmedBytes() {
        return trimmedBytes.get();
    }

    // ---- growth

    /** <i>Locked.</i> {@return whether the class has a new slab} If not, the cap forbids it. */
    final boolean addSlab(SizeClass sizeClass) {
        int size = sizeClass.wantedSlab();
        while (!system.reserve(size)) { // near the cap: a smaller slab, down to one block
            size /= 2;
            if (size < sizeClass.blockSize) {
                return false;
            }
        }
        sizeClass.add(system.map(size, sizeClass.blockSize));
        trimmer.start();
        MemoryEvents.slab(size, sizeClass.blockSize, system.bytes());
        return true;
    }

    /** <i>Locked.</i> At the cap: waits for a trim under way, gives free slabs back; false if there were none. */
    final boolean makeRoom() {
        boolean closing = trimsClosing > 0;
        while (trimsClosing > 0) {
            trimClosed.awaitUninterruptibly();
        }
        return trimNow() > 0 || closing;
    }

    // ---- trimming

    /** Gives slabs back that were free and unused for a while; returns whether there are some left. For the trimmer. */
    final boolean trim() {
        boolean left = system.unmapRefused();
        system.askAgain();
        Slab unused = null;
        growth.lock();
        try {
            trimsClosing++;
            bringBack();
            for (SizeClass sizeClass : classes) {
                unused = sizeClass.trim(false, unused);
                left |= !sizeClass.isEmpty();
            }
            if (!left) {
                trimmer.ended();
            }
        } finally {
            growth.unlock();
            try {
                giveBack(unused); // without the lock: it takes a while
            } finally {
                trimClosed();
            }
        }
        return left;
    }

    private void trimClosed() {
        growth.lock();
        try {
            trimsClosing--;
            trimClosed.signalAll();
        } finally {
            growth.unlock();
        }
    }

    /** <i>Locked.</i> Gives all free slabs back; returns how many bytes. */
    final long trimNow() {
        Slab unused = null;
        long bytes = 0;
        try {
            for (SizeClass sizeClass : classes) {
                unused = sizeClass.trim(true, unused);
            }
        } finally {
            bytes = giveBack(unused);
        }
        return bytes;
    }

    private long giveBack(@Nullable Slab unused) {
        long bytes = system.park(unused);
        if (bytes > 0) {
            trimmedBytes.addAndGet(bytes);
            MemoryEvents.trim(unused, bytes, system.bytes());
        }
        return bytes;
    }

    /** The trimmer tries again what could not be done now. */
    final void trimmerIsNeeded() {
        growth.lock();
        try {
            trimmer.start();
        } finally {
            growth.unlock();
        }
    }

    /** The trimmer looks now: it finds that there is nothing left, and ends. */
    final void wakeTrimmer() {
        trimmer.wake();
    }
}

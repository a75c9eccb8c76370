// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import dev.netpoll.memory.MemoryLimitException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The slabs of a pool: how it grows below its cap, and how it returns unused memory. {@link SegmentPool} hands out the
 * blocks of these slabs.
 *
 * <p>A size class starts with a small slab and each further one is twice as large, up to 2 MiB, so that a little-used
 * pool stays small. The {@link PoolTrimmer} returns unused slabs to the system, off the data path; but nothing
 * reachable is unmapped, see {@link SystemMemory}.
 *
 * <p>All slabs together stay below a cap. At the cap, the pool returns free slabs of other classes.
 *
 * <p><b>Threads.</b> Any. The lock {@link #growth} is the only one of a pool that can park a thread. A thread holds it
 * while it obtains a new slab, and a trim for a moment. The caller of a method marked <i>Locked</i> has it.
 */
abstract class PoolSlabs {
    final SizeClass[] classes = new SizeClass[SizeClasses.COUNT];
    final SystemMemory system;

    final ReentrantLock growth = new ReentrantLock();
    private final Condition trimClosed = growth.newCondition();
    private int trimsClosing; // guarded by growth: trims that took slabs out and have not returned them yet
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

    /** <i>Locked.</i> Puts into the free lists the free blocks that did not find their way there. */
    abstract void bringBack();

    /** {@return how many bytes were returned to the system so far} */
    final long trimmedBytes() {
        return trimmedBytes.get();
    }

    // ---- growth

    /** <i>Locked.</i> {@return whether the class has got a new slab} If not, the cap forbids it. */
    final boolean addSlab(SizeClass sizeClass) {
        int size = sizeClass.wantedSlab();
        while (!system.reserve(size)) { // near the cap: a smaller slab, down to one block
            size /= 2;
            if (size < sizeClass.blockSize) {
                return false;
            }
        }
        sizeClass.add(obtain(size, sizeClass.blockSize));
        trimmer.start();
        MemoryEvents.slab(size, sizeClass.blockSize, system.bytes());
        return true;
    }

    private Slab obtain(int size, int blockSize) {
        try {
            return system.map(size, blockSize);
        } catch (MemoryLimitException refused) {
            if (!makeRoomInSystem(size)) {
                throw refused;
            }
            return system.map(size, blockSize);
        }
    }

    /** The system refused memory: returns free slabs to it; true if there were some and {@code size} is reserved. */
    final boolean makeRoomInSystem(int size) {
        growth.lock();
        try {
            if (!makeRoom() || !system.reserve(size)) {
                return false;
            }
            system.forgetRefusal();
            return true;
        } finally {
            growth.unlock();
        }
    }

    /** <i>Locked.</i> At the cap: waits for a trim under way, then returns free slabs; false if there were none. */
    final boolean makeRoom() {
        boolean closing = trimsClosing > 0;
        while (trimsClosing > 0) {
            trimClosed.awaitUninterruptibly();
        }
        return trimNow() > 0 || closing;
    }

    // ---- trimming

    /** Gives back slabs that were unused for a while. {@return whether any slabs are left} For the trimmer. */
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

    /** <i>Locked.</i> Gives back all free slabs; returns how many bytes. */
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

    /** Makes the trimmer retry what could not be done now. */
    final void trimmerIsNeeded() {
        growth.lock();
        try {
            trimmer.start();
        } finally {
            growth.unlock();
        }
    }

    /** Wakes the trimmer, which finds nothing left and ends. */
    final void wakeTrimmer() {
        trimmer.wake();
    }
}

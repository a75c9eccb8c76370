// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import dev.netpoll.internal.base.Cleaners;
import java.lang.ref.Cleaner;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Calls a pool's {@link PoolSlabs#trim} now and then, on a virtual thread that exists only while the pool has slabs:
 * the first slab starts it, the trim that finds none ends it. Both happen under the pool's lock.
 */
abstract class PoolTrimmer {
    /**
     * The time between two trims. A slab goes with the second or third trim after its last use, that is within six
     * seconds.
     */
    static final Duration INTERVAL = Duration.ofSeconds(2);

    private static final long LATE_NANOS = Duration.ofSeconds(10).toNanos();

    private volatile @Nullable Thread thread;

    /** When the next trim is due. */
    private volatile long dueAt = System.nanoTime();

    private volatile @Nullable Throwable failed;

    /** Gives back unused slabs; returns whether any are left. */
    abstract boolean trim();

    /** The time between two trims. */
    Duration interval() {
        return INTERVAL;
    }

    /**
     * There is a slab. Under the pool's lock. Called repeatedly while there is one: if no thread can start now, or one
     * has died, the next call starts one.
     */
    void start() {
        Thread current = thread;
        // The thread is lost if there was no memory for the timer of its sleep.
        boolean lost = System.nanoTime() - dueAt > LATE_NANOS;
        if (current == null || !current.isAlive() || lost) {
            dueAt = System.nanoTime();
            try {
                Cleaner _ = Cleaners.cleaner(); // first: see there
                thread = Thread.ofVirtual()
                        .name("netpoll-memory-trimmer")
                        .inheritInheritableThreadLocals(false) // it outlives the thread that needs the first slab
                        .start(this::run);
            } catch (Throwable _) {
                thread = null; // the allocated memory is useful nevertheless
            }
        }
    }

    /** There is no slab any more, and the run that found this ends. Under the pool's lock. */
    void ended() {
        thread = null;
    }

    /** Makes it trim now. */
    void wake() {
        LockSupport.unpark(thread);
    }

    private void run() {
        boolean left = true;
        while (left) {
            try {
                long sleep = interval().toNanos();
                dueAt = System.nanoTime() + sleep;
                LockSupport.parkNanos(this, sleep);
                left = trim();
            } catch (Throwable t) { // whatever it was: there are slabs, and no other thread trims them
                failed = t;
            }
        }
    }

    /** For tests: the last failure of a trim. */
    @Nullable
    Throwable failure() {
        return failed;
    }
}

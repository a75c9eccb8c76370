// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Calls a pool's {@link PoolSlabs#trim} now and then, on a virtual thread that exists only while the pool has slabs:
 * started with the first one, ended by the trim that finds none. Start and end happen under the pool's lock.
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

    /** Gives back what is not used; returns whether there is anything left. */
    abstract boolean trim();

    /** The time between two trims. */
    Duration interval() {
        return INTERVAL;
    }

    /**
     * There is a slab. Under the pool's lock. Called again and again while there is: if no thread can be had now, or
     * one has died, the next call makes one.
     */
    void start() {
        Thread current = thread;
        // It is lost if there was no memory for the timer that was to end its sleep.
        boolean lost = System.nanoTime() - dueAt > LATE_NANOS;
        if (current == null || !current.isAlive() || lost) {
            dueAt = System.nanoTime();
            try {
                thread = Thread.ofVirtual()
                        .name("netpoll-memory-trimmer")
                        .inheritInheritableThreadLocals(false) // it outlives whoever happens to need the first slab
                        .start(this::run);
            } catch (Throwable _) {
                thread = null; // what was allocated is of use nevertheless
            }
        }
    }

    /** There is none any more, and the run that found it out ends. Under the pool's lock. */
    void ended() {
        thread = null;
    }

    /** Makes it look now. */
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
            } catch (Throwable t) { // whatever it was: there are slabs, and nobody else looks after them
                failed = t;
            }
        }
    }

    /** For tests: what a trim failed of last. */
    @Nullable
    Throwable failure() {
        return failed;
    }
}

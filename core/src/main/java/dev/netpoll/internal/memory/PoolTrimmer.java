// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Calls a pool's {@link SegmentPool#trim} now and then, on a virtual thread that exists only while the pool has slabs:
 * started with the first one, ended by the trim that finds none. Start and end happen under the pool's lock.
 */
final class PoolTrimmer {
    /**
     * The time between two trims. A slab goes with the second or third trim after its last use, that is within six
     * seconds.
     */
    static final Duration INTERVAL = Duration.ofSeconds(2);

    private final SegmentPool pool;
    private volatile @Nullable Thread thread;

    PoolTrimmer(SegmentPool pool) {
        this.pool = pool;
    }

    /** There is a slab. Under the pool's lock. */
    void start() {
        if (thread == null) {
            thread = Thread.ofVirtual()
                    .name("netpoll-memory-trimmer")
                    .inheritInheritableThreadLocals(false) // it outlives whoever happens to need the first slab
                    .start(this::run);
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
        do {
            LockSupport.parkNanos(this, INTERVAL.toNanos());
        } while (pool.trim());
    }
}

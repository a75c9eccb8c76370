// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A driver's wait after a failed turn. A virtual thread that sleeps is lost if there is no memory for the timer that
 * would wake it. So it parks, and the supervisor watches the clock.
 */
final class Pause {
    /** How often the supervisor checks whether the driver has ended its pause. */
    private static final long LOOK_NANOS = Duration.ofMillis(1).toNanos();

    private volatile boolean lasts;

    /** By {@link System#nanoTime()}. */
    private volatile long end;

    /** The calling driver waits. */
    void take(@Nullable Supervisor overseer, long nanos) {
        if (overseer == null || !Thread.currentThread().isVirtual()) {
            LockSupport.parkNanos(this, nanos);
            return;
        }
        end = System.nanoTime() + nanos;
        lasts = true;
        try {
            overseer.notice();
            while (end - System.nanoTime() > 0) {
                LockSupport.park(this);
            }
        } finally {
            lasts = false;
        }
    }

    /** {@return whether a driver waits for the supervisor to wake it} Any thread. */
    boolean lasts() {
        return lasts;
    }

    /** Wakes the driver if its pause is over; {@return after how many nanoseconds to look again} Supervisor only. */
    long look(long now, @Nullable Driver driver) {
        long left = end - now;
        if (left <= 0 && driver != null) {
            LockSupport.unpark(driver.thread);
        }
        return Math.max(left, LOOK_NANOS);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.transport;

import dev.netpoll.internal.base.Log;
import dev.netpoll.internal.base.RateLimit;
import java.util.concurrent.atomic.LongAdder;

/**
 * Counts, and occasionally logs, sockets that stop reading for lack of memory. Arriving bytes stay in the kernel
 * meanwhile, so the peer feels back-pressure. Any thread.
 */
public final class Starvation {
    /** After how long to check for memory again. */
    public static final long RETRY_NANOS = 10_000_000;

    private static final long LOG_NANOS = 10_000_000_000L;

    private static final LongAdder WAITS = new LongAdder();
    private static final RateLimit LOGS = new RateLimit(LOG_NANOS);

    private Starvation() {}

    /** {@return how often a socket of this process has begun to wait for memory} */
    public static long waits() {
        return WAITS.sum();
    }

    /** A socket begins to wait. Never throws: without memory, both counting and logging may fail. */
    public static void began() {
        try {
            WAITS.increment();
            if (LOGS.tryPass()) {
                Log.log(
                        System.Logger.Level.WARNING,
                        "buffer memory is used up; reading waits until some is given back (so far " + waits()
                                + " times)",
                        null);
            }
        } catch (Throwable t) {
            // Logged or not, reading waits.
        }
    }
}

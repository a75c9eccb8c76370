// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.transport;

import dev.netpoll.internal.base.Log;
import dev.netpoll.internal.base.RateLimit;
import java.util.concurrent.atomic.LongAdder;

/**
 * Reading that waits because there is no memory to receive into: counted, and now and then said. What arrives stays in
 * the kernel meanwhile, and holds the peer up. Any thread.
 */
public final class Starvation {
    /** After so long it is looked whether there is memory again. */
    public static final long RETRY_NANOS = 10_000_000;

    private static final long LOG_NANOS = 10_000_000_000L;

    private static final LongAdder WAITS = new LongAdder();
    private static final RateLimit LOGS = new RateLimit(LOG_NANOS);

    private Starvation() {}

    /** {@return how often a socket began to wait for memory so far, in this process} */
    public static long waits() {
        return WAITS.sum();
    }

    /** A socket waits. Never throws: without memory, neither counting nor saying so may succeed. */
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
            // Said or not, reading waits.
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import java.util.concurrent.atomic.AtomicLong;
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
    private static final AtomicLong LOGGED_AT = new AtomicLong(System.nanoTime() - LOG_NANOS);

    /** Not loaded before there is something to say. */
    private static final class Log {
        private static final System.Logger LOGGER = System.getLogger("dev.netpoll");
    }

    private Starvation() {}

    /** {@return how often a socket began to wait for memory so far, in this process} */
    public static long waits() {
        return WAITS.sum();
    }

    /** A socket waits. Never throws: without memory, neither counting nor saying so may succeed. */
    public static void began() {
        try {
            WAITS.increment();
            long before = LOGGED_AT.get();
            long now = System.nanoTime();
            if (now - before >= LOG_NANOS && LOGGED_AT.compareAndSet(before, now)) {
                Log.LOGGER.log(
                        System.Logger.Level.WARNING,
                        "buffer memory is used up; reading waits until some is given back (so far " + waits()
                                + " times)");
            }
        } catch (Throwable t) {
            // Said or not, reading waits.
        }
    }
}

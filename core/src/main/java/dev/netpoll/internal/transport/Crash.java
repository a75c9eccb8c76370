// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.transport;

import dev.netpoll.internal.base.Log;
import dev.netpoll.internal.base.RateLimit;

/** Handles an exception thrown by an event of one socket: that socket fails, the others go on. Any thread. */
public final class Crash {
    private static final long LOG_NANOS = 1_000_000_000L;

    private static final RateLimit LOGS = new RateLimit(LOG_NANOS);

    private Crash() {}

    /** {@return the error number for a socket whose event threw this} */
    public static int errno(Throwable thrown) {
        return thrown instanceof OutOfMemoryError ? Errno.ENOMEM : Errno.EIO;
    }

    /** Logs it, at most once per second. Never throws. Call it last. */
    public static void log(String socket, Throwable thrown) {
        try {
            if (LOGS.tryPass()) {
                Log.log(System.Logger.Level.ERROR, "an event of a " + socket + " failed, and so does it", thrown);
            }
        } catch (Throwable t) {
            // Logged or not, the socket fails.
        }
    }
}

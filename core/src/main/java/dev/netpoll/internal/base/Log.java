// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.base;

import java.lang.invoke.MethodHandles;
import org.jspecify.annotations.Nullable;

/**
 * The library's logger. Callers do everything else first, as logging may fail; it never throws. Any thread.
 *
 * <p>The logger is looked up when there is something to log, because that takes a while; but not while memory is short:
 * a class whose initialisation fails stays broken, and half of the logging with it.
 */
public final class Log {
    private static volatile System.@Nullable Logger logger;

    static { // callers name a level outside of any try: its class must not be initialised while the heap is full
        Classes.initialize(MethodHandles.lookup(), System.Logger.Level.class);
    }

    private Log() {}

    /** Looks up the logger early, so that it exists even when memory or descriptors are short. */
    public static void find() {
        logger = System.getLogger("dev.netpoll");
    }

    /** Logs a message. */
    public static void log(System.Logger.Level level, String message, @Nullable Throwable cause) {
        log(level, message, null, cause);
    }

    /** Logs a message followed by the name of its subject; joins them only if the message will be logged. */
    public static void log(
            System.Logger.Level level, String message, @Nullable String subject, @Nullable Throwable cause) {
        boolean _ = tryLog(level, message, subject, cause);
    }

    /** Logs a message; {@return whether that succeeded} */
    public static boolean tryLog(
            System.Logger.Level level, String message, @Nullable String subject, @Nullable Throwable cause) {
        try {
            if (logger == null && !(cause instanceof VirtualMachineError)) {
                find();
            }
            System.Logger found = logger;
            if (found == null) {
                return false;
            }
            found.log(level, subject == null ? message : message + subject, cause);
            return true;
        } catch (Throwable t) {
            return false; // nowhere to report it
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.base;

import java.lang.ref.Cleaner;
import org.jspecify.annotations.Nullable;

/**
 * The library's cleaner, whose one thread frees what users have forgotten. It starts on demand and not in a static
 * initialiser: the system may refuse a thread for a moment, and a class whose initialisation fails stays broken. Event
 * loop groups start it, so that it exists before anything that needs it can be closed. They do so before they use a
 * virtual thread: the JDK's class of those starts a thread, too, and stays broken if that is refused. Any thread.
 */
public final class Cleaners {
    private static volatile @Nullable Cleaner started;

    private Cleaners() {}

    /** {@return the cleaner} Throws OutOfMemoryError if its thread can't start now; the next call tries again. */
    public static Cleaner cleaner() {
        Cleaner present = started;
        return present != null ? present : start();
    }

    private static synchronized Cleaner start() {
        Cleaner present = started;
        if (present == null) {
            present = Cleaner.create();
            started = present;
        }
        return present;
    }
}

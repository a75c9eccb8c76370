// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import org.jspecify.annotations.Nullable;

/**
 * Finds the driver of a virtual thread. A thread-local would create a map in every thread that asks. This is a table of
 * the few existing drivers by thread id: a lookup costs one read and one comparison. Any thread.
 */
final class VirtualDrivers {
    private static final int LEAST_SLOTS = 64;

    /** Open addressing, at most a quarter full; replaced as a whole by each change. */
    private static volatile @Nullable Driver[] table = new Driver[LEAST_SLOTS];

    private VirtualDrivers() {}

    static @Nullable Driver find(Thread thread) {
        @Nullable Driver[] drivers = table;
        int mask = drivers.length - 1;
        for (int i = (int) thread.threadId() & mask; ; i = (i + 1) & mask) {
            Driver driver = drivers[i];
            if (driver == null || driver.thread == thread) {
                return driver;
            }
        }
    }

    static synchronized void add(Driver added) {
        table = rebuilt(added, null);
    }

    /** Without memory for a new table the driver stays in this one until the next change, where it does no harm. */
    static synchronized void remove(Driver removed) {
        try {
            table = rebuilt(null, removed);
        } catch (OutOfMemoryError e) {
            // see above
        }
    }

    private static @Nullable Driver[] rebuilt(@Nullable Driver added, @Nullable Driver removed) {
        int count = 1;
        for (Driver driver : table) {
            count += driver == null ? 0 : 1;
        }
        @Nullable Driver[] next = new Driver[Math.max(LEAST_SLOTS, Integer.highestOneBit(count) * 8)];
        for (Driver driver : table) {
            if (driver != null && driver != removed && driver.thread.getState() != Thread.State.TERMINATED) {
                put(next, driver);
            }
        }
        if (added != null) {
            put(next, added);
        }
        return next;
    }

    private static void put(@Nullable Driver[] drivers, Driver driver) {
        int mask = drivers.length - 1;
        int i = (int) driver.thread.threadId() & mask;
        while (drivers[i] != null) {
            i = (i + 1) & mask;
        }
        drivers[i] = driver;
    }
}

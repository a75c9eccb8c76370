// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.base;

import java.lang.invoke.MethodHandles;

/**
 * Initialises classes early. A class whose first use comes while the heap is full, or while no descriptor is left to
 * open its file, fails and stays unusable until the process ends. So all classes that serve connections are ready
 * before the first connection.
 */
public final class Classes {
    private Classes() {}

    /** Initialises the classes, to which {@code caller} has access. */
    public static void initialize(MethodHandles.Lookup caller, Class<?>... classes) {
        for (Class<?> each : classes) {
            try {
                caller.ensureInitialized(each);
            } catch (IllegalAccessException e) {
                throw new ExceptionInInitializerError(e);
            }
        }
    }
}

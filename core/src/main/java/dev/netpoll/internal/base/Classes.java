// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.base;

import java.lang.invoke.MethodHandles;

/**
 * Initialises classes early. One that is first used while the heap is full, or while there is no descriptor to open its
 * file with, fails, and then is unusable for as long as the process lives. So what serves connections is ready before
 * there is one.
 */
public final class Classes {
    private Classes() {}

    /** Initialises the classes, which {@code caller} has access to. */
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

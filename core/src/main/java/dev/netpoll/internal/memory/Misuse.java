// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import org.jspecify.annotations.Nullable;

/** What is said, and thrown on, when a buffer is in a state that one thread brings about only if an Error strikes. */
final class Misuse {
    /** No chain has more, but one of which two threads have made a ring. */
    static final int MOST_SEGMENTS = 1 << 24;

    private Misuse() {}

    /** {@code value}, which is there unless somebody else took it at the same time. */
    static <T> T present(@Nullable T value) {
        if (value == null) {
            throw twoThreads();
        }
        return value;
    }

    /** {@code length}, unless two threads have moved the ends past each other: who counts down by it has no end. */
    static int notNegative(int length) {
        if (length < 0) {
            throw twoThreads();
        }
        return length;
    }

    /** Throws unless all is well. */
    static void unless(boolean well) {
        if (!well) {
            throw twoThreads();
        }
    }

    /** What is thrown then. */
    static IllegalStateException twoThreads() {
        return new IllegalStateException(
                "a buffer was used by two threads at once, after it was given up, or after an Error in it");
    }

    /** Throws what is unchecked as it is; returns nothing. */
    static RuntimeException rethrown(Throwable unchecked) {
        if (unchecked instanceof Error e) {
            throw e;
        }
        throw (RuntimeException) unchecked;
    }
}

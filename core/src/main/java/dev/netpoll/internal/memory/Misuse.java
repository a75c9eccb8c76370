// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import org.jspecify.annotations.Nullable;

/** Detects states of a buffer that a single thread causes only if an Error strikes. */
final class Misuse {
    /** No valid chain has more: a longer one is a ring that two threads made. */
    static final int MOST_SEGMENTS = 1 << 24;

    private Misuse() {}

    /** {@code value}, which is null only if another thread took it at the same time. */
    static <T> T present(@Nullable T value) {
        if (value == null) {
            throw twoThreads();
        }
        return value;
    }

    /** {@code length}; negative if two threads moved the ends past each other, and then counting down never ends. */
    static int notNegative(int length) {
        if (length < 0) {
            throw twoThreads();
        }
        return length;
    }

    /** Throws unless {@code well}. */
    static void unless(boolean well) {
        if (!well) {
            throw twoThreads();
        }
    }

    /** {@return the exception for such a state} */
    static IllegalStateException twoThreads() {
        return new IllegalStateException(
                "a buffer was used by two threads at once, after it was given up, or after an Error in it");
    }

    /** Throws an unchecked exception unchanged; returns nothing. */
    static RuntimeException rethrown(Throwable unchecked) {
        if (unchecked instanceof Error e) {
            throw e;
        }
        throw (RuntimeException) unchecked;
    }
}

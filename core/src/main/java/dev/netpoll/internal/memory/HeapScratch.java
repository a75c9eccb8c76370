// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * Arrays for bytes that pass through the heap on their way into a string. The process shares a few, one thread at a
 * time each; a thread that finds none creates one.
 */
final class HeapScratch {
    /** The length of each array. */
    static final int SIZE = 8 << 10;

    private static final int SLOTS = 16;
    private static final int SPREAD = 16; // so that two slots don't share a cache line
    private static final VarHandle SLOT = MethodHandles.arrayElementVarHandle(byte[][].class);
    private static final byte[] @Nullable [] ARRAYS = new byte[SLOTS * SPREAD][];

    private HeapScratch() {}

    /** Takes an array with arbitrary content; give it back with {@link #give}. */
    static byte[] take() {
        byte[] array = (byte[]) SLOT.getAndSet(ARRAYS, slot(), (byte[]) null);
        return array != null ? array : new byte[SIZE];
    }

    /** Returns an array. */
    static void give(byte[] array) {
        SLOT.setRelease(ARRAYS, slot(), array);
    }

    private static int slot() {
        return (int) (Thread.currentThread().threadId() % SLOTS) * SPREAD;
    }
}

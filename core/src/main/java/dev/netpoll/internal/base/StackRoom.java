// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.base;

/**
 * Lets a call that must not stop half-way fail at its beginning, if its thread has too little stack left: a handler may
 * have used up nearly all of it.
 */
public final class StackRoom {
    /** For what a close or a pause does: some 20 frames. It takes about 30 ns, too much for a flush. */
    private static final int SOME = 48;

    /** For what allocates, waits or calls much else, also of the JDK, whose locks a failed call may leave taken. */
    private static final int MUCH = 400;

    private StackRoom() {}

    /** Throws {@link StackOverflowError} unless there is room for some frames. */
    public static void needSome() {
        int _ = take(SOME);
    }

    /** Throws {@link StackOverflowError} unless there is room for many frames. */
    public static void needMuch() {
        int _ = take(MUCH);
    }

    private static int take(int frames) {
        return frames == 0 ? 0 : 1 + take(frames - 1);
    }
}

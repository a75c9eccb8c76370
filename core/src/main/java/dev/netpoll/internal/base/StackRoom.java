// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.base;

/**
 * Checks the remaining stack, so that a call that must not stop half-way fails at its beginning instead: a handler may
 * have used up nearly all of the stack.
 */
public final class StackRoom {
    /** Enough for a close or a pause: about 20 frames. The check takes about 30 ns, too much for a flush. */
    private static final int SOME = 48;

    /** Enough for calls that allocate, wait or go deep into the JDK, whose locks a failed call may leave taken. */
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

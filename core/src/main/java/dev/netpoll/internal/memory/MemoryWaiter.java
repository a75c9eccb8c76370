// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import org.jspecify.annotations.Nullable;

/** Somebody who waits for memory in a {@link MemoryTurns}, and who is a link of the line of those who do. */
public abstract class MemoryWaiter {
    /** How long one may go on in all, and without a byte, if somebody else waits for that. */
    private static final long TURN_NANOS = 1_000_000_000;

    private static final long SILENCE_NANOS = 150_000_000;

    @Nullable
    MemoryWaiter previous; // this and the next guarded by the lock

    @Nullable
    MemoryWaiter following;

    /** Where it waits. Written under the lock. */
    volatile @Nullable WaitingLine line;

    /** Whether it went on for too long. Written under the lock. */
    volatile boolean stalled;

    /** Whether the message it wants is small. Written by the one thread that asks for it. */
    volatile boolean small;

    /** Up to how many bytes in all it may hold, if it is admitted. Written under the lock. */
    volatile long admittedUpTo;

    /** Its part of {@code granted}. Guarded by the lock. */
    long grant;

    /** Whether it was told to give up what it holds. Guarded by the lock. */
    boolean givesUp;

    private volatile long beganAt;
    private volatile long gotAt;

    /** For subclasses. */
    protected MemoryWaiter() {}

    /**
     * There may be memory again: look, and wait again if there is not. Called once for each time it waits, by the
     * thread that gave memory back, which may be any, even before {@code await} returns. Must not block, and
     * should not throw.
     */
    protected abstract void memoryReturned();

    /** How many bytes it holds. Any thread. */
    protected long held() {
        return 0;
    }

    /** It is to give up what it holds. Any thread; must neither block nor throw. */
    protected void heldTooLong() {}

    final void begin() {
        long now = System.nanoTime();
        beganAt = now;
        gotAt = now;
    }

    final void got() {
        gotAt = System.nanoTime();
    }

    final boolean isTooSlow() {
        long now = System.nanoTime();
        return now - beganAt > TURN_NANOS || now - gotAt > SILENCE_NANOS;
    }
}

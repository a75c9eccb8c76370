// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import org.jspecify.annotations.Nullable;

/** A waiter for memory in a {@link MemoryTurns}, and a link of its line. */
public abstract class MemoryWaiter {
    /** How long one may continue in all, and without a byte, if another waiter wants to. */
    static final long TURN_NANOS = 1_000_000_000;

    private static final long SILENCE_NANOS = 150_000_000;

    /** How long one that has the turn and finds no memory waits before others give up theirs. */
    private static final long PATIENCE_NANOS = 50_000_000;

    /** After this time, one that was too slow may try once more. */
    private static final long FORGIVING_NANOS = 2_000_000_000;

    @Nullable
    MemoryWaiter previous; // this and the next guarded by the lock

    @Nullable
    MemoryWaiter following;

    /** The line it waits in. Written under the lock. */
    volatile @Nullable WaitingLine line;

    /** Whether it continued for too long. Written under the lock. */
    volatile boolean stalled;

    /** Since when; and whether this was forgiven, once for each message. Written under the lock. */
    private volatile long stalledAt;

    volatile boolean forgiven;

    /** Whether the message it wants is small. Written by the one thread that asks. */
    volatile boolean small;

    /** How many bytes it asked for last. Written by the one thread that asks. */
    volatile long missing;

    /** How many bytes in all it may hold, if it is admitted. Written under the lock. */
    volatile long admittedUpTo;

    /** Its part of {@code granted}. Guarded by the lock. */
    long grant;

    /** Its part of {@code known}. Written under the lock. */
    volatile long known;

    /** Its part of {@code inVain}. Guarded by the lock. */
    long inVain;

    /** Whether it was told to give up what it holds. Guarded by the lock. */
    boolean givesUp;

    /** Whether it has continued with the message that it waits for. */
    volatile boolean wentOn;

    /** What it held when it last received something, or 0. For the one thread that asks and receives. */
    private long heldThen;

    private volatile long beganAt;
    private volatile long gotAt;

    /** For subclasses. */
    protected MemoryWaiter() {}

    /**
     * There may be memory again: check, and wait again if there is none. Called once for each wait, by the thread that
     * returned memory, which may be any, even before {@code await} returns. Must not block, and should not throw.
     */
    protected abstract void memoryReturned();

    /** The bytes of a message that it holds. Any thread. */
    protected long held() {
        return 0;
    }

    /** The bytes it has received that the program keeps. Any thread. */
    protected long kept() {
        return 0;
    }

    /** {@return whether bytes have arrived that only memory keeps it from} Any thread. */
    protected boolean isBlocked() {
        return true;
    }

    /** Gives up what it holds. Any thread; must neither block nor throw. */
    protected void heldTooLong() {}

    final void begin() {
        long now = System.nanoTime();
        beganAt = now;
        gotAt = now;
        wentOn = true;
    }

    final void stall() {
        stalledAt = System.nanoTime();
        stalled = true;
    }

    /** {@return whether it has been stalled for long enough to be forgiven, and was not forgiven before} */
    public final boolean isForgivable() {
        return stalled && !forgiven && System.nanoTime() - stalledAt > FORGIVING_NANOS;
    }

    final void forgive() {
        forgiven = true;
        stalled = false;
    }

    /** Notes that it asks: for more of the same message, unless it holds less than before. {@return what it holds} */
    final long ask() {
        long holds = held();
        if (holds < heldThen) {
            wentOn = false;
        }
        heldThen = 0;
        return holds;
    }

    final void got() {
        gotAt = System.nanoTime();
        heldThen = held();
    }

    /** {@return whether it has received nothing for as long as a turn may last} */
    final boolean isStuck() {
        return System.nanoTime() - gotAt > TURN_NANOS;
    }

    /** {@return whether it has received nothing for a while} */
    final boolean isSilent() {
        return System.nanoTime() - gotAt > PATIENCE_NANOS;
    }

    final boolean isTooSlow() {
        long now = System.nanoTime();
        return now - beganAt > TURN_NANOS || now - gotAt > SILENCE_NANOS;
    }
}

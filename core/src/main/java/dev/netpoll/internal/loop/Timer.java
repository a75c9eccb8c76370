// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

/** A callback that a loop makes when a deadline passes. Loop only. Armed on at most one loop at a time. */
public abstract class Timer {
    /** When it expires, in terms of {@link System#nanoTime()}; meaningful while armed. */
    long deadline;

    /** Its index in the heap, or -1 while it is not armed. */
    int index = -1;

    /** Called on the loop when the deadline has passed; the timer is then no longer armed. Must not throw. */
    protected abstract void expired(long now);

    /** {@return whether it is armed} */
    public final boolean isArmed() {
        return index >= 0;
    }

    /** {@return the deadline it is armed with} */
    public final long deadline() {
        return deadline;
    }
}

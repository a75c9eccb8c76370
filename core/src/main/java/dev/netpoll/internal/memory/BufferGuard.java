// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import dev.netpoll.internal.base.Cleaners;
import org.jspecify.annotations.Nullable;

/**
 * Checked mode: watches one buffer. It knows where the buffer was created and closed, and reports the buffer if it
 * becomes unreachable while it holds memory.
 */
public final class BufferGuard implements Runnable {
    private final String name;
    private final SegmentReader readable;
    private volatile @Nullable SegmentWriter pending;
    private final Throwable madeAt = CheckedMode.here("made");
    private volatile @Nullable Throwable closedAt;

    private BufferGuard(String name, SegmentReader readable, @Nullable SegmentWriter pending) {
        this.name = name;
        this.readable = readable;
        this.pending = pending;
    }

    /** Creates a guard of {@code buffer}, a {@code name} with these two halves; null unless in checked mode. */
    public static @Nullable BufferGuard watch(
            String name, Object buffer, SegmentReader readable, @Nullable SegmentWriter pending) {
        if (!CheckedMode.ON) {
            return null;
        }
        BufferGuard guard = new BufferGuard(name, readable, pending);
        Cleaners.cleaner().register(buffer, guard);
        return guard;
    }

    /** Notes the buffer's writing half, created later. */
    public void watch(SegmentWriter writer) {
        pending = writer;
    }

    /**
     * Notes that the buffer is being closed.
     *
     * @throws IllegalStateException if it was closed before: it seems to have two owners
     */
    public void close() {
        Throwable before = closedAt;
        if (before != null) {
            throw new IllegalStateException("the " + name + " is closed for the second time", before);
        }
        closedAt = CheckedMode.here("closed");
    }

    /** Where the buffer was closed. */
    public @Nullable Throwable closedAt() {
        return closedAt;
    }

    /** The buffer is unreachable. Its memory stays lost: freeing it could hide the leak's effect in production. */
    @Override
    public void run() {
        SegmentWriter writer = pending;
        boolean holds = readable.holdsMemory() || (writer != null && writer.holdsMemory());
        if (closedAt == null && holds) {
            CheckedMode.leaked(name, readable.length() + (writer == null ? 0 : writer.pending()), madeAt);
        }
    }
}

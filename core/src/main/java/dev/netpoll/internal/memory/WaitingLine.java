// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import org.jspecify.annotations.Nullable;

/** Some of the waiters of a {@link MemoryTurns}, the longest waiting first. Guarded by its lock. */
final class WaitingLine {
    private @Nullable MemoryWaiter first;
    private @Nullable MemoryWaiter last;

    @Nullable
    MemoryWaiter first() {
        return first;
    }

    void add(MemoryWaiter waiter) {
        MemoryWaiter before = last;
        waiter.previous = before;
        waiter.following = null;
        waiter.line = this;
        if (before == null) {
            first = waiter;
        } else {
            before.following = waiter;
        }
        last = waiter;
    }

    void remove(MemoryWaiter waiter) {
        MemoryWaiter before = waiter.previous;
        MemoryWaiter after = waiter.following;
        if (before == null) {
            first = after;
        } else {
            before.following = after;
        }
        if (after == null) {
            last = before;
        } else {
            after.previous = before;
        }
        waiter.previous = null;
        waiter.following = null;
        waiter.line = null;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import org.jspecify.annotations.Nullable;

/** Some of those who wait for a {@link MemoryBudget}, the longest first. Guarded by the budget's lock. */
final class WaitingLine {
    private MemoryBudget.@Nullable Waiter first;
    private MemoryBudget.@Nullable Waiter last;

    MemoryBudget.@Nullable Waiter first() {
        return first;
    }

    void add(MemoryBudget.Waiter waiter) {
        MemoryBudget.Waiter before = last;
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

    void remove(MemoryBudget.Waiter waiter) {
        MemoryBudget.Waiter before = waiter.previous;
        MemoryBudget.Waiter after = waiter.following;
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

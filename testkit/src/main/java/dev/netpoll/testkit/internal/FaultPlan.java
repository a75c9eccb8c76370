// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit.internal;

import dev.netpoll.internal.transport.Errno;
import java.util.ArrayDeque;

/** The error numbers with which the next operations fail, in order. Guarded by the network's lock. */
final class FaultPlan {
    private static final class Entry {
        final int errno;
        int left;

        Entry(int count, int errno) {
            this.left = count;
            this.errno = errno;
        }
    }

    private final ArrayDeque<Entry> entries = new ArrayDeque<>();

    /** Fails {@code count} more operations, after those already planned to fail. */
    void add(int count, int errno) {
        if (count > 0) {
            entries.add(new Entry(count, errno));
        }
    }

    /** Takes the next error number from the plan; {@return it, or 0 if the operation succeeds} */
    int take() {
        Entry first = entries.peek();
        if (first == null) {
            return 0;
        }
        first.left--;
        if (first.left == 0) {
            entries.remove();
        }
        return first.errno;
    }

    /** {@return like {@link #take}, but 0 for ENOBUFS, which concerns only a caller and waits for one} */
    int takeLasting() {
        Entry first = entries.peek();
        return first == null || first.errno == Errno.ENOBUFS ? 0 : take();
    }

    void clear() {
        entries.clear();
    }
}

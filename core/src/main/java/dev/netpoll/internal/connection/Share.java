// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.memory.MemoryWaiter;

/**
 * What the group's {@link MemoryBudget} has to do with one connection: some memory each may have in any case, so that
 * those with small messages go on whatever others hold. Only what is above counts, on each side for itself; and when
 * the budget is exceeded, those that are above wait.
 */
final class Share {
    /** Bytes that a side of a connection may hold without asking. */
    static final int BYTES = 8 << 10;

    private Share() {}

    /** {@return how much of it counts} */
    static long above(long held) {
        return Math.max(0, held - BYTES);
    }

    /** A connection that waits. */
    static final class Waiter extends MemoryWaiter {
        private final SocketConnection connection;

        Waiter(SocketConnection connection) {
            this.connection = connection;
        }

        @Override
        protected void memoryReturned() {
            connection.signal();
        }

        @Override
        protected long held() {
            return connection.inbound().heldBytes();
        }

        @Override
        protected void heldTooLong() {
            connection.giveUpMemory();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.memory.MemoryTurns;
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
        private final Link link;
        private final Retained retained;

        Waiter(Link link, Retained retained) {
            this.link = link;
            this.retained = retained;
        }

        /**
         * <i>Loop.</i> {@return whether it goes on although the budget is exceeded}; else it waits.
         *
         * @param missing how many bytes somebody waits for; with 0 others go on first
         */
        boolean goesOn(long missing) {
            MemoryTurns turns = link.loop().budget().turns();
            if (missing <= 0) {
                turns.satisfied(this);
                turns.await(this);
                return false;
            }
            if (isForgivable() && link.transport().peek() > 0) {
                turns.forgive(this);
            }
            boolean may = turns.take(this, missing);
            if (!may) {
                turns.awaitTurn(this);
            }
            return may;
        }

        /** It wants no more, and does not stand in others' way. */
        void leave() {
            MemoryTurns turns = link.loop().budget().turns();
            turns.cancel(this);
            turns.satisfied(this);
        }

        @Override
        protected void memoryReturned() {
            link.signal();
        }

        @Override
        protected long held() {
            return retained.unkeptBytes();
        }

        @Override
        protected long kept() {
            return retained.keptBytes();
        }

        @Override
        protected void heldTooLong() {
            link.giveUpMemory();
        }
    }
}

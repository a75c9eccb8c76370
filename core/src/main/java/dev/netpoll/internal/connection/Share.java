// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.internal.base.Log;
import dev.netpoll.internal.base.RateLimit;
import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.memory.MemoryTurns;
import dev.netpoll.internal.memory.MemoryWaiter;

/**
 * One connection's part in the group's {@link MemoryBudget}. Each side may hold some memory in any case, so that
 * connections with small messages go on whatever others hold. Only the excess counts, per side; when the budget is
 * exceeded, connections with an excess wait.
 */
final class Share {
    /** Bytes that a side of a connection may hold without being counted. */
    static final int BYTES = 8 << 10;

    private static final RateLimit LOGS = new RateLimit(10_000_000_000L);

    private Share() {}

    /** {@return how much of {@code held} counts} */
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
         * <i>Loop.</i> {@return whether the connection goes on although the budget is exceeded}; else it waits.
         *
         * @param missing how many bytes its reader waits for; with 0 others go first
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

        /** Stops waiting, so that others can go on. */
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
        protected boolean isBlocked() {
            try {
                return link.transport().peek() > 0;
            } catch (OutOfMemoryError | StackOverflowError _) {
                return false; // the thread that found no memory is innocent
            }
        }

        @Override
        protected void heldTooLong() {
            link.giveUpMemory();
            try {
                if (LOGS.tryPass()) {
                    Log.log(
                            System.Logger.Level.INFO,
                            "memory is short: closed a connection that held much for a message without an end: ",
                            link.toString(),
                            null);
                }
            } catch (Throwable _) {
                // logged or not, it is closed
            }
        }
    }
}

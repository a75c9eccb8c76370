// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.memory.BlockSource;
import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.transport.TransportException;
import org.jspecify.annotations.Nullable;

/**
 * The buffer rings of a loop: small buffers for requests, and big ones for sockets that receive in bulk, unless memory
 * is used up. They outlive the ring that fills them. Not thread-safe: loop only.
 */
final class BufferRings {
    /** The size of a small buffer: a request or answer of the usual size fits. */
    static final int SMALL = 4 << 10;

    private static final int BIG = 64 << 10;

    private static final int SMALL_GROUP = 0;
    private static final int BIG_GROUP = 1;

    /** The buffers of each size take at most the budget divided by this: so much may arrive beyond it. */
    private static final int BUDGET_PART = 16;

    private final BufferRing small;
    private final BufferRing big;

    private int mostSmall = Integer.MAX_VALUE;

    private @Nullable MemoryBudget budget;

    /** Creates them without blocks, which they take from {@code source}. */
    BufferRings(Features features, RingSize size, BlockSource source) {
        small = new BufferRing(SMALL_GROUP, size.buffers(), SMALL, false, source);
        try {
            big = new BufferRing(BIG_GROUP, size.bulkBuffers(), BIG, features.incremental(), source);
        } catch (Throwable t) {
            small.close();
            throw t;
        }
    }

    /** {@return the buffers that a kind of {@link Operation} receives into} */
    BufferRing of(int kind) {
        return kind == Operation.RECEIVE_BULK ? big : small;
    }

    // ---------------------------------------------------------------- the kernel's side

    /** Registers them with a ring, which fills them from now on. */
    void attach(Scratch scratch, int ring) throws TransportException {
        small.attach(scratch, ring);
        big.attach(scratch, ring);
    }

    /** After {@link #attach} to another ring: provides the blocks that the previous ring did not fill. */
    void provideAgain() {
        small.provideAgain();
        big.provideAgain();
    }

    /** Publishes the buffers that the kernel may take from now on. */
    void publish() {
        small.limitTo(isCrowded() ? BufferRing.FIRST_BUFFERS : mostSmall);
        small.publish();
        big.publish();
    }

    /** Takes all blocks back from the kernel, and releases them. */
    void takeBack() {
        small.takeBack();
        big.takeBack();
    }

    /** Frees everything, once the kernel uses none of it. */
    void close() {
        small.close();
        big.close();
    }

    // ---------------------------------------------------------------- the budget

    /** While this budget is exceeded, sockets receive only into few, small buffers. */
    void limitBy(MemoryBudget limit) {
        budget = limit;
        int part = (int) Math.min(limit.limit() / BUDGET_PART, 1 << 30);
        mostSmall = Math.max(BufferRing.FIRST_BUFFERS, part / SMALL);
        big.limitTo(Math.max(1, part / BIG));
    }

    /** The kernel found no buffer of this kind: provides more. {@return whether it finds one now} */
    boolean starved(int kind) {
        BufferRing empty = of(kind);
        empty.starved();
        if (!empty.hasBuffers()) {
            refused();
            return false;
        }
        return true;
    }

    /** There was no memory to receive into: gives back what no socket should use now. */
    private void refused() {
        MemoryBudget limit = budget;
        if (limit != null) {
            if (isCrowded()) {
                big.takeBack();
            }
            limit.turns().refused();
        }
    }

    /** {@return whether memory is used up, so that no socket gets big buffers} */
    boolean isCrowded() {
        MemoryBudget limit = budget;
        return limit != null && limit.isExceeded();
    }
}

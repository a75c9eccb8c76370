// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.memory.BlockSource;
import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.transport.TransportException;
import org.jspecify.annotations.Nullable;

/**
 * What the sockets of a loop receive into: small buffers for requests, and big ones for sockets that receive in bulk,
 * unless memory is used up. The buffers outlive the ring that fills them. Not thread-safe: loop only.
 */
final class BufferRings {
    /** The size of a small buffer: a request or answer of the usual size fits in. */
    static final int SMALL = 4 << 10;

    private static final int BIG = 64 << 10;

    private static final int SMALL_GROUP = 0;
    private static final int BIG_GROUP = 1;

    private final BufferRing small;
    private final BufferRing big;

    private @Nullable MemoryBudget budget;

    /** Makes them without memory, which they take from {@code source}. */
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

    // ---------------------------------------------------------------- the kernel's

    /** Makes them known to a ring, which fills them from now on. */
    void attach(Scratch scratch, int ring) throws TransportException {
        small.attach(scratch, ring);
        big.attach(scratch, ring);
    }

    /** After {@link #attach} to another ring: gives it what the one before had not filled. */
    void provideAgain() {
        small.provideAgain();
        big.provideAgain();
    }

    /** Gives the kernel what it may take from now on. */
    void publish() {
        small.publish();
        big.publish();
    }

    /** Takes all from the kernel, and gives the memory back. */
    void takeBack() {
        small.takeBack();
        big.takeBack();
    }

    /** Gives everything back, when no kernel has it any more. */
    void close() {
        small.close();
        big.close();
    }

    // ---------------------------------------------------------------- the budget

    /** Receives into small buffers only while this is exceeded. */
    void limitBy(MemoryBudget limit) {
        budget = limit;
    }

    /** There is no memory to receive into. */
    void refused() {
        MemoryBudget limit = budget;
        if (limit != null) {
            limit.turns().refused();
        }
    }

    /** {@return whether memory is used up, so that nobody gets big buffers} */
    boolean isCrowded() {
        MemoryBudget limit = budget;
        return limit != null && limit.isExceeded();
    }
}

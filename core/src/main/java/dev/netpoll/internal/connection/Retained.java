// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.memory.RetainedBytes;
import dev.netpoll.internal.memory.Segment;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Counts the memory that the received segments of a connection hold, wherever they are. Any thread. An object of its
 * own, so that a slice that outlives its connection keeps only this.
 */
final class Retained extends AtomicLong implements RetainedBytes {
    private static final long serialVersionUID = 1;

    /** The {@link Inbound} it counts for; when the connection has ended, the {@link MemoryBudget} of its group. */
    private transient volatile Object owner;

    Retained(Inbound inbound) {
        this.owner = inbound;
    }

    private MemoryBudget budget() {
        Object now = owner;
        return now instanceof Inbound side ? side.connection.loop().budget() : (MemoryBudget) now;
    }

    /** Counts a segment, by the size of its block. */
    void charge(Segment segment) {
        int bytes = segment.block == null ? segment.length() : segment.block.capacity();
        long before = getAndAdd(bytes);
        budget().charge(Share.above(before + bytes) - Share.above(before));
        segment.charge(this, bytes);
    }

    long bytes() {
        return get();
    }

    /** The connection has ended and needs to hear no more. */
    void detach() {
        owner = budget();
    }

    @Override
    public void released(int bytes) {
        long left = addAndGet(-bytes);
        budget().release(Share.above(left + bytes) - Share.above(left));
        if (owner instanceof Inbound side) {
            side.released(left);
        }
    }
}

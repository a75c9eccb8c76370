// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.memory.RetainedBytes;
import dev.netpoll.internal.memory.Segment;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Counts the memory that the received segments of a connection hold, wherever they are. Any thread. A separate object,
 * so that a slice that outlives its connection keeps only this alive.
 *
 * <p>While the connection lives, the part above its {@link Share} counts in the group's {@link MemoryBudget}. At its
 * end all of that is given back: memory that the user keeps longer belongs to the user, and a charge lost to an Error
 * would otherwise count for ever. What a connection that broke leaves to a reader, who may never come, has a bound of
 * its own: {@link MemoryBudget#leave}.
 */
final class Retained extends AtomicLong implements RetainedBytes {
    private static final long serialVersionUID = 1;

    /** Added to the count at the end: no count comes near it. */
    private static final long DETACHED = 1L << 62;

    /** The side; after the end the budget, if bytes were left for a reader; else null. */
    private transient volatile @Nullable Object owner;

    /** Counts the part that the program holds in slices. */
    static final class Kept extends AtomicLong implements RetainedBytes {
        private static final long serialVersionUID = 1;

        private final transient Retained all;

        Kept(Retained all) {
            this.all = all;
        }

        @Override
        public void released(int bytes) {
            addAndGet(-bytes);
            all.released(bytes); // last: the callback reads both counts
        }
    }

    Retained(Delivery side) {
        this.owner = side;
    }

    /** Counts a segment, by the size of its block. <i>Loop</i>, before the end. */
    void charge(Segment segment) {
        int bytes = segment.block == null ? segment.length() : segment.block.capacity();
        if (count(bytes)) {
            segment.charge(this, bytes);
        }
    }

    /**
     * Takes over the count of a segment that the user owned, by its length if others share the block. Call it before
     * the connection starts.
     */
    void recharge(Segment segment) {
        Block block = segment.block;
        int bytes = block != null && block.references() == 1 ? block.capacity() : segment.length();
        if (count(bytes)) {
            segment.recharge(this, bytes);
        }
    }

    private boolean count(int bytes) {
        Delivery side = side();
        if (side == null) {
            return false;
        }
        long before = getAndAdd(bytes);
        side.link.loop().budget().charge(Share.above(before + bytes) - Share.above(before));
        return true;
    }

    long bytes() {
        return get();
    }

    /** {@return how many of these bytes the program has not taken yet, or sees in views; 0 after the end} */
    long unkeptBytes() {
        long all = get();
        return all >= DETACHED / 2 ? 0 : Math.max(0, all - keptBytes());
    }

    /** {@return how many of these bytes the program has in slices} */
    long keptBytes() {
        Delivery side = side();
        Kept kept = side == null ? null : side.kept;
        return kept == null ? 0 : kept.get();
    }

    /** <i>User.</i> If there is no memory for a separate count, these bytes stay in this one. */
    @Override
    public RetainedBytes kept(int bytes) {
        try {
            Delivery side = side();
            if (side == null) {
                return this;
            }
            Kept kept = side.kept;
            if (kept == null) {
                kept = new Kept(this);
                side.kept = kept;
            }
            kept.getAndAdd(bytes);
            return kept;
        } catch (OutOfMemoryError | StackOverflowError _) {
            return this;
        }
    }

    private @Nullable Delivery side() {
        return owner instanceof Delivery side ? side : null;
    }

    /**
     * The connection has ended and needs no more reports. Idempotent. The lock makes what is released meanwhile wait
     * until it is known who counts it.
     *
     * @param leaves whether the bytes stay for a reader, if the budget allows it
     */
    synchronized void detach(boolean leaves) {
        Delivery side = side();
        if (side == null) {
            return; // an Error came after it, and the end begins again
        }
        MemoryBudget budget = side.link.loop().budget();
        long left = getAndAdd(DETACHED);
        MemoryBudget counts = null;
        try {
            counts = leaves && budget.leave(left) ? budget : null;
            budget.release(Share.above(left));
        } finally {
            owner = counts;
        }
    }

    /**
     * {@return whether what the connection left for a reader may stay} True also as long as {@link #detach} has not
     * decided it: a reader may see the end first, and the end looks again.
     */
    boolean mayStay() {
        return owner != null;
    }

    @Override
    public void released(int bytes) {
        Delivery side = side();
        long left = addAndGet(-bytes);
        if (left >= DETACHED / 2) {
            releasedAfterEnd(bytes);
        } else if (side != null) {
            side.link.loop().budget().release(Share.above(left + bytes) - Share.above(left));
            side.released(left);
        }
    }

    private synchronized void releasedAfterEnd(int bytes) {
        if (owner instanceof MemoryBudget budget) {
            budget.leftReturned(bytes);
        }
    }
}

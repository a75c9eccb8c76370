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
 * would otherwise count for ever.
 */
final class Retained extends AtomicLong implements RetainedBytes {
    private static final long serialVersionUID = 1;

    /** Added to the count at the end: no count comes near it. */
    private static final long DETACHED = 1L << 62;

    private transient volatile @Nullable Delivery owner;

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
        Delivery side = owner;
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
        Delivery side = owner;
        Kept kept = side == null ? null : side.kept;
        return kept == null ? 0 : kept.get();
    }

    /** <i>User.</i> If there is no memory for a separate count, these bytes stay in this one. */
    @Override
    public RetainedBytes kept(int bytes) {
        try {
            Delivery side = owner;
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

    /** The connection has ended and needs no more reports. Once. */
    void detach() {
        Delivery side = owner;
        long left = getAndAdd(DETACHED);
        owner = null;
        if (side != null) {
            side.link.loop().budget().release(Share.above(left));
        }
    }

    @Override
    public void released(int bytes) {
        Delivery side = owner;
        long left = addAndGet(-bytes);
        if (side != null && left < DETACHED / 2) {
            side.link.loop().budget().release(Share.above(left + bytes) - Share.above(left));
            side.released(left);
        }
    }
}

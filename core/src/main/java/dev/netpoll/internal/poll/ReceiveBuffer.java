// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.BlockSource;
import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.memory.MemoryLimitException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The one big block that a poller receives into. So idle connections own no memory, connections never share a block,
 * and little data never pins a big block:
 * <ul>
 *   <li>up to {@link #COPIED} bytes are copied into a block of their size, and the big block is reused;
 *   <li>more are handed over in the big block itself, and the next receive takes a new one.
 * </ul>
 *
 * <p>Not thread-safe: belongs to a poller's thread.
 */
public final class ReceiveBuffer {
    /** The size of the big block, and so the most bytes of one receive. */
    public static final int CAPACITY = 64 * 1024;

    /**
     * The most bytes that are copied instead of handed over: an eighth, so a segment holds at most 8 times its bytes.
     * Copying that much costs less than the system call that received it.
     */
    public static final int COPIED = CAPACITY / 8;

    /** The most bytes of one receive while memory is used up: no more than every connection may hold in any case. */
    private static final int CROWDED = 4 * 1024;

    private final BlockSource blocks;
    private @Nullable MemoryBudget budget;

    /** The big block, and the segment to hand it over in, created before receiving. */
    private @Nullable Segment whole;

    public ReceiveBuffer(BlockSource blocks) {
        this.blocks = blocks;
    }

    /**
     * {@return the block to receive into, from its beginning}
     *
     * @throws MemoryLimitException if there is no memory
     */
    public Block block() {
        return Objects.requireNonNull(ready().block);
    }

    private Segment ready() {
        Segment current = whole;
        if (current == null) {
            current = allocate();
            whole = current;
        }
        return current;
    }

    private Segment allocate() {
        try {
            return Segment.allocate(blocks, CAPACITY);
        } catch (MemoryLimitException | OutOfMemoryError e) {
            MemoryBudget limit = budget;
            if (limit != null) {
                limit.turns().refused();
            }
            throw e;
        }
    }

    /**
     * {@return the first {@code count} bytes of {@link #block()} as a new segment} They are never lost: if there is no
     * memory for a copy, the big block itself is handed over.
     */
    public Segment received(int count) {
        Segment filled = ready();
        if (count <= COPIED) {
            try {
                // Later bytes may be appended to it.
                return Segment.copied(Objects.requireNonNull(filled.block), 0, count, blocks.allocate(count))
                        .reusable();
            } catch (MemoryLimitException | OutOfMemoryError | StackOverflowError _) {
                // below
            }
        }
        whole = null;
        filled.holds(count);
        return filled.reusable();
    }

    /** While {@code limit} is exceeded, one receive takes at most {@link #CROWDED} bytes. */
    public void limitBy(MemoryBudget limit) {
        budget = limit;
    }

    /** {@return how many bytes to receive at once} */
    public int atOnce() {
        return isCrowded() ? CROWDED : CAPACITY;
    }

    /** {@return whether the budget is exceeded} */
    public boolean isCrowded() {
        MemoryBudget limit = budget;
        return limit != null && limit.isExceeded();
    }

    /** Gives the block back; the next receive takes a new one. */
    public void release() {
        Segment unused = whole;
        if (unused != null) {
            whole = null;
            unused.free();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import dev.netpoll.buffer.MemoryLimitException;
import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.BlockSource;
import dev.netpoll.internal.memory.Segment;
import org.jspecify.annotations.Nullable;

/**
 * The one big block a poller receives into. Idle connections own no memory, connections never share any, and little
 * data never pins a big block:
 * <ul>
 *   <li>up to {@link #COPIED} bytes are copied into a block of their size, and the big block is used again;
 *   <li>more are handed over as they lie, and the next receive takes a new block.
 * </ul>
 *
 * <p>Not thread-safe: belongs to a poller's thread.
 */
public final class ReceiveBuffer {
    /** The size of the big block: what one receive can bring. */
    public static final int CAPACITY = 64 * 1024;

    /**
     * How many bytes are copied rather than handed over: an eighth, so at most 8 times the memory of what was received
     * is held. Copying that much costs less than the system call that brought it.
     */
    public static final int COPIED = CAPACITY / 8;

    private final BlockSource blocks;
    private @Nullable Block block;

    public ReceiveBuffer(BlockSource blocks) {
        this.blocks = blocks;
    }

    /**
     * {@return the block to receive into, from its beginning}
     *
     * @throws MemoryLimitException if there is no memory
     */
    public Block block() {
        Block current = block;
        if (current == null) {
            current = blocks.allocate(CAPACITY);
            block = current;
        }
        return current;
    }

    /**
     * {@return the first {@code count} bytes of {@link #block()} as a segment of their own} Never fails, as the kernel
     * has no copy of them: without memory for a small block, the big one is handed over.
     */
    public Segment received(int count) {
        Block filled = block();
        if (count > COPIED) {
            block = null;
            return Segment.filled(filled, count); // its own window: this takes no memory
        }
        Block fitting = fitting(count);
        if (fitting == null) {
            block = null;
            return Segment.filled(filled, count);
        }
        return Segment.copied(filled, 0, count, fitting); // what comes next may be put behind it
    }

    private @Nullable Block fitting(int count) {
        try {
            return blocks.allocate(count);
        } catch (MemoryLimitException | OutOfMemoryError e) {
            return null;
        }
    }

    /** Gives the block back; the next receive takes one again. */
    public void release() {
        Block unused = block;
        if (unused != null) {
            block = null;
            unused.release();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A few small blocks that a thread keeps between the handlers that it runs, in front of a {@link LoopCache}. While a
 * loop is lent to a handler, no thread owns the loop's cache. Without these blocks, the handler's writes would use the
 * pool: several atomic operations a request.
 *
 * <p><b>Threads.</b> Any may allocate and recycle, but only the owner's blocks are kept.
 *
 * <p>Invariants:
 * <ul>
 *   <li>I1. Only the owner touches the blocks and their number.
 *   <li>I2. It holds {@link #MOST} blocks of up to {@link #LARGEST} bytes at most, and none before {@link #begin()}
 *       or after {@link #release()}.
 *   <li>I3. An exception leaves a block where it was: nothing is called while one is put in or taken out.
 * </ul>
 */
public final class SpareBlocks implements BlockSource, BlockHome {
    /** The maximum number of blocks. */
    static final int MOST = 8;

    /** The largest block that is kept. */
    static final int LARGEST = 8 << 10;

    private static final VarHandle COUNT;
    private static final VarHandle BYTES;
    private static final VarHandle HITS;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            COUNT = lookup.findVarHandle(SpareBlocks.class, "count", int.class);
            BYTES = lookup.findVarHandle(SpareBlocks.class, "bytes", int.class);
            HITS = lookup.findVarHandle(SpareBlocks.class, "hits", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Thread owner;
    private final LoopCache behind;
    private final @Nullable Block[] blocks = new Block[MOST];
    private int count;
    private int bytes;

    @SuppressWarnings("UnusedVariable") // read through HITS
    private long hits;

    /** Whether it may hold blocks: the pool counts them. */
    private boolean registered;

    /** Whether a block was taken from here since the last {@link #trim()}. */
    private boolean used;

    /** Creates an empty cache for the blocks of one thread. */
    public SpareBlocks(Thread owner, LoopCache behind) {
        this.owner = owner;
        this.behind = behind;
    }

    /** <i>Owner.</i> Keeps blocks from now on. Idempotent. */
    public void begin() {
        if (!registered) {
            behind.pool().register(this);
            registered = true;
        }
    }

    @Override
    public Block allocate(int minCapacity) {
        if (Thread.currentThread() != owner || minCapacity < 0 || minCapacity > LARGEST) {
            return behind.allocate(minCapacity);
        }
        int sizeClass = SizeClasses.indexOf(minCapacity);
        for (int i = count - 1; i >= 0; i--) {
            Block kept = Misuse.present(blocks[i]);
            if (kept.sizeClass == sizeClass) {
                remove(i, kept);
                used = true;
                hits++;
                return kept.allocated();
            }
        }
        return adopt(behind.allocate(minCapacity));
    }

    private void remove(int at, Block kept) {
        int last = count - 1;
        blocks[at] = blocks[last];
        blocks[last] = null;
        count = last;
        bytes -= kept.capacity();
    }

    /** A block from the pool returns here when it is free, a block from the loop's cache returns there. */
    private Block adopt(Block block) {
        if (registered
                && block.home == null
                && block.sizeClass != SegmentPool.DEDICATED
                && block.capacity() <= LARGEST) {
            block.home = this;
        }
        return block;
    }

    @Override
    public void recycle(Block block) {
        int at = count;
        if (Thread.currentThread() == owner && registered && at < MOST) {
            int more = bytes + block.capacity();
            blocks[at] = block;
            bytes = more;
            count = at + 1;
        } else {
            block.home = null;
            behind.pool().recycle(block);
        }
    }

    /** <i>Owner.</i> {@return whether it holds blocks, and so needs a trim now and then} */
    public boolean isActive() {
        return count > 0;
    }

    /** <i>Owner.</i> Returns the blocks to the pool if none was needed since the last call. */
    public void trim() {
        if (used) {
            used = false;
        } else {
            giveBack();
        }
    }

    /** <i>Owner.</i> Returns the blocks to the pool, and keeps none from now on. Idempotent. */
    public void release() {
        if (registered) {
            registered = false; // first, so that returned blocks go to the pool
            giveBack();
            behind.pool().unregister(this);
        }
    }

    private void giveBack() {
        while (count > 0) {
            Block block = Misuse.present(blocks[count - 1]);
            remove(count - 1, block);
            block.home = null;
            try {
                behind.pool().recycle(block);
            } catch (StackOverflowError _) {
                behind.pool().salvage.keep(block);
            }
        }
    }

    @Override
    public int heldBlocks() {
        return (int) COUNT.getOpaque(this);
    }

    @Override
    public long heldBytes() {
        return (int) BYTES.getOpaque(this);
    }

    @Override
    public long hits() {
        return (long) HITS.getOpaque(this);
    }
}

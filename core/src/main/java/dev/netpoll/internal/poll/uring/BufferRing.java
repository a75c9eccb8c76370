// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import dev.netpoll.internal.ffi.BufferRingMemory;
import dev.netpoll.internal.ffi.IoUring;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.BlockSource;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.transport.TransportException;
import dev.netpoll.memory.MemoryLimitException;
import org.jspecify.annotations.Nullable;

/**
 * The blocks that the kernel receives into, for all sockets of a loop: idle connections own none. What was received is
 * handed over as it lies, and another block takes its place. Only little data, of up to an eighth of a block, is copied
 * into a block of its size, so that at most 8 times the memory of what was received is held.
 *
 * <p>Where the kernel can ({@code IOU_PBUF_RING_INC}), it fills a block piece by piece; else every receive takes a new
 * one.
 *
 * <p>It begins with few blocks, and takes twice as many whenever the kernel ran out of them.
 *
 * <ul>
 *   <li>I1 {@code blocks[id]} is the kernel's from {@link #provide} until a completion gives it back, at
 *       {@code filled[id]} bytes from its beginning; nobody else writes there.
 *   <li>I2 The kernel takes buffers in the order of the ring, and only inside of io_uring_enter.
 * </ul>
 *
 * <p>Not thread-safe: loop only.
 */
final class BufferRing {
    private static final int FIRST_BUFFERS = 16;

    private final int group;
    private final int blockSize;
    private final int copied;
    private final boolean incremental;
    private final BlockSource source;

    private final @Nullable Block[] blocks;
    private final int[] filled;

    /** Ids without a block, as a stack. */
    private final int[] vacant;

    private int vacantCount;

    /** How many ids are in use: with a block, or waiting for one. */
    private int wanted;

    /** Whether more blocks were taken since the last {@link #publish}. */
    private boolean grown;

    /** What the ring of now sees, and what the one before it has seen, which the next one gets: made beforehand. */
    private BufferRingMemory ring;

    private BufferRingMemory nextRing;

    private int tail;
    private int published;

    /**
     * Makes one without blocks, that no ring knows of.
     *
     * @param group the number of the buffer group
     * @param count how many blocks at most; a power of two
     * @param incremental whether the kernel fills a block piece by piece
     */
    BufferRing(int group, int count, int blockSize, boolean incremental, BlockSource source) {
        this.group = group;
        this.blockSize = blockSize;
        this.copied = blockSize / 8;
        this.incremental = incremental;
        this.source = source;
        blocks = new Block[count];
        filled = new int[count];
        vacant = new int[count];
        ring = new BufferRingMemory(count);
        try {
            nextRing = new BufferRingMemory(count);
        } catch (Throwable t) {
            ring.close();
            throw t;
        }
    }

    /** Makes it a buffer group of a ring. What the ring before it was given, which is closed, is given to this one. */
    void attach(Scratch scratch, int descriptor) throws TransportException {
        BufferRingMemory next = nextRing;
        int result = next.register(scratch, descriptor, group, incremental ? IoUring.IOU_PBUF_RING_INC : 0);
        if (result < 0) {
            throw new TransportException("io_uring_register of buffers", -result);
        }
        nextRing = ring;
        ring = next;
        tail = 0;
        published = 0;
    }

    /** {@return the number of the buffer group} */
    int group() {
        return group;
    }

    /** After {@link #attach} to another ring: what the one before it had not filled is this one's. */
    void provideAgain() {
        for (int id = 0; id < wanted; id++) {
            if (blocks[id] != null) {
                provide(id);
            }
        }
    }

    /** Somebody receives into these buffers; before that, there are none. */
    void use() {
        if (wanted == 0) {
            grow(FIRST_BUFFERS);
        }
    }

    /** Gives the kernel what it may take from now on. */
    void publish() {
        if (vacantCount > 0) {
            refill();
        }
        grown = false;
        if (published != tail) {
            published = tail;
            ring.publishUpTo(tail);
        }
    }

    /** {@return whether the kernel finds a buffer} */
    boolean hasBuffers() {
        return vacantCount < wanted;
    }

    /** The kernel ran out of buffers. */
    void starved() {
        if (!grown && wanted < blocks.length) {
            grown = true;
            grow(Math.max(FIRST_BUFFERS, 2 * wanted));
        }
        refill();
    }

    private void grow(int to) {
        while (wanted < Math.min(to, blocks.length)) {
            vacant[vacantCount++] = wanted++;
        }
    }

    private void refill() {
        while (vacantCount > 0) {
            Block block = allocate(blockSize);
            if (block == null) {
                return; // what there is has to do
            }
            int id = vacant[--vacantCount];
            blocks[id] = block;
            provide(id);
        }
    }

    private @Nullable Block allocate(int size) {
        try {
            return source.allocate(size);
        } catch (MemoryLimitException | OutOfMemoryError | StackOverflowError e) {
            return null;
        }
    }

    private void provide(int id) {
        int from = filled[id];
        // SAFETY: the block is ours until a completion gives it back (I1), so its memory stays mapped.
        ring.buffer(tail++, block(id).address() + from, blockSize - from, id);
    }

    private Block block(int id) {
        Block block = blocks[id];
        if (block == null) {
            throw new IllegalStateException("the kernel filled buffer " + id + ", which it was not given");
        }
        return block;
    }

    /** {@return where in its block the bytes of a completion begin} To be asked before {@link #take}. */
    int offset(int flags) {
        return filled[flags >>> IoUring.IORING_CQE_BUFFER_SHIFT];
    }

    /**
     * Takes the block out that a completion has filled, or a share of it, in the order of completions.
     *
     * @return the block, of which the caller owns a reference
     */
    Block take(int flags, int length) {
        int id = flags >>> IoUring.IORING_CQE_BUFFER_SHIFT;
        Block block = block(id);
        if ((flags & IoUring.IORING_CQE_F_BUF_MORE) != 0) {
            filled[id] += length;
            block.retain();
        } else {
            filled[id] = 0;
            vacate(id);
        }
        return block;
    }

    /** {@return what was received into a block; the reference passes to the segment, which the caller owns} */
    Segment segment(Block block, int from, int length) {
        if (length <= copied) {
            Block fitting = allocate(length);
            if (fitting != null) {
                try {
                    return Segment.copied(block, from, length, fitting).reusable();
                } finally {
                    block.release();
                }
            }
        }
        // Of a block that is not shared, what comes next may be put behind it.
        return incremental
                ? Segment.of(block, from, from + length)
                : Segment.filled(block, length).reusable();
    }

    /** The block is somebody else's now. */
    private void vacate(int id) {
        Block next = allocate(blockSize);
        blocks[id] = next;
        if (next != null) {
            provide(id);
        } else {
            vacant[vacantCount++] = id;
        }
    }

    /** Takes all blocks from the kernel, which will find none, and gives them back (I2). */
    void takeBack() {
        int provided = wanted - vacantCount;
        if (provided > 0) {
            tail -= provided;
            published = tail;
            ring.publishUpTo(tail);
            release();
        }
    }

    /** Gives the blocks back, when no kernel has them. */
    void release() {
        for (int id = 0; id < wanted; id++) {
            Block block = blocks[id];
            if (block != null) {
                blocks[id] = null;
                block.release();
            }
            filled[id] = 0;
        }
        wanted = 0;
        vacantCount = 0;
    }

    /** Gives everything back, when no kernel has it any more. */
    void close() {
        release();
        ring.close();
        nextRing.close();
    }
}

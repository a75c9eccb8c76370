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
 * A buffer ring: the blocks that the kernel receives into, for all sockets of a loop, so that idle connections own
 * none. A filled block is handed over itself, and a new one takes its place. Only little data, up to an eighth of a
 * block, is copied into a block of its size, so a segment holds at most 8 times its bytes.
 *
 * <p>If the kernel supports it ({@code IOU_PBUF_RING_INC}), it fills a block piece by piece; else every receive takes a
 * new one.
 *
 * <p>The ring begins with few blocks, and doubles their number whenever the kernel runs out of them, up to a limit that
 * may change: blocks here are missing elsewhere, and all of them may be filled before the loop can pause a socket.
 *
 * <ul>
 *   <li>I1 From {@link #provide} until a completion returns it, only the kernel writes to {@code blocks[id]} from
 *       offset {@code filled[id]} on.
 *   <li>I2 The kernel takes buffers in the order of the ring, and only inside io_uring_enter.
 * </ul>
 *
 * <p>Not thread-safe: loop only.
 */
final class BufferRing {
    static final int FIRST_BUFFERS = 16;

    private final int group;
    private final int blockSize;
    private final int copied;
    private final boolean incremental;
    private final BlockSource source;

    private final @Nullable Block[] blocks;
    private final int[] filled;

    /** A stack of the ids without a block. */
    private final int[] vacant;

    private int vacantCount;

    /** The number of ids in use, with a block or waiting for one. */
    private int wanted;

    /** How many blocks it may have. */
    private int most;

    /** Whether {@link #starved} has added buffers since the last {@link #publish}. */
    private boolean grown;

    /** The memory registered with the current ring; the next ring gets {@link #nextRing}, allocated beforehand. */
    private BufferRingMemory ring;

    private BufferRingMemory nextRing;

    private int tail;
    private int published;

    /**
     * Creates a buffer ring without blocks, not yet attached to a ring.
     *
     * @param group the number of the buffer group
     * @param count the most blocks; a power of two
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
        most = count;
        ring = new BufferRingMemory(count);
        try {
            nextRing = new BufferRingMemory(count);
        } catch (Throwable t) {
            ring.close();
            throw t;
        }
    }

    /** Registers the group with a ring. The previous ring is closed; the next one will reuse its memory. */
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

    /** After {@link #attach} to another ring: provides the blocks that the previous ring did not fill. */
    void provideAgain() {
        for (int id = 0; id < wanted; id++) {
            if (blocks[id] != null) {
                provide(id);
            }
        }
    }

    /** Takes the first blocks, as a socket is about to receive into them. */
    void use() {
        if (wanted == 0) {
            grow(FIRST_BUFFERS);
        }
    }

    /** Publishes the buffers that the kernel may take from now on. */
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

    /** {@return whether the kernel has a buffer} */
    boolean hasBuffers() {
        return vacantCount < wanted;
    }

    /** The kernel ran out of buffers: provides more. */
    void starved() {
        if (!grown && wanted < most) {
            grown = true;
            grow(Math.max(FIRST_BUFFERS, 2 * wanted));
        }
        refill();
    }

    private void grow(int to) {
        while (wanted < Math.min(to, most)) {
            vacant[vacantCount++] = wanted++;
        }
    }

    private void refill() {
        while (vacantCount > 0 && wanted - vacantCount < most) {
            Block block = allocate(blockSize);
            if (block == null) {
                return; // the existing blocks must suffice
            }
            int id = vacant[--vacantCount];
            blocks[id] = block;
            provide(id);
        }
    }

    /** Has at most so many blocks from now on, as soon as the kernel has filled those above. */
    void limitTo(int count) {
        most = Math.min(count, blocks.length);
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

    /** {@return where in its block the bytes of a completion begin} Call it before {@link #take}. */
    int offset(int flags) {
        return filled[flags >>> IoUring.IORING_CQE_BUFFER_SHIFT];
    }

    /**
     * Takes the block of a completion, or a share of it if the kernel goes on filling it. In the order of completions.
     *
     * @return the block, with a reference that the caller owns
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

    /** {@return the received bytes as a segment that the caller owns} Takes over the block's reference. */
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
        // Later bytes may be appended in a block that is not shared.
        return incremental
                ? Segment.of(block, from, from + length)
                : Segment.filled(block, length).reusable();
    }

    /** Replaces a block that the kernel has returned. */
    private void vacate(int id) {
        Block next = wanted - vacantCount <= most ? allocate(blockSize) : null;
        blocks[id] = next;
        if (next != null) {
            provide(id);
        } else {
            vacant[vacantCount++] = id;
        }
    }

    /** Takes all blocks back from the kernel, which then finds none (I2), and releases them. */
    void takeBack() {
        int provided = wanted - vacantCount;
        if (provided > 0) {
            tail -= provided;
            published = tail;
            ring.publishUpTo(tail);
            release();
        }
    }

    /** Releases the blocks, once the kernel has none of them. */
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

    /** Frees everything, once the kernel uses none of it. */
    void close() {
        release();
        ring.close();
        nextRing.close();
    }
}

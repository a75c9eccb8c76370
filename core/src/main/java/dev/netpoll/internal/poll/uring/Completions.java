// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import dev.netpoll.internal.ffi.IoUring;
import dev.netpoll.internal.ffi.RingMemory;
import dev.netpoll.internal.memory.Block;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Completions taken from a ring, to be delivered one by one in batches: those that arrive during a batch belong to the
 * next one, so that a turn ends however busy the sockets are. They outlive the ring, so that another thread with
 * another ring can continue with them. Not thread-safe: loop only.
 */
final class Completions {
    private static final int FIRST_CAPACITY = 256;

    /** After this many consecutive batches that needed at most a quarter of the room, it shrinks to the first one. */
    private static final int SMALL_BATCHES = 64;

    private long[] operations = new long[FIRST_CAPACITY];
    private long[] results = new long[FIRST_CAPACITY];

    /** The blocks with received bytes, until {@link #takeBlock}; {@link #offsets} says where the bytes begin. */
    private @Nullable Block[] blocks = new Block[FIRST_CAPACITY];

    private int[] offsets = new int[FIRST_CAPACITY];
    private int next;
    private int batchEnd;
    private int count;
    private int smallBatches;

    /** Takes completions of the ring, as many as there is memory for; {@return the end of those taken} */
    int take(RingMemory ring, int from, int to) {
        int taken = to;
        int more = to - from;
        if (count + more > operations.length && !grow(count + more)) {
            taken = from + operations.length - count;
        }
        for (int i = from; i != taken; i++) {
            operations[count] = ring.userData(i);
            results[count++] = ring.resultAndFlags(i);
        }
        return taken;
    }

    private boolean grow(int wanted) {
        return resize(Math.max(2 * operations.length, wanted));
    }

    /** {@return whether there was memory for that} */
    private boolean resize(int capacity) {
        try {
            long[] moreOperations = Arrays.copyOf(operations, capacity);
            long[] moreResults = Arrays.copyOf(results, capacity);
            @Nullable Block[] moreBlocks = Arrays.copyOf(blocks, capacity);
            int[] moreOffsets = Arrays.copyOf(offsets, capacity);
            operations = moreOperations;
            results = moreResults;
            blocks = moreBlocks;
            offsets = moreOffsets;
            return true;
        } catch (OutOfMemoryError e) {
            return false;
        }
    }

    /** Makes all present completions the next batch. */
    void beginBatch() {
        batchEnd = count;
    }

    /** {@return the index of the next completion of the batch, or -1 if all were delivered} */
    int next() {
        if (next < batchEnd) {
            return next++;
        }
        moveToFront();
        return -1;
    }

    /** Moves the completions of the next batch, usually none. */
    private void moveToFront() {
        int left = count - next;
        if (left > 0 && next > 0) {
            System.arraycopy(operations, next, operations, 0, left);
            System.arraycopy(results, next, results, 0, left);
            System.arraycopy(blocks, next, blocks, 0, left);
            Arrays.fill(blocks, left, count, null);
            System.arraycopy(offsets, next, offsets, 0, left);
        }
        boolean small = batchEnd <= operations.length / 4;
        next = 0;
        batchEnd = 0;
        count = left;
        shrinkAfter(small);
    }

    private void shrinkAfter(boolean small) {
        if (!small || operations.length == FIRST_CAPACITY) {
            smallBatches = 0;
        } else if (++smallBatches > SMALL_BATCHES && count <= FIRST_CAPACITY) {
            resize(FIRST_CAPACITY);
            smallBatches = 0;
        }
    }

    /** {@return how many it has room for now} */
    int capacity() {
        return operations.length;
    }

    boolean isEmpty() {
        return next == count;
    }

    /** {@return the index of the first completion not delivered yet; they end before {@link #end}} */
    int begin() {
        return next;
    }

    int end() {
        return count;
    }

    long operation(int index) {
        return operations[index];
    }

    int result(int index) {
        return (int) results[index];
    }

    int flags(int index) {
        return (int) (results[index] >>> Integer.SIZE);
    }

    /** Adds the block with the received bytes. */
    void setBlock(int index, Block block, int offset) {
        blocks[index] = block;
        offsets[index] = offset;
    }

    /** {@return the block with the received bytes, or null} Its reference passes to the caller. */
    @Nullable
    Block takeBlock(int index) {
        Block block = blocks[index];
        blocks[index] = null;
        return block;
    }

    int offset(int index) {
        return offsets[index];
    }

    /** Removes a completion: nothing is left to deliver at its index. */
    void remove(int index) {
        operations[index] = Operation.of(Operation.CANCEL, 0);
        results[index] = 0;
    }

    /** Marks the operation as going on, in another ring. */
    void setMore(int index) {
        results[index] |= (long) IoUring.IORING_CQE_F_MORE << Integer.SIZE;
    }
}

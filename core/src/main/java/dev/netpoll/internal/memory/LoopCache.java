// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import dev.netpoll.memory.MemoryLimitException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * The free blocks that an event loop keeps in front of a {@link SegmentPool}. The loop's thread takes and puts without
 * any atomic operation. Blocks that it handed out and another thread frees return over a list of remote frees. The
 * owner takes that list whole when it runs out.
 *
 * <pre>
 *   pool --refill--> own stack --allocate--> in use --freed by the owner--> own stack
 *                        ^                      +-----freed elsewhere--> remote list --+
 *                        +---------------- owner runs out -----------------------------+
 *   each of them --too many, or trim--> pool
 * </pre>
 *
 * <p>Invariants:
 * <ul>
 *   <li>I1. Only the owner touches the stacks and their counts. Ownership moves along a happens-before edge between the
 *       threads; a thread asks only whether it is the owner itself, so a plain field answers.
 *   <li>I2. The content is bounded: {@link #MAX_BLOCKS} and {@link #MAX_BYTES} per class of at most {@link #LARGEST},
 *       {@link #MAX_REMOTE} bytes of remote frees. The rest goes to the pool.
 *   <li>I3. Threads push single blocks to the remote list and only ever take all of it, so it has no ABA problem. The
 *       freeing thread's use of a block happens-before its next allocation, by push and take.
 *   <li>I4. An inactive cache holds nothing: a thread that pushes reads {@code active} afterwards, a thread that clears
 *       {@code active} takes the list afterwards; both are volatile, so one of them moves the block to the pool.
 * </ul>
 */
public final class LoopCache implements BlockSource, BlockHome {
    /** The largest block that is kept. */
    static final int LARGEST = 64 << 10;

    /** The maximum number of blocks kept per class: what a batch of events may need. */
    static final int MAX_BLOCKS = 64;

    /** The maximum number of bytes kept per class. All nine classes, 256 B to 64 KiB, make 1.5 MiB. */
    static final int MAX_BYTES = 256 << 10;

    /** The maximum number of bytes in the remote list. */
    static final int MAX_REMOTE = 1 << 20;

    private static final int CLASSES = SizeClasses.indexOf(LARGEST) + 1;

    /** One block in {@link RemoteFields#listed}. */
    private static final long ONE_BLOCK = 1L << 32;

    private static final VarHandle REMOTE;
    private static final VarHandle LISTED;
    private static final VarHandle COUNT;
    private static final VarHandle HITS;
    private static final VarHandle OWNER;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            REMOTE = lookup.findVarHandle(RemoteFields.class, "top", Block.class);
            LISTED = lookup.findVarHandle(RemoteFields.class, "listed", long.class);
            COUNT = lookup.findVarHandle(Stack.class, "count", int.class);
            HITS = lookup.findVarHandle(LoopCache.class, "hits", long.class);
            OWNER = lookup.findVarHandle(LoopCache.class, "owner", Thread.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private static final class Stack {
        @Nullable
        Block top;

        int count;

        /** The least count since the last trim: the number of blocks that were not needed. */
        int lowest;

        final int limit;

        Stack(int blockSize) {
            limit = Math.clamp(MAX_BYTES / blockSize, 4, MAX_BLOCKS);
        }
    }

    /** Fields that other threads change, away from the owner's cache lines. */
    @SuppressWarnings("unused")
    private static class RemotePadding {
        long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14;
    }

    private static class RemoteFields extends RemotePadding {
        @SuppressWarnings("unused") // through REMOTE
        volatile @Nullable Block top;

        /** The list's content, with blocks about to be pushed: block count in the upper half, bytes in the lower. */
        @SuppressWarnings("unused") // through LISTED
        volatile long listed;
    }

    @SuppressWarnings("unused")
    private static final class Remote extends RemoteFields {
        long q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11, q12, q13, q14;
    }

    private final SegmentPool pool;
    private final Stack[] stacks = new Stack[CLASSES];

    /** Null while no thread owns the cache. */
    private volatile @Nullable Thread owner;

    /** Owner only. */
    private boolean registered;

    private volatile boolean active;

    private final Remote remote = new Remote();

    private boolean usedSinceTrim;

    @SuppressWarnings("UnusedVariable") // read through HITS
    private long hits;

    /** Creates a cache that serves all threads from {@code pool} until a thread becomes its {@link #own owner}. */
    public LoopCache(SegmentPool pool) {
        this.pool = pool;
        for (int i = 0; i < CLASSES; i++) {
            stacks[i] = new Stack(SizeClasses.size(i));
        }
    }

    /** The pool behind it. */
    public SegmentPool pool() {
        return pool;
    }

    /** Makes the calling thread the owner. The previous owner's actions must happen-before this call. */
    public void own() {
        Thread current = Thread.currentThread();
        Thread before = (Thread) OWNER.getOpaque(this);
        if (before != null && before != current) {
            throw new IllegalStateException("owned by " + before);
        }
        OWNER.setOpaque(this, current);
        if (!registered) {
            registered = true;
            pool.register(this);
        }
    }

    /** {@return whether the calling thread is the owner} */
    public boolean isOwner() {
        return OWNER.getOpaque(this) == Thread.currentThread();
    }

    /** <i>Owner.</i> Gives up the ownership but keeps the blocks for the next owner. */
    public void release() {
        OWNER.setOpaque(this, null);
    }

    /** <i>Owner.</i> Returns all blocks; from now on requests go to the pool. Idempotent. */
    public void disown() {
        if (owner == Thread.currentThread()) {
            deactivate();
            owner = null;
            registered = false;
            pool.unregister(this);
        }
    }

    /** <i>Owner.</i> Whether it may hold blocks and so needs a trim now and then. */
    public boolean isActive() {
        return active;
    }

    @Override
    public Block allocate(int minCapacity) {
        if (Thread.currentThread() != owner || minCapacity < 0) {
            return pool.allocate(minCapacity);
        }
        if (minCapacity > LARGEST) {
            return askPool(minCapacity);
        }
        Stack stack = stacks[SizeClasses.indexOf(minCapacity)];
        Block block = stack.top;
        if (block == null) {
            return refill(stack, minCapacity);
        }
        stack.top = block.nextFree;
        block.nextFree = null;
        int left = --stack.count;
        if (left < stack.lowest) {
            stack.lowest = left;
        }
        hits++;
        usedSinceTrim = true;
        return block.allocated();
    }

    /** Takes over the remote frees, or asks the pool. */
    private Block refill(Stack stack, int minCapacity) {
        usedSinceTrim = true;
        if (!active) {
            active = true;
        }
        keepRemote();
        if (stack.top != null) {
            return allocate(minCapacity);
        }
        Block block = askPool(minCapacity);
        if (block.sizeClass < CLASSES && block.sizeClass != SegmentPool.DEDICATED) {
            block.home = this;
        }
        return block;
    }

    private Block askPool(int minCapacity) {
        try {
            return pool.allocate(minCapacity);
        } catch (MemoryLimitException e) {
            deactivate(); // perhaps the missing memory is here
            return pool.allocate(minCapacity);
        }
    }

    private void keepRemote() {
        Block freed = takeRemote();
        while (freed != null) {
            Block next = freed.nextFree;
            keep(freed);
            freed = next;
        }
    }

    @Override
    public void recycle(Block block) {
        if (Thread.currentThread() == owner) {
            keep(block);
        } else if (active) {
            push(block);
        } else {
            passOn(block);
        }
    }

    private void keep(Block block) {
        Stack stack = stacks[block.sizeClass];
        if (stack.count >= stack.limit || !active) {
            passOn(block);
            return;
        }
        block.nextFree = stack.top;
        stack.top = block;
        stack.count++;
    }

    private void push(Block block) {
        long counted = counted(block); // not in the block below, which may come back with another count: ABA
        if ((int) (long) LISTED.getAndAdd(remote, counted) >= MAX_REMOTE) {
            LISTED.getAndAdd(remote, -counted);
            passOn(block);
            return;
        }
        Block top;
        do {
            top = (Block) REMOTE.getAcquire(remote);
            block.nextFree = top;
        } while (!REMOTE.compareAndSet(remote, top, block));
        if (!active) { // I4
            try {
                passOnRemote();
            } catch (StackOverflowError _) {
                // the block is in the list; the owner or the next thread that pushes finds it
            }
        }
    }

    private @Nullable Block takeRemote() {
        Block all = (Block) REMOTE.getAndSet(remote, (Block) null);
        long counted = 0;
        for (Block block = all; block != null; block = block.nextFree) {
            counted += counted(block);
        }
        if (counted != 0) {
            LISTED.getAndAdd(remote, -counted);
        }
        return all;
    }

    private static long counted(Block block) {
        return ONE_BLOCK + block.capacity();
    }

    private void passOn(Block block) {
        block.home = null;
        block.nextFree = null;
        pool.recycle(block);
    }

    private void passOnRemote() {
        Block freed = null;
        try {
            freed = takeRemote();
        } catch (StackOverflowError _) {
            return; // they wait for the owner, or the next thread that pushes
        }
        while (freed != null) {
            Block next = freed.nextFree;
            try {
                passOn(freed);
            } catch (StackOverflowError _) {
                pool.salvage.keep(freed);
            }
            freed = next;
        }
    }

    /**
     * <i>Owner.</i> Returns the blocks that were not needed since the last call, or all blocks if none was needed. Call
     * it about once a second while {@link #isActive()}.
     */
    public void trim() {
        if (!usedSinceTrim) {
            deactivate();
            return;
        }
        usedSinceTrim = false;
        keepRemote(); // the owner never runs out of a size that only others free, and would not look
        for (Stack stack : stacks) {
            drop(stack, stack.lowest);
            stack.lowest = stack.count;
        }
    }

    private void deactivate() {
        active = false;
        for (Stack stack : stacks) {
            drop(stack, stack.count);
            stack.lowest = 0;
        }
        passOnRemote(); // I4
    }

    private void drop(Stack stack, int count) {
        for (int i = 0; i < count; i++) {
            Block block = stack.top;
            if (block == null) {
                return;
            }
            stack.top = block.nextFree;
            stack.count--;
            passOn(block);
        }
    }

    @Override
    public int heldBlocks() {
        int sum = 0;
        for (Stack stack : stacks) {
            sum += (int) COUNT.getOpaque(stack);
        }
        return sum + (int) ((long) LISTED.getAcquire(remote) >>> Integer.SIZE);
    }

    @Override
    public long heldBytes() {
        long sum = 0;
        for (int i = 0; i < CLASSES; i++) {
            sum += (long) (int) COUNT.getOpaque(stacks[i]) * SizeClasses.size(i);
        }
        return sum + (int) (long) LISTED.getAcquire(remote);
    }

    @Override
    public long hits() {
        return (long) HITS.getOpaque(this);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The free blocks of one size class: LIFO stacks (the block freed last is warm in the cache), each with a try-lock.
 *
 * <p>Invariants:
 * <ul>
 *   <li>I1. Only the thread that set {@code lock} touches the fields of a stripe and the links of its blocks.
 *   <li>I2. No thread waits for a lock: taking goes on to the next stripe, putting ends in the overflow list. Threads
 *       push single blocks onto that list and only ever take all of it, so it has no ABA problem.
 *   <li>I3. {@code taken - put} over all stripes is the number of blocks that were taken from here and are not back.
 *       The pool counts a block taken elsewhere (newly carved).
 *   <li>I4. Putting a block back fails only if the block is not here then. A lock is released in any case.
 * </ul>
 */
final class FreeList {
    private static final VarHandle LOCK;
    private static final VarHandle OVERFLOW;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            LOCK = lookup.findVarHandle(Stripe.class, "lock", int.class);
            OVERFLOW = lookup.findVarHandle(FreeList.class, "overflow", Block.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Stripe[] stripes;
    private final int mask;
    private final AtomicLong overflowHits = new AtomicLong();

    @SuppressWarnings("unused") // through OVERFLOW
    private volatile @Nullable Block overflow;

    /** Creates an empty list with {@code stripes} stacks, a power of two. */
    FreeList(int stripes) {
        this.stripes = new Stripe[stripes];
        this.mask = stripes - 1;
        for (int i = 0; i < stripes; i++) {
            this.stripes[i] = new Stripe();
        }
    }

    /** Takes a block, preferably from the stripe {@code home}; null if it found none without waiting. */
    @Nullable
    Block take(int home) {
        for (int i = 0; i <= mask; i++) {
            Stripe stripe = stripes[(home + i) & mask];
            if (stripe.top == null || !stripe.tryLock()) { // racy read first: most stripes are empty or ours
                continue;
            }
            Block block = stripe.top;
            if (block != null) {
                stripe.top = block.nextFree;
                block.nextFree = null;
                stripe.taken++;
                Slab slab = block.slab;
                if (!slab.used) { // read first: all threads share the slab
                    slab.used = true;
                }
            }
            try {
                VarHandle.releaseFence();
            } catch (StackOverflowError _) {
                // the block is returned
            } finally {
                stripe.lock = 0;
            }
            if (block != null) {
                return block;
            }
        }
        return overflow == null ? null : takeOverflow(home);
    }

    private @Nullable Block takeOverflow(int home) {
        Block block = (Block) OVERFLOW.getAndSet(this, null);
        if (block == null) {
            return null;
        }
        Block rest = block.nextFree;
        block.nextFree = null;
        block.slab.used = true;
        while (rest != null) {
            Block next = rest.nextFree;
            store(home, rest, 0);
            rest = next;
        }
        overflowHits.getAndIncrement();
        Stripe.TAKEN_ELSEWHERE.getAndAdd(stripes[home & mask], 1L);
        return block;
    }

    /** Puts a block back. */
    void put(int home, Block block) {
        store(home, block, 1);
    }

    private void store(int home, Block block, int counted) {
        for (int i = 0; i <= mask; i++) {
            Stripe stripe = stripes[(home + i) & mask];
            if (stripe.tryLock()) {
                block.nextFree = stripe.top;
                stripe.top = block;
                stripe.put += counted;
                try {
                    VarHandle.releaseFence();
                } catch (StackOverflowError _) {
                    // I4: the block is here
                } finally {
                    stripe.lock = 0;
                }
                return;
            }
        }
        Block top;
        if (counted != 0) {
            Stripe.TAKEN_ELSEWHERE.getAndAdd(stripes[home & mask], -1L);
        }
        do {
            top = overflow;
            block.nextFree = top;
        } while (!OVERFLOW.weakCompareAndSet(this, top, block));
    }

    /**
     * Takes all blocks out of the stripe {@code i}, and with the last index the overflow, to inspect them. They don't
     * count as taken. Finds nothing where another thread is at work.
     *
     * @return a list linked by {@code nextFree}
     */
    @Nullable
    Block drain(int i) {
        if (i == stripes.length) {
            return (Block) OVERFLOW.getAndSet(this, null);
        }
        Stripe stripe = stripes[i];
        if (!stripe.tryLock()) {
            return null;
        }
        Block all = stripe.top;
        stripe.top = null;
        try {
            VarHandle.releaseFence();
        } catch (StackOverflowError _) {
            // the blocks are returned
        } finally {
            stripe.lock = 0;
        }
        return all;
    }

    /** The number of places for {@link #drain}. */
    int places() {
        return stripes.length + 1;
    }

    /** Puts a drained block back, preferably where it was. */
    void restore(int place, Block block) {
        store(place, block, 0);
    }

    /** Counts a block that was carved for a taker and not found here. */
    void takenElsewhere(int home) {
        Stripe.TAKEN_ELSEWHERE.getAndAdd(stripes[home & mask], 1L);
    }

    /** Blocks in use: exact if no thread takes or puts meanwhile. */
    long outstanding() {
        long sum = 0;
        for (Stripe stripe : stripes) {
            VarHandle.acquireFence();
            sum += stripe.taken - stripe.put + (long) Stripe.TAKEN_ELSEWHERE.getAcquire(stripe);
        }
        return sum;
    }

    /** The number of blocks found here so far. */
    long hits() {
        long sum = overflowHits.get();
        for (Stripe stripe : stripes) {
            VarHandle.acquireFence();
            sum += stripe.taken;
        }
        return sum;
    }

    private static final class Stripe {
        static final VarHandle TAKEN_ELSEWHERE;

        static {
            try {
                TAKEN_ELSEWHERE = MethodHandles.lookup().findVarHandle(Stripe.class, "takenElsewhere", long.class);
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }

        @Nullable
        Block top;

        long taken;
        long put;

        /** Set through LOCK; cleared after a fence by a plain store, which can't fail. */
        @SuppressWarnings("UnusedVariable")
        private int lock;

        /** Takes minus puts that bypassed the stack; changed without the lock. */
        @SuppressWarnings("unused") // through TAKEN_ELSEWHERE
        private long takenElsewhere;

        boolean tryLock() {
            return (int) LOCK.getOpaque(this) == 0 && LOCK.compareAndSet(this, 0, 1);
        }
    }
}

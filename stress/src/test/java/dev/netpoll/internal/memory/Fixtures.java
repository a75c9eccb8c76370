// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/** What the states of the tests are made of. */
public final class Fixtures {
    /** Sixteen of the smallest blocks: a state takes little memory, so many states fit into one round. */
    private static final int POOL_BYTES = 4096;

    private static final int POISON = Byte.toUnsignedInt(CheckedMode.POISON) * 0x01010101;

    private static final VarHandle OWNER;
    private static final VarHandle ACTIVE;

    /** Pools of states that are done. To close one and map another takes longer than a test. */
    private static final Queue<SegmentPool> CLEAN = new ConcurrentLinkedQueue<>();

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.privateLookupIn(LoopCache.class, MethodHandles.lookup());
            OWNER = lookup.findVarHandle(LoopCache.class, "owner", Thread.class);
            ACTIVE = lookup.findVarHandle(LoopCache.class, "active", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private Fixtures() {}

    /** A pool for one state alone, of which nothing is in use. */
    public static SegmentPool pool() {
        SegmentPool clean = CLEAN.poll();
        return clean != null ? clean : new SegmentPool(POOL_BYTES);
    }

    /**
     * The state is done with its pool.
     *
     * @return the number of blocks that are not back: 0, or one was lost (more) or came back twice (less)
     */
    public static int done(SegmentPool pool) {
        int outstanding = (int) pool.outstandingBlocks();
        if (outstanding == 0) {
            CLEAN.add(pool);
        }
        return outstanding;
    }

    /** A cache that holds blocks already, whose owner is yet to come. */
    static LoopCache activeCache(SegmentPool pool) {
        LoopCache cache = new LoopCache(pool);
        ACTIVE.setVolatile(cache, true);
        return cache;
    }

    /** Makes the calling thread the owner instead of the one that was, and that touches the cache no more. */
    static void takeOver(LoopCache cache) {
        OWNER.setVolatile(cache, Thread.currentThread());
    }

    /** A new block that was handed out by {@code cache}. */
    static Block handedOutBy(LoopCache cache) {
        Block block = cache.pool().allocate(SizeClasses.MIN_BLOCK);
        block.home = cache;
        return block;
    }

    /** The first number in a block whose last owner wrote 42 there: that too when checked mode has overwritten it. */
    static int written(Block block) {
        int number = block.memory().get(Layouts.INT, 0);
        return CheckedMode.ON && number == POISON ? 42 : number;
    }

    /** Whether all of them are different. */
    static boolean differ(@Nullable Block... blocks) {
        for (int i = 0; i < blocks.length; i++) {
            for (int j = 0; j < i; j++) {
                if (blocks[i] != null && blocks[i] == blocks[j]) {
                    return false;
                }
            }
        }
        return true;
    }
}

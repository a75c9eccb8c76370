// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import dev.netpoll.internal.base.Classes;
import dev.netpoll.internal.base.StackRoom;
import dev.netpoll.memory.MemoryLimitException;
import dev.netpoll.memory.MemoryStats;
import java.lang.invoke.MethodHandles;
import java.lang.ref.ReferenceQueue;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Hands out {@link Block}s of native memory and takes them back. Thread-safe; meant for platform and virtual threads.
 * An event loop has a {@link LoopCache} in front of it.
 *
 * <p>The blocks of a size class are carved from slabs; {@link PoolSlabs}, the layer below, obtains and returns those. A
 * block above 8 MiB gets its own arena ({@link DedicatedBlocks}), which its release closes. Every access to it is
 * checked, so that a stray one causes an exception instead of a crash.
 *
 * <p>Free blocks lie in striped stacks, see {@link FreeList}; the thread's id selects the stripe. No thread spins. A
 * failure for lack of heap or stack loses no block and no part of the cap.
 *
 * <p>At the cap, a larger free block serves a smaller request, then free slabs make room. If neither helps, the request
 * throws {@link MemoryLimitException}.
 */
public final class SegmentPool extends PoolSlabs implements BlockSource, AutoCloseable {
    /** The system property that caps {@link #shared()}: a number of bytes, or with one of the suffixes k, m, g. */
    public static final String MAX_PROPERTY = PoolLimit.PROPERTY;

    /** The size class of blocks that have their own arena. */
    static final int DEDICATED = -1;

    /** How often a request at the cap tries again when it had to skip locked stacks. */
    private static final int LAST_LOOKS = 16;

    static {
        Classes.initialize(
                MethodHandles.lookup(),
                Block.class,
                Segment.class,
                SegmentReader.class,
                SegmentWriter.class,
                FreeList.class,
                LoopCache.class,
                HeapScratch.class,
                Layouts.class,
                MemoryEvents.class,
                ViewScope.class);
    }

    private final boolean permanent;
    private final DedicatedBlocks dedicated = new DedicatedBlocks(system);
    private final AtomicLong misses = new AtomicLong();
    private final AtomicLong lostBytes = new AtomicLong();
    private final List<BlockHome> caches = new CopyOnWriteArrayList<>();
    private final AtomicLong hitsOfGoneCaches = new AtomicLong();
    private boolean closed; // guarded by growth

    /** Free blocks that did not find their way back. */
    final Salvage salvage = new Salvage();

    /** Checked mode: the blocks in use. */
    private final Set<BlockTrace> tracked = ConcurrentHashMap.newKeySet();

    /** Traces of blocks that were not returned and are unreachable. */
    private final ReferenceQueue<Block> lostBlocks = new ReferenceQueue<>();

    private final AtomicLong foundBlocks = new AtomicLong();

    /** The trace being handled. Under the lock. */
    private @Nullable BlockTrace found;

    /**
     * Creates a separate pool, for tests and for groups that don't want to share.
     *
     * @param maxBytes the cap of all slabs together, in bytes
     */
    public SegmentPool(long maxBytes) {
        this(maxBytes, false);
    }

    private SegmentPool(long maxBytes, boolean permanent) {
        super(maxBytes);
        this.permanent = permanent;
    }

    /** Makes all pools return pages of unused slabs to the system by {@code releaser} from now on. */
    public static void releasePagesBy(PageReleaser releaser) {
        SystemMemory.releasePagesBy(releaser);
    }

    /**
     * The pool of this process, created at first use. Its cap is the system property {@value PoolLimit#PROPERTY}, and
     * without it the maximal heap but at least 256 MiB.
     *
     * @throws IllegalArgumentException if the property is not a size
     */
    public static SegmentPool shared() {
        SegmentPool pool = Shared.POOL;
        if (pool == null) {
            throw new IllegalArgumentException(Shared.invalid); // each time, not as a class that can't be initialised
        }
        return pool;
    }

    // ---- allocating

    @Override
    public Block allocate(int minCapacity) {
        if (minCapacity < 0) {
            throw new IllegalArgumentException("negative capacity " + minCapacity);
        }
        if (minCapacity > SizeClasses.MAX_BLOCK) {
            return allocateDedicated(minCapacity);
        }
        SizeClass sizeClass = classes[SizeClasses.indexOf(minCapacity)];
        Block block = sizeClass.free.take(home());
        if (block == null) {
            block = allocateSlowly(sizeClass, minCapacity);
        }
        return block.allocated();
    }

    private Block allocateSlowly(SizeClass sizeClass, int minCapacity) {
        StackRoom.needMuch();
        growth.lock();
        try {
            if (closed) {
                throw new IllegalStateException("the pool is closed");
            }
            bringBack();
            Block block = sizeClass.free.take(home()); // another thread may have put one back meanwhile
            if (block == null) {
                block = carve(sizeClass);
            }
            for (int look = 0; block == null && look < LAST_LOOKS; look++) {
                block = takeThisOrLarger(sizeClass);
            }
            while (block == null && makeRoom()) {
                block = carve(sizeClass);
            }
            if (block == null) {
                throw limitReached(minCapacity);
            }
            return block;
        } finally {
            growth.unlock();
        }
    }

    private @Nullable Block takeThisOrLarger(SizeClass smallest) {
        for (int i = smallest.index; i < classes.length; i++) {
            Block block = classes[i].free.take(home());
            if (block != null) {
                return block;
            }
        }
        return null;
    }

    /** <i>Locked.</i> A block for its first use; null if the cap forbids a new slab. */
    private @Nullable Block carve(SizeClass sizeClass) {
        Block block = sizeClass.carve(this);
        if (block == null && addSlab(sizeClass)) {
            block = sizeClass.carve(this);
        }
        if (block != null) {
            sizeClass.free.takenElsewhere(home());
            misses.getAndIncrement();
            MemoryEvents.miss(block.capacity());
        }
        return block;
    }

    private Block allocateDedicated(int capacity) {
        StackRoom.needMuch();
        if (!system.reserve(capacity)) {
            growth.lock();
            try {
                while (!system.reserve(capacity)) {
                    if (!makeRoom()) {
                        throw limitReached(capacity);
                    }
                }
            } finally {
                growth.unlock();
            }
        }
        Block block = dedicated.map(this, capacity);
        misses.getAndIncrement();
        MemoryEvents.miss(capacity);
        return block.allocated();
    }

    private MemoryLimitException limitReached(int wanted) {
        return new MemoryLimitException("no buffer of " + wanted + " bytes: the limit of " + system.maxBytes
                + " bytes is reached; -D" + MAX_PROPERTY + " sets it; " + stats());
    }

    private static int home() {
        long id = Thread.currentThread().threadId();
        return (int) (id ^ (id >>> 4));
    }

    // ---- taking back

    /** Takes back a block after its last release. */
    void recycle(Block block) {
        if (block.sizeClass != DEDICATED) {
            classes[block.sizeClass].free.put(home(), block);
            return;
        }
        if (!dedicated.unmap(block)) {
            trimmerIsNeeded(); // it tries again
        }
    }

    // ---- blocks that did not find their way back

    @Override
    void bringBack() {
        findLost();
        for (Block block = salvage.take(); block != null; block = salvage.take()) {
            block.home = null;
            recycle(block);
        }
    }

    /** Creates new blocks in place of lost ones. Without memory for it, the next call continues. */
    private void findLost() {
        BlockTrace trace = found != null ? found : nextLost();
        while (trace != null) {
            found = trace;
            replace(trace);
            found = null;
            trace = nextLost();
        }
    }

    private @Nullable BlockTrace nextLost() {
        return (BlockTrace) (Object) lostBlocks.poll();
    }

    private void replace(BlockTrace trace) {
        Slab slab = trace.slab;
        if (slab.gone) { // all its blocks were free, and are collected with it
            return;
        }
        ViewLife life = trace.life;
        if (trace.shown && life == null) {
            lost(slab.blockSize);
        } else if (life != null) {
            Block block = slab.carve(this, trace.sizeClass, trace.index)
                    .shownBefore(life)
                    .allocated();
            if (trace.sizeClass == DEDICATED) {
                dedicated.add(block.trace);
            }
            life.adopt(Segment.of(block, 0, block.capacity()));
        } else if (trace.sizeClass == DEDICATED) {
            dedicated.unmap(slab);
        } else {
            classes[trace.sizeClass].free.put(home(), slab.carve(this, trace.sizeClass, trace.index));
        }
        untrack(trace);
        dedicated.remove(trace);
        foundBlocks.incrementAndGet();
    }

    /** The queue for traces of unreachable blocks. */
    ReferenceQueue<Block> lostBlocks() {
        return lostBlocks;
    }

    /** Counts a block that will never come back. */
    void lost(int bytes) {
        lostBytes.addAndGet(bytes);
    }

    // ---- users and figures of the pool

    void register(BlockHome cache) {
        caches.add(cache);
    }

    void unregister(BlockHome cache) {
        hitsOfGoneCaches.addAndGet(cache.hits());
        caches.remove(cache);
    }

    /** Checked mode: the block is in use. */
    void track(BlockTrace trace) {
        tracked.add(trace);
    }

    /** Checked mode: the block is not in use any more. */
    void untrack(BlockTrace trace) {
        tracked.remove(trace);
    }

    /** Figures of this pool. */
    public MemoryStats stats() {
        long blocks = dedicated.blocks();
        long bytes = dedicated.bytes();
        long hits = hitsOfGoneCaches.get();
        for (SizeClass sizeClass : classes) {
            long outstanding = sizeClass.free.outstanding();
            blocks += outstanding;
            bytes += outstanding * sizeClass.blockSize;
            hits += sizeClass.free.hits();
        }
        long cached = 0;
        for (BlockHome cache : caches) {
            blocks -= cache.heldBlocks();
            cached += cache.heldBytes();
            hits += cache.hits();
        }
        long missed = misses.get();
        return new MemoryStats(
                system.bytes(),
                system.maxBytes,
                blocks,
                bytes - cached,
                cached,
                hits + missed,
                missed,
                trimmedBytes(),
                CheckedMode.leaks(),
                foundBlocks.get(),
                lostBytes.get());
    }

    /** The number of blocks handed out and not returned: exact if no thread uses the pool meanwhile. */
    public long outstandingBlocks() {
        return stats().outstandingBlocks();
    }

    /** In checked mode, where the blocks in use were handed out: one stack trace each, ten at most. */
    public String whereAllocated() {
        return CheckedMode.describe(tracked.stream().map(trace -> trace.allocatedAt));
    }

    /**
     * Returns all memory to the system. Not for {@link #shared()}, and not while others use the pool. Idempotent.
     *
     * @throws IllegalStateException if blocks are outstanding: leaked, or still in use
     */
    @Override
    public void close() {
        if (permanent) {
            throw new IllegalStateException("the shared pool can't be closed");
        }
        growth.lock();
        try {
            long outstanding = outstandingBlocks();
            if (outstanding != 0) {
                throw new IllegalStateException(outstanding + " blocks are still in use" + whereAllocated());
            }
            closed = true;
            bringBack();
            trimNow(); // so that nothing is left in the free lists
        } finally {
            growth.unlock();
        }
        wakeTrimmer();
    }

    private static final class Shared {
        static final @Nullable SegmentPool POOL;

        /** Why there is none: the property's value is not a limit. */
        static @Nullable String invalid;

        static {
            SegmentPool pool = null;
            try {
                pool = new SegmentPool(PoolLimit.parse(System.getProperty(MAX_PROPERTY)), true);
            } catch (IllegalArgumentException e) {
                invalid = e.getMessage();
            }
            POOL = pool;
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Hands out {@link Block}s of native memory and takes them back. Thread-safe; meant for platform and virtual threads.
 *
 * <p>Size classes are the powers of two from 256 B to 8 MiB. A smaller block would be mostly bookkeeping; a larger one
 * is rare enough to be mapped for itself. Powers of two waste less than half, and only of what is not filled: a writer
 * fills its blocks, and a reader's leftovers are copied into right-sized ones.
 *
 * <p>The blocks of a class are carved from slabs. A class starts with a small slab and each further one is twice as
 * large, up to 2 MiB, so that a pool that is little used stays small. Slabs live in shared arenas that are closed only
 * with the pool: closing one stops all threads for a moment, and a stray access after closing is an exception instead
 * of a crash. Requests above 8 MiB get an arena for themselves, which is closed when the block is released.
 *
 * <p>Free blocks lie in striped stacks, see {@link FreeList}; the stripe is chosen by the thread's id. Nobody spins.
 * The only lock that can park a thread is held while a new slab is obtained.
 *
 * <p>All slabs together stay below a cap. At the cap, a larger free block serves a smaller request; when there is none
 * either, {@link MemoryLimitException} is thrown.
 */
public final class SegmentPool implements AutoCloseable {
    /** The system property that caps {@link #shared()}: a number of bytes, or with one of the suffixes k, m, g. */
    public static final String MAX_PROPERTY = "dev.netpoll.memory.max";

    /** The smallest block. */
    static final int MIN_BLOCK = 256;

    /** The largest block that is carved from a slab. */
    static final int MAX_BLOCK = 8 << 20;

    /** The size class of blocks that have an arena for themselves. */
    static final int DEDICATED = -1;

    private static final int MIN_SHIFT = Integer.numberOfTrailingZeros(MIN_BLOCK);
    private static final int CLASSES = Integer.numberOfTrailingZeros(MAX_BLOCK) - MIN_SHIFT + 1;
    private static final int FIRST_SLAB = 64 << 10;
    private static final int MAX_SLAB = 2 << 20;
    private static final int PAGE = 4096;
    private static final long MIN_DEFAULT_CAP = 256L << 20;

    /** How often a request at the cap looks again when it had to pass by locked stacks. */
    private static final int LAST_LOOKS = 16;

    private final SizeClass[] classes = new SizeClass[CLASSES];
    private final long maxBytes;
    private final boolean permanent;
    private final AtomicLong slabBytes = new AtomicLong();
    private final LongAdder misses = new LongAdder();
    private final AtomicLong dedicatedBlocks = new AtomicLong();
    private final AtomicLong dedicatedBytes = new AtomicLong();
    private final ReentrantLock growth = new ReentrantLock();
    private final List<Arena> slabs = new ArrayList<>(); // guarded by growth
    private boolean closed; // guarded by growth

    /**
     * Creates a pool of its own, for tests and for groups that don't want to share.
     *
     * @param maxBytes the cap of all slabs together, in bytes
     */
    public SegmentPool(long maxBytes) {
        this(maxBytes, false);
    }

    private SegmentPool(long maxBytes, boolean permanent) {
        if (maxBytes <= 0) {
            throw new IllegalArgumentException("the cap must be positive: " + maxBytes);
        }
        this.maxBytes = maxBytes;
        this.permanent = permanent;
        int processors = Runtime.getRuntime().availableProcessors();
        int stripes = Math.min(16, Integer.highestOneBit(Math.max(1, 2 * processors - 1)));
        for (int i = 0; i < CLASSES; i++) {
            classes[i] = new SizeClass(MIN_BLOCK << i, stripes);
        }
    }

    /**
     * The pool of this process, made at first use. Its cap is the system property {@value #MAX_PROPERTY}, and without
     * it twice the maximal heap but at least 256 MiB.
     */
    public static SegmentPool shared() {
        return Shared.POOL;
    }

    /**
     * Hands out a block with one reference, owned by the caller. Its content is arbitrary.
     *
     * @param minCapacity the least capacity in bytes; the block may be larger
     * @throws IllegalArgumentException if {@code minCapacity} is negative
     * @throws MemoryLimitException if the cap is reached or the system has no memory
     */
    public Block allocate(int minCapacity) {
        if (minCapacity < 0) {
            throw new IllegalArgumentException("negative capacity " + minCapacity);
        }
        if (minCapacity > MAX_BLOCK) {
            return allocateDedicated(minCapacity);
        }
        int index = classOf(minCapacity);
        Block block = classes[index].free.take(home());
        if (block == null) {
            block = allocateSlowly(index, minCapacity);
        }
        block.allocated();
        return block;
    }

    /** Takes back a block whose last reference is gone. */
    void recycle(Block block) {
        if (block.sizeClass != DEDICATED) {
            classes[block.sizeClass].free.put(home(), block);
            return;
        }
        if (block.arena != null) {
            block.arena.close();
        }
        slabBytes.addAndGet(-block.capacity());
        dedicatedBytes.addAndGet(-block.capacity());
        dedicatedBlocks.decrementAndGet();
    }

    /** Figures of this pool. Each is exact when no thread uses the pool meanwhile, and close otherwise. */
    public Stats stats() {
        long blocks = dedicatedBlocks.get();
        long bytes = dedicatedBytes.get();
        long hits = 0;
        for (SizeClass sizeClass : classes) {
            long outstanding = sizeClass.free.outstanding();
            blocks += outstanding;
            bytes += outstanding * sizeClass.blockSize;
            hits += sizeClass.free.hits();
        }
        long missed = misses.sum();
        return new Stats(slabBytes.get(), maxBytes, blocks, bytes, hits + missed, missed);
    }

    /** The cap that the property's value {@code text} asks for; null means the property is not set. */
    static long maxBytesOfShared(@Nullable String text) {
        if (text == null) {
            return Math.max(
                    MIN_DEFAULT_CAP, saturatedDouble(Runtime.getRuntime().maxMemory()));
        }
        String number = text.strip().toLowerCase(Locale.ROOT);
        int shift = number.isEmpty() ? 0 : 10 * ("kmg".indexOf(number.charAt(number.length() - 1)) + 1);
        try {
            long value = Long.parseLong(shift == 0 ? number : number.substring(0, number.length() - 1));
            if (value > 0 && value <= Long.MAX_VALUE >> shift) {
                return value << shift;
            }
        } catch (NumberFormatException e) {
            throw invalidMax(text, e);
        }
        throw invalidMax(text, null);
    }

    private static long saturatedDouble(long value) {
        return value > Long.MAX_VALUE / 2 ? Long.MAX_VALUE : 2 * value;
    }

    private static IllegalArgumentException invalidMax(String text, @Nullable Throwable cause) {
        return new IllegalArgumentException(
                "-D" + MAX_PROPERTY + "=" + text + " is not a positive number of bytes, as 512m or 2g", cause);
    }

    /** The number of blocks that were handed out and are not back: exact when no thread uses the pool meanwhile. */
    public long outstandingBlocks() {
        return stats().outstandingBlocks();
    }

    /**
     * Returns all memory to the system. Not for {@link #shared()}, and not while others use the pool. Idempotent.
     *
     * @throws IllegalStateException if blocks are outstanding: somebody leaks, or still uses them
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
                throw new IllegalStateException(outstanding + " blocks are still in use");
            }
            closed = true;
            slabs.forEach(Arena::close);
            slabs.clear();
        } finally {
            growth.unlock();
        }
    }

    private static int classOf(int minCapacity) {
        return Integer.SIZE - MIN_SHIFT - Integer.numberOfLeadingZeros(Math.max(minCapacity, MIN_BLOCK) - 1);
    }

    private static int home() {
        long id = Thread.currentThread().threadId();
        return (int) (id ^ (id >>> 4));
    }

    private Block allocateSlowly(int index, int minCapacity) {
        growth.lock();
        try {
            if (closed) {
                throw new IllegalStateException("the pool is closed");
            }
            SizeClass sizeClass = classes[index];
            Block block = sizeClass.free.take(home()); // somebody may have put one back while we waited
            if (block == null) {
                block = carve(sizeClass, index);
                if (block != null) {
                    sizeClass.free.takenElsewhere(home());
                    misses.increment();
                }
            }
            for (int look = 0; block == null && look < LAST_LOOKS; look++) {
                block = takeThisOrLarger(index);
            }
            if (block == null) {
                throw limitReached(minCapacity);
            }
            return block;
        } finally {
            growth.unlock();
        }
    }

    private @Nullable Block takeThisOrLarger(int index) {
        for (int i = index; i < CLASSES; i++) {
            Block block = classes[i].free.take(home());
            if (block != null) {
                return block;
            }
        }
        return null;
    }

    /** A block from the class's current slab, or from a new one; null when the cap forbids it. Under the lock. */
    private @Nullable Block carve(SizeClass sizeClass, int index) {
        MemorySegment slab = sizeClass.slab;
        if (slab == null || sizeClass.carved == slab.byteSize()) {
            slab = newSlab(sizeClass);
            if (slab == null) {
                return null;
            }
            sizeClass.slab = slab;
            sizeClass.carved = 0;
        }
        MemorySegment memory = slab.asSlice(sizeClass.carved, sizeClass.blockSize);
        sizeClass.carved += sizeClass.blockSize;
        return new Block(this, memory, index, null);
    }

    private @Nullable MemorySegment newSlab(SizeClass sizeClass) {
        int size = sizeClass.nextSlab;
        while (!reserve(size)) { // near the cap: a smaller slab, down to one block
            size /= 2;
            if (size < sizeClass.blockSize) {
                return null;
            }
        }
        sizeClass.nextSlab = Math.max(sizeClass.blockSize, Math.min(MAX_SLAB, 2 * size));
        Arena arena = Arena.ofShared();
        MemorySegment slab = obtain(arena, size, Math.min(sizeClass.blockSize, PAGE));
        slabs.add(arena);
        return slab;
    }

    private Block allocateDedicated(int capacity) {
        if (!reserve(capacity)) {
            throw limitReached(capacity);
        }
        Arena arena = Arena.ofShared();
        Block block = new Block(this, obtain(arena, capacity, PAGE), DEDICATED, arena);
        dedicatedBytes.addAndGet(capacity);
        dedicatedBlocks.incrementAndGet();
        misses.increment();
        block.allocated();
        return block;
    }

    private MemorySegment obtain(Arena arena, int size, int alignment) {
        try {
            return arena.allocate(size, alignment);
        } catch (OutOfMemoryError e) {
            slabBytes.addAndGet(-size);
            throw new MemoryLimitException("the system refused " + size + " bytes of buffer memory; " + stats(), e);
        }
    }

    private boolean reserve(long bytes) {
        long current;
        do {
            current = slabBytes.get();
            if (bytes > maxBytes - current) {
                return false;
            }
        } while (!slabBytes.weakCompareAndSetVolatile(current, current + bytes));
        return true;
    }

    private MemoryLimitException limitReached(int wanted) {
        return new MemoryLimitException("no buffer of " + wanted + " bytes: the limit of " + maxBytes
                + " bytes is reached (set by -D" + MAX_PROPERTY + "); " + stats());
    }

    /**
     * What a pool holds.
     *
     * @param slabBytes bytes obtained from the system
     * @param maxBytes the cap of {@code slabBytes}
     * @param outstandingBlocks blocks handed out and not yet back
     * @param outstandingBytes their capacity in bytes
     * @param allocations blocks handed out so far
     * @param misses how many of these had not been in use before
     */
    public record Stats(
            long slabBytes,
            long maxBytes,
            long outstandingBlocks,
            long outstandingBytes,
            long allocations,
            long misses) {}

    private static final class SizeClass {
        final int blockSize;
        final FreeList free;
        int nextSlab;

        @Nullable
        MemorySegment slab;

        long carved;

        SizeClass(int blockSize, int stripes) {
            this.blockSize = blockSize;
            this.free = new FreeList(stripes);
            this.nextSlab = Math.max(FIRST_SLAB, blockSize);
        }
    }

    private static final class Shared {
        static final SegmentPool POOL = new SegmentPool(maxBytesOfShared(System.getProperty(MAX_PROPERTY)), true);
    }
}

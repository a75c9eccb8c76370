// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import dev.netpoll.memory.MemoryLimitException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.WeakReference;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A pool's memory from the system: whole slabs, below a cap. Any thread.
 *
 * <p>A slab is never unmapped explicitly, as it may still be in use: the garbage collector unmaps it when it is
 * unreachable. An unneeded slab is <i>parked</i>: its pages return to the system at once, if a {@link PageReleaser} is
 * installed, and its addresses are used again, for blocks of any size, unless a collection comes first. Parked memory
 * does not count.
 */
final class SystemMemory {
    private static final int PAGE = 4096;

    /** For this long after a refusal the JVM is not asked again, except by {@link #askAgain}. */
    private static final long REFUSED_NANOS = 3_000_000_000L;

    private static volatile @Nullable PageReleaser pages;

    /** When the JVM last refused memory, never 0 then; and how much. */
    private volatile long refusedAt;

    private volatile int refusedBytes;

    final long maxBytes;
    private final AtomicLong bytes = new AtomicLong();

    private @Nullable Parked parked; // these two guarded by this object

    /** Memory of single blocks that could not be unmapped yet. It counts until it is. */
    private @Nullable Slab refused;

    /** The memory of an unneeded slab. Weak: it keeps nothing that the JVM could reclaim. */
    private static final class Parked extends WeakReference<MemorySegment> {
        @Nullable
        Parked next;

        Parked(MemorySegment memory, @Nullable Parked next) {
            super(memory);
            this.next = next;
        }
    }

    SystemMemory(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /** Returns pages to the system by {@code releaser} from now on. */
    static void releasePagesBy(PageReleaser releaser) {
        pages = releaser;
    }

    /** The size of all slabs together. */
    long bytes() {
        return bytes.get();
    }

    /** Reserves {@code wanted} bytes below the cap, for one of the methods below; false if fewer are left. */
    boolean reserve(long wanted) {
        long current;
        do {
            current = bytes.get();
            if (wanted > maxBytes - current) {
                return false;
            }
        } while (!bytes.weakCompareAndSetVolatile(current, current + wanted));
        return true;
    }

    /** Gives up a reservation. */
    void unreserve(long size) {
        bytes.getAndAdd(-size);
    }

    /**
     * Creates a slab of as many bytes as were reserved.
     *
     * @throws MemoryLimitException if the system refuses; nothing is reserved any more
     */
    Slab map(int size, int blockSize) {
        Slab slab = null;
        try {
            MemorySegment memory = unpark(size);
            if (memory == null) {
                failIfJustRefused(size);
                memory = allocate(size, Math.min(blockSize, PAGE));
            }
            slab = new Slab(memory, blockSize);
            return slab;
        } catch (OutOfMemoryError e) {
            noteRefusal(size);
            throw new MemoryLimitException(refusal(size), e);
        } finally {
            if (slab == null) {
                unreserve(size);
            }
        }
    }

    /**
     * Allocates memory that the collector frees. With a page releaser, it does not count against the JVM's limit of
     * direct memory, which other code may use up; otherwise that limit makes the JVM collect parked memory.
     */
    private static MemorySegment allocate(int size, int alignment) {
        if (!RawMemory.AVAILABLE || pages == null) {
            return Arena.ofAuto().allocate(size, alignment);
        }
        Arena own = Arena.ofShared();
        MemorySegment collected = null;
        try {
            collected = RawMemory.scoped(own.allocate(size, alignment), Arena.ofAuto(), _ -> own.close());
            return collected;
        } finally {
            if (collected == null) {
                own.close();
            }
        }
    }

    /** Like {@link #map}, for a single block that is unmapped when it is released. */
    Slab mapSingle(int size) {
        Slab slab = null;
        Arena arena = null;
        try {
            failIfJustRefused(size);
            arena = Arena.ofShared();
            slab = new Slab(arena, arena.allocate(size, PAGE), size);
            return slab;
        } catch (OutOfMemoryError e) {
            noteRefusal(size);
            throw new MemoryLimitException(refusal(size), e);
        } finally {
            if (slab == null) {
                unreserve(size);
                if (arena != null) {
                    arena.close();
                }
            }
        }
    }

    private void noteRefusal(int size) {
        refusedBytes = size;
        refusedAt = System.nanoTime() | 1; // which is not 0
    }

    /** Memory was returned, so the next thread may ask the JVM at once. */
    void forgetRefusal() {
        refusedAt = 0;
    }

    /** Checks whether the JVM still refuses what it last refused. For a thread that may wait. */
    void askAgain() {
        if (refusedAt == 0) {
            return;
        }
        int size = refusedBytes;
        try {
            park(allocate(size, PAGE)); // for the next thread that needs it
            refusedAt = 0;
        } catch (OutOfMemoryError e) {
            noteRefusal(size);
        }
    }

    /**
     * At its limit the JVM collects garbage and sleeps for half a second before it refuses, which would stop an event
     * loop. So for a while afterwards no thread asks again.
     */
    private void failIfJustRefused(int size) {
        long at = refusedAt;
        if (at != 0 && System.nanoTime() - at < REFUSED_NANOS) {
            throw new MemoryLimitException(refusal(size));
        }
    }

    private String refusal(int size) {
        return "the system, or -XX:MaxDirectMemorySize with the NIO backend, refused " + size
                + " bytes of buffer memory; " + (bytes.get() - size) + " bytes are obtained";
    }

    /** Gives up the slabs of a list, none of whose blocks is in use; returns how many bytes. */
    long park(@Nullable Slab list) {
        long given = 0;
        for (Slab slab = list; slab != null; slab = slab.next) {
            park(slab.memory);
            given += slab.memory.byteSize();
        }
        unreserve(given);
        return given;
    }

    private void park(MemorySegment memory) {
        PageReleaser releaser = pages;
        try {
            if (releaser != null) {
                releaser.release(memory.address(), memory.byteSize());
            }
            Parked entry = new Parked(memory, null);
            synchronized (this) {
                entry.next = parked;
                parked = entry;
            }
        } catch (Throwable _) { // the others have to go as well
            // the collector frees it
        }
    }

    /** Parked memory of exactly {@code size} bytes that has not been collected. */
    private @Nullable MemorySegment unpark(int size) {
        synchronized (this) {
            Parked before = null;
            for (Parked entry = parked; entry != null; entry = entry.next) {
                MemorySegment memory = entry.get();
                boolean found = memory != null && memory.byteSize() == size;
                if (!found && memory != null) {
                    before = entry;
                } else if (before == null) {
                    parked = entry.next;
                } else {
                    before.next = entry.next;
                }
                if (found) {
                    return memory;
                }
            }
            return null;
        }
    }

    /** Unmaps the memory of a single block, now or later, when no stray view is in use; false if later. */
    boolean unmapSingle(Slab slab) {
        if (slab.close()) {
            unreserve(slab.memory.byteSize());
            return true;
        }
        synchronized (this) {
            slab.next = refused;
            refused = slab;
        }
        return false;
    }

    /** Retries what could not be unmapped; returns whether anything is left. */
    boolean unmapRefused() {
        Slab again;
        synchronized (this) {
            again = refused;
            refused = null;
        }
        boolean left = false;
        while (again != null) {
            Slab following = again.next;
            left |= !unmapSingle(again);
            again = following;
        }
        return left;
    }
}

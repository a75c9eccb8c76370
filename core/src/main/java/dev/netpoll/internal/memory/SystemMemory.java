// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import dev.netpoll.buffer.MemoryLimitException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collection;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/** What a pool has of the system's memory: below a cap, in whole slabs. Any thread. */
final class SystemMemory {
    private static final int PAGE = 4096;

    final long maxBytes;
    private final AtomicLong bytes = new AtomicLong();

    /** Slabs that could not be unmapped yet. They count until they are. */
    private final Queue<Slab> refused = new ConcurrentLinkedQueue<>();

    SystemMemory(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /** The size of all slabs together. */
    long bytes() {
        return bytes.get();
    }

    /** Takes {@code wanted} bytes of what the cap leaves, for {@link #map}; false if there are not so many. */
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

    /**
     * Makes a slab of as many bytes as were reserved.
     *
     * @throws MemoryLimitException if the system refuses; nothing is reserved any more
     */
    Slab map(int size, int blockSize) {
        Arena arena = Arena.ofShared();
        try {
            MemorySegment memory = arena.allocate(size, Math.min(blockSize, PAGE));
            return new Slab(arena, memory, blockSize);
        } catch (OutOfMemoryError e) {
            long left = bytes.addAndGet(-size);
            throw new MemoryLimitException(
                    "the system refused " + size + " bytes of buffer memory; " + left + " bytes are in use", e);
        }
    }

    /** Gives slabs back, as far as nobody uses a stray view of them; returns how many bytes. */
    long unmap(Collection<Slab> slabs) {
        long unmapped = 0;
        for (Slab slab : slabs) {
            if (slab.close()) {
                unmapped += slab.memory.byteSize();
            } else {
                refused.add(slab);
            }
        }
        bytes.addAndGet(-unmapped);
        return unmapped;
    }

    /** Moves the slabs that could not be unmapped to {@code again}. */
    void takeRefused(Collection<Slab> again) {
        for (Slab slab = refused.poll(); slab != null; slab = refused.poll()) {
            again.add(slab);
        }
    }

    /** Whether there are such slabs. */
    boolean hasRefused() {
        return !refused.isEmpty();
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * An array of {@code struct epoll_event}: {@code uint32_t events; uint64_t data}. Packed to 12 bytes on x86-64, so that
 * 32-bit programs see the same layout; 16 bytes elsewhere. Not thread-safe.
 */
public final class EpollEvents implements AutoCloseable {
    private static final boolean PACKED = "amd64".equals(System.getProperty("os.arch"));
    private static final long DATA = PACKED ? 4 : 8;

    static final long SIZE = PACKED ? 12 : 16;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory;
    private final int capacity;

    /** Allocates room for {@code capacity} events, until {@link #close}. */
    public EpollEvents(int capacity) {
        this.capacity = capacity;
        this.memory = OwnMemory.allocate(arena, capacity * SIZE, Long.BYTES);
    }

    /** {@return how many events fit} */
    public int capacity() {
        return capacity;
    }

    /** {@return the event: a set of {@code EPOLL...} bits} */
    public int events(int index) {
        return memory.get(ValueLayout.JAVA_INT_UNALIGNED, index * SIZE);
    }

    /** {@return the data that was registered with the descriptor} */
    public long data(int index) {
        return memory.get(ValueLayout.JAVA_LONG_UNALIGNED, index * SIZE + DATA);
    }

    long address() {
        return memory.address();
    }

    static void set(MemorySegment memory, long at, int events, long data) {
        memory.set(ValueLayout.JAVA_INT_UNALIGNED, at, events);
        memory.set(ValueLayout.JAVA_LONG_UNALIGNED, at + DATA, data);
    }

    /** Frees the array. Call it when no thread waits for events any more. Idempotent. */
    @Override
    public void close() {
        OwnMemory.free(arena);
    }
}

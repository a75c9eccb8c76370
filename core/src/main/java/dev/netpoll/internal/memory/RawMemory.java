// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;

/**
 * Reads and writes native memory by its address alone. No other class does.
 *
 * <p>One constant segment that covers all addresses lets the compiler drop the checks of bounds, of liveness and of the
 * owning thread: an access becomes one instruction. Creating that segment is a restricted operation. Without native
 * access, {@link #AVAILABLE} is false and all callers use checked access instead.
 */
@SuppressWarnings("restricted")
final class RawMemory {
    /** Whether the methods may be called. */
    static final boolean AVAILABLE = RawMemory.class.getModule().isNativeAccessEnabled();

    // SAFETY: covers everything, so each access is as safe as its address; the callers' contract is below.
    private static final MemorySegment ALL =
            AVAILABLE ? MemorySegment.NULL.reinterpret(Long.MAX_VALUE) : MemorySegment.NULL;

    private RawMemory() {}

    /**
     * The same memory with the life of {@code arena}; the memory itself without raw access.
     *
     * @param end called when that life is over; keeps all that it refers to reachable until then
     */
    static MemorySegment scoped(MemorySegment memory, Arena arena, Consumer<MemorySegment> end) {
        // SAFETY: the same bytes for a shorter life: the clean-up keeps the memory mapped.
        return AVAILABLE ? memory.reinterpret(arena, end) : memory;
    }

    // SAFETY, for all: the caller has a segment of a block that is part of a slab, in which all bytes of the access
    // lie. Slabs are unmapped when they are unreachable, and the caller keeps its segment reachable during the access.
    // Memory that is unmapped at any other time (large blocks, the user's) is never accessed here.

    static byte getByte(long address) {
        return ALL.get(Layouts.BYTE, address);
    }

    static short getShort(long address) {
        return ALL.get(Layouts.SHORT, address);
    }

    static int getInt(long address) {
        return ALL.get(Layouts.INT, address);
    }

    static long getLong(long address) {
        return ALL.get(Layouts.LONG, address);
    }

    static void setByte(long address, byte value) {
        ALL.set(Layouts.BYTE, address, value);
    }

    static void setShort(long address, short value) {
        ALL.set(Layouts.SHORT, address, value);
    }

    static void setInt(long address, int value) {
        ALL.set(Layouts.INT, address, value);
    }

    static void setLong(long address, long value) {
        ALL.set(Layouts.LONG, address, value);
    }
}

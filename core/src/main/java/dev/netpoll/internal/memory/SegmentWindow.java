// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The window {@code [start, end)} of a segment over a {@link Block}, or over memory that belongs to the user ({@code
 * block == null}). All access to the bytes themselves is here: single numbers, views and copies.
 *
 * <p>Invariants, numbered through the layers of a {@link Segment}:
 * <ul>
 *   <li>I1. {@code 0 <= start <= end <= limit <= memory.byteSize()}.
 *   <li>I2. The bytes {@code [end, limit)} belong to this segment alone: no other segment of the block covers them, so
 *       it may append there even while others read what lies before. Only the last part of a block may have such room.
 * </ul>
 */
@SuppressWarnings("ReachabilityFenceUsage") // an access that throws has touched nothing
abstract class SegmentWindow {
    /** In place of an address: the user may free this memory at any time, or there is no raw access. */
    private static final long CHECKED_ACCESS = 0;

    /** The whole block, or the whole of the user's memory (read-only then); always native memory. */
    public final MemorySegment memory;

    /** The block of the memory, or null if the memory is the user's. */
    public final @Nullable Block block;

    /** The address of index 0 of {@link #memory} for raw access, or {@link #CHECKED_ACCESS}. */
    private final long base;

    /** The block's generation when this segment got its reference. */
    int generation;

    /** Capacity of the memory; 0 once it is freed, so that access by index ends. */
    int capacity;

    /** Index of the first byte in {@link #memory}. */
    public int start;

    /** Index after the last byte in {@link #memory}. */
    public int end;

    /** The end of the room in which this segment alone may append, see I2. */
    int limit;

    boolean freed;

    /** Whether only connections have had it: then no thread has it by mistake when it is retired. See I5. */
    boolean reusable;

    SegmentWindow(Block block, int generation, int start, int end, int limit) {
        this.block = block;
        this.generation = generation;
        this.memory = block.memory();
        this.base = RawMemory.AVAILABLE && !block.isDedicated() ? block.address() : CHECKED_ACCESS;
        this.capacity = block.capacity();
        this.start = start;
        this.end = end;
        this.limit = limit;
    }

    SegmentWindow(MemorySegment memory, int size) {
        this.block = null;
        this.generation = 0;
        this.memory = memory;
        this.base = CHECKED_ACCESS;
        this.capacity = size;
        this.end = size;
        this.limit = size;
    }

    /** The number of bytes. */
    public final int length() {
        return end - start;
    }

    /** How many bytes may be appended at {@link #end}. */
    public final int room() {
        return limit - end;
    }

    /** Sets the length of an empty segment to {@code count}; more may be appended. */
    public final void holds(int count) {
        end = Math.addExact(start, Objects.checkIndex(count, room() + 1));
    }

    // ---- access by index; the caller has compared with start, end or limit

    // SAFETY, for all: the bytes lie inside the block, and its slab stays mapped, as this segment is reachable.

    final byte getByte(int at) {
        if (CheckedMode.ON) {
            checkAccess(at, Byte.BYTES);
        }
        long from = base;
        if (from == CHECKED_ACCESS) {
            return memory.get(Layouts.BYTE, inside(at, Byte.BYTES));
        }
        byte value = RawMemory.getByte(from + inside(at, Byte.BYTES));
        Reference.reachabilityFence(this);
        return value;
    }

    final short getShort(int at) {
        if (CheckedMode.ON) {
            checkAccess(at, Short.BYTES);
        }
        long from = base;
        if (from == CHECKED_ACCESS) {
            return memory.get(Layouts.SHORT, inside(at, Short.BYTES));
        }
        short value = RawMemory.getShort(from + inside(at, Short.BYTES));
        Reference.reachabilityFence(this);
        return value;
    }

    final int getInt(int at) {
        if (CheckedMode.ON) {
            checkAccess(at, Integer.BYTES);
        }
        long from = base;
        if (from == CHECKED_ACCESS) {
            return memory.get(Layouts.INT, inside(at, Integer.BYTES));
        }
        int value = RawMemory.getInt(from + inside(at, Integer.BYTES));
        Reference.reachabilityFence(this);
        return value;
    }

    final long getLong(int at) {
        if (CheckedMode.ON) {
            checkAccess(at, Long.BYTES);
        }
        long from = base;
        if (from == CHECKED_ACCESS) {
            return memory.get(Layouts.LONG, inside(at, Long.BYTES));
        }
        long value = RawMemory.getLong(from + inside(at, Long.BYTES));
        Reference.reachabilityFence(this);
        return value;
    }

    final void setByte(int at, byte value) {
        if (CheckedMode.ON) {
            checkAccess(at, Byte.BYTES);
        }
        long from = base;
        if (from == CHECKED_ACCESS) {
            memory.set(Layouts.BYTE, inside(at, Byte.BYTES), value);
            return;
        }
        RawMemory.setByte(from + inside(at, Byte.BYTES), value);
        Reference.reachabilityFence(this);
    }

    final void setShort(int at, short value) {
        if (CheckedMode.ON) {
            checkAccess(at, Short.BYTES);
        }
        long from = base;
        if (from == CHECKED_ACCESS) {
            memory.set(Layouts.SHORT, inside(at, Short.BYTES), value);
            return;
        }
        RawMemory.setShort(from + inside(at, Short.BYTES), value);
        Reference.reachabilityFence(this);
    }

    final void setInt(int at, int value) {
        if (CheckedMode.ON) {
            checkAccess(at, Integer.BYTES);
        }
        long from = base;
        if (from == CHECKED_ACCESS) {
            memory.set(Layouts.INT, inside(at, Integer.BYTES), value);
            return;
        }
        RawMemory.setInt(from + inside(at, Integer.BYTES), value);
        Reference.reachabilityFence(this);
    }

    final void setLong(int at, long value) {
        if (CheckedMode.ON) {
            checkAccess(at, Long.BYTES);
        }
        long from = base;
        if (from == CHECKED_ACCESS) {
            memory.set(Layouts.LONG, inside(at, Long.BYTES), value);
            return;
        }
        RawMemory.setLong(from + inside(at, Long.BYTES), value);
        Reference.reachabilityFence(this);
    }

    /** Checks the start of an access, which stays inside the memory even if the caller is wrong. */
    private int inside(int at, int size) {
        if (at < 0 || at > capacity - size) {
            throw outside(at, size);
        }
        return at;
    }

    private RuntimeException outside(int at, int size) {
        return freed ? misused() : new IndexOutOfBoundsException(at + " + " + size + " is not inside " + this);
    }

    private void checkAccess(int at, int size) {
        if (freed || (block != null && block.isStale(generation))) {
            throw misused();
        }
        Objects.checkFromIndexSize(at, size, limit); // stricter than the check that protects the memory of others
    }

    private IllegalStateException misused() {
        return new IllegalStateException(this + " was used after it was freed: by two threads at once?");
    }

    // ---- memory as a whole

    /** The address of the first byte; valid while the segment is not freed and the user's memory is alive. */
    public final long address() {
        return (block != null ? block.address() : memory.address()) + start;
    }

    /** The first {@code n} bytes as read-only memory; does not mark them as exposed. */
    public final MemorySegment view(int n) {
        return (block != null ? block.readOnly() : memory).asSlice(start, n);
    }

    /** The memory of the bytes, for the user to read. */
    final MemorySegment shown() {
        return block != null ? block.shown() : memory;
    }

    /** The memory of the bytes, for the user to write; only of a block. */
    final MemorySegment reservable() {
        return block != null ? block.reservable() : memory;
    }

    // ---- copies

    /** Copies to {@link #end}, which stays unchanged; there must be room. The block gets no other owner meanwhile. */
    final void put(MemorySegment source, long offset, int count) {
        if (reusable) { // only connections have it, which admit one thread at a time
            MemorySegment.copy(source, offset, memory, end, count);
        } else {
            putShared(source, offset, count);
        }
    }

    private void putShared(MemorySegment source, long offset, int count) {
        Block held = hold();
        try {
            MemorySegment.copy(source, offset, memory, end, Misuse.notNegative(count));
        } finally {
            letGo(held);
        }
    }

    /** Like {@link #put(MemorySegment, long, int)}. */
    final void put(byte[] source, int offset, int count) {
        if (reusable) {
            MemorySegment.copy(source, offset, memory, Layouts.BYTE, end, count);
        } else {
            putShared(source, offset, count);
        }
    }

    private void putShared(byte[] source, int offset, int count) {
        Block held = hold();
        try {
            MemorySegment.copy(source, offset, memory, Layouts.BYTE, end, count);
        } finally {
            letGo(held);
        }
    }

    /** {@return the block, which gets no other owner until {@link #letGo}, even if the segment is freed; or null} */
    final @Nullable Block hold() {
        Block held = block;
        if (held != null) {
            held.retain(generation);
        }
        return held;
    }

    /** Ends a {@link #hold}, whose result is {@code held}. */
    final void letGo(@Nullable Block held) {
        if (held != null) {
            held.release(generation);
        }
    }
}

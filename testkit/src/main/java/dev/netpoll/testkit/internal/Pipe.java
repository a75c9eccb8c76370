// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit.internal;

import dev.netpoll.internal.memory.Segment;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The bytes under way in one direction of a connection, and the end or reset after them. A ring that grows with its
 * content, up to its capacity. Guarded by the network's lock.
 */
final class Pipe {
    private static final int LENGTH_MIN = 1 << 10;

    /** A longer ring is freed when it is empty. */
    private static final int KEPT_MAX = 64 << 10;

    private static final byte[] NONE = {};

    private final int capacity;
    private byte[] ring = NONE;
    private int head;

    /** How many bytes are under way. */
    private int size;

    /** The sender has ended the stream. */
    boolean ended;

    /** The connection was reset. */
    boolean reset;

    /** Nothing arrives: neither bytes, nor the end or reset after them. */
    boolean stalled;

    Pipe(int capacity) {
        this.capacity = capacity;
    }

    int size() {
        return size;
    }

    int room() {
        return capacity - size;
    }

    /** Takes the first {@code count} bytes of a segment; there must be room. */
    void write(Segment from, int count) {
        reserve(size + count);
        int at = (head + size) % ring.length;
        int first = Math.min(count, ring.length - at);
        MemorySegment.copy(from.memory, ValueLayout.JAVA_BYTE, from.start, ring, at, first);
        MemorySegment.copy(from.memory, ValueLayout.JAVA_BYTE, from.start + first, ring, 0, count - first);
        size += count;
    }

    private void reserve(int length) {
        if (length <= ring.length) {
            return;
        }
        int doubled = Math.max(LENGTH_MIN, (int) Math.min(2L * ring.length, capacity));
        byte[] longer = new byte[Math.max(length, doubled)];
        int first = Math.min(size, ring.length - head);
        System.arraycopy(ring, head, longer, 0, first);
        System.arraycopy(ring, 0, longer, first, size - first);
        ring = longer;
        head = 0;
    }

    /** Moves {@code count} bytes, which must be there, to the beginning of {@code to}. */
    void read(MemorySegment to, int count) {
        int first = Math.min(count, ring.length - head);
        MemorySegment.copy(ring, head, to, ValueLayout.JAVA_BYTE, 0, first);
        MemorySegment.copy(ring, 0, to, ValueLayout.JAVA_BYTE, first, count - first);
        head = (head + count) % ring.length;
        size -= count;
        if (size == 0 && ring.length > KEPT_MAX) {
            clear();
        }
    }

    /** Drops the bytes under way. */
    void clear() {
        ring = NONE;
        head = 0;
        size = 0;
    }
}

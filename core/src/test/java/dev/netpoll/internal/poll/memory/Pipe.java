// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.memory;

import dev.netpoll.internal.memory.Segment;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Bytes on their way in one direction: a ring. Guarded by the network's lock. */
final class Pipe {
    private final byte[] ring;
    private int head;
    int size;

    /** The sender said that nothing follows. */
    boolean ended;

    Pipe(int capacity) {
        ring = new byte[capacity];
    }

    int room() {
        return ring.length - size;
    }

    /** Takes the first {@code count} bytes of a segment; there is room. */
    void write(Segment from, int count) {
        int at = (head + size) % ring.length;
        int first = Math.min(count, ring.length - at);
        MemorySegment.copy(from.memory, ValueLayout.JAVA_BYTE, from.start, ring, at, first);
        MemorySegment.copy(from.memory, ValueLayout.JAVA_BYTE, from.start + first, ring, 0, count - first);
        size += count;
    }

    /** Moves {@code count} bytes, which are there, to the beginning of {@code to}. */
    void read(MemorySegment to, int count) {
        int first = Math.min(count, ring.length - head);
        MemorySegment.copy(ring, head, to, ValueLayout.JAVA_BYTE, 0, first);
        MemorySegment.copy(ring, 0, to, ValueLayout.JAVA_BYTE, first, count - first);
        head = (head + count) % ring.length;
        size -= count;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Message headers with their I/O vectors, for SENDMSG operations that are collected before they are submitted. The
 * kernel copies them when it takes a submission, after which they can be reused. Not thread-safe.
 */
public final class Messages implements AutoCloseable {
    /** How many parts a message may have. */
    public static final int PARTS = Scratch.IO_VECTORS;

    private static final long HEADER_SIZE = 64;
    private static final long SIZE = HEADER_SIZE + PARTS * IoVector.SIZE;

    /** Not an automatic arena, whose memory counts against the limit of direct memory. */
    private final Arena arena = Arena.ofShared();

    private final MemorySegment memory;
    private final int capacity;
    private int used;

    /** Allocates room for {@code capacity} messages, until {@link #close}. */
    public Messages(int capacity) {
        this.capacity = capacity;
        memory = OwnMemory.allocate(arena, capacity * SIZE, 64);
        for (int i = 0; i < capacity; i++) {
            MsgHeader.init(memory, i * SIZE, memory.address() + i * SIZE + HEADER_SIZE);
        }
    }

    /** {@return whether no message is left} */
    public boolean isFull() {
        return used == capacity;
    }

    /** Sets part {@code index} of the next message. */
    public void part(int index, long address, long length) {
        IoVector.set(memory, used * SIZE + HEADER_SIZE + index * IoVector.SIZE, address, length);
    }

    /** Takes the next message, with {@code parts} parts; {@return its address} */
    public long take(int parts) {
        long at = used * SIZE;
        MsgHeader.parts(memory, at, parts);
        used++;
        return memory.address() + at;
    }

    /** Makes all messages free again. */
    public void reset() {
        used = 0;
    }

    /** Frees the memory. Idempotent. */
    @Override
    public void close() {
        OwnMemory.free(arena);
    }
}

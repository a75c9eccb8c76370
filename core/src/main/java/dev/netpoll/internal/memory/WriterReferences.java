// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Bytes that become pending in place: memory that the user lends until the bytes are gone, and segments of another
 * buffer.
 */
abstract class WriterReferences extends WriterReservations {
    /** A thread that never runs: memory that even this one may access is not confined to any. */
    private static final Thread ANOTHER_THREAD = Thread.ofPlatform().unstarted(() -> {});

    WriterReferences(BlockSource blocks, int fixedBlock, boolean ofConnection) {
        super(blocks, fixedBlock, ofConnection);
    }

    // ---- the user's memory

    /**
     * Inserts {@code data} so that exactly {@code remaining} of the bytes that are pending now follow it. Native memory
     * that every thread may access is inserted by reference: the user must neither change nor free it until the bytes
     * are gone. Other memory is copied.
     */
    public final void writeDirect(MemorySegment data, long remaining) {
        park();
        checkPending("writeDirect", remaining);
        checkAccessible(data);
        long size = data.byteSize();
        boolean byReference = data.isNative() && data.isAccessibleBy(ANOTHER_THREAD);
        if (size == 0) {
            reserved = -1;
        } else if (remaining == 0 && byReference) {
            reserved = -1;
            referAtEnd(data, size);
        } else if (remaining == 0) {
            copyIn(data, 0, size);
        } else {
            insert(data, size, byReference, pending() - remaining);
        }
    }

    /** Rejects memory that is closed or confined to another thread, before anything is changed. */
    static MemorySegment checkAccessible(MemorySegment memory) {
        if (!memory.scope().isAlive()) {
            throw new IllegalStateException("the memory's arena is closed");
        }
        if (!memory.isAccessibleBy(Thread.currentThread())) {
            throw new WrongThreadException("the memory is confined to another thread");
        }
        return memory;
    }

    private void referAtEnd(MemorySegment data, long size) {
        long already = pending();
        try {
            referPieces(data, size);
        } catch (Throwable t) {
            truncate(already);
            throw t;
        }
    }

    /** Makes a chain of the data first, so that a failure changes nothing. */
    private void insert(MemorySegment data, long size, boolean byReference, long at) {
        WriterChain inserted = new WriterChain(blocks, fixedBlock, false);
        try {
            if (byReference) {
                inserted.referPieces(data, size);
            } else {
                inserted.copyPieces(data, 0, size);
            }
            insert(inserted, at);
        } catch (Throwable t) {
            Segment.freeAll(inserted.detach());
            throw t;
        }
    }

    /** Moves all bytes of {@code other} to the position {@code at} of this one. */
    private void insert(WriterChain other, long at) {
        dropEmptyTail();
        long sum = pending() + other.pending();
        Segment previous = null;
        Segment after = head;
        long left = at;
        while (after != null && left >= after.length()) {
            left -= after.length();
            previous = after;
            after = after.next;
        }
        if (after != null && left > 0) { // inside a segment: its front part goes before it
            Segment front = after.split((int) left);
            linkBehind(previous, front);
            previous = front;
        }
        Segment inserted = other.tail;
        linkBehind(previous, other.detach());
        if (inserted != null && after != null) {
            inserted.next = after;
        } else {
            tail = inserted;
        }
        before = sum - Misuse.present(tail).length();
        reserved = -1;
    }

    private void linkBehind(@Nullable Segment previous, @Nullable Segment segment) {
        if (previous == null) {
            head = segment;
        } else {
            previous.next = segment;
        }
    }

    /** Whether some pending bytes are in user memory, which the user may close. */
    public final boolean hasUserMemory() {
        for (Segment segment = head; segment != null; segment = segment.next) {
            if (segment.block == null) {
                return true;
            }
        }
        return false;
    }

    /**
     * Copies pending user memory, which the user may change and free from now on. If it throws, nothing is pending any
     * more.
     *
     * @throws IllegalStateException if such memory was freed already
     */
    public final void endLoans() {
        Segment rest = take();
        try {
            while (rest != null) {
                Segment segment = rest;
                rest = segment.next;
                segment.next = null;
                if (segment.block != null) {
                    link(segment);
                } else {
                    append(segment.copied(blocks), segment.length());
                }
            }
        } catch (Throwable t) {
            clear();
            Segment.freeAll(rest);
            throw t;
        }
    }

    // ---- segments of others

    /**
     * Adds a chain of segments, which belong to this writer from now on, without copying.
     *
     * @throws IllegalArgumentException if the chain does not hold {@code bytes} bytes; it is not taken over then
     */
    public final void append(@Nullable Segment chain, long bytes) {
        park();
        long sum = 0;
        for (Segment segment = chain; segment != null; segment = segment.next) {
            sum += segment.length();
        }
        if (sum != bytes) {
            throw new IllegalArgumentException("a chain of " + sum + " bytes was said to have " + bytes);
        }
        reserved = -1;
        Segment rest = chain;
        while (rest != null) {
            Segment segment = rest;
            rest = segment.next;
            segment.next = null;
            link(segment);
        }
        dropEmptyTail();
    }
}

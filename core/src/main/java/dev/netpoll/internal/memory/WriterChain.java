// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A chain of pending bytes that grows at its end. The layers above add reservations and removal ({@link
 * WriterReservations}), bytes by reference ({@link WriterReferences}), and the writes ({@link SegmentWriter}).
 *
 * <p>Invariants between calls, numbered through the layers:
 * <ul>
 *   <li>I1. {@code before} is the sum of the lengths of the segments before the last. None of them is empty.
 *   <li>I2. A writer without pending bytes owns no block.
 *   <li>I3. While {@code limit != 0}, numbers are being written to the last segment: {@code end} is where the next one
 *       goes, and the segment's own {@code end} is stale. Every other operation {@link #park}s first. See I3 of
 *       {@link ReaderChain} for the reason.
 * </ul>
 */
class WriterChain {
    private static final int FIRST_BLOCK = 4 << 10;
    private static final int SECOND_BLOCK = 16 << 10;
    private static final int LARGE_BLOCK = 64 << 10;

    /** The most user memory that becomes one segment: a multiple of every page size. */
    private static final int MAX_DIRECT = 1 << 30;

    final BlockSource blocks;

    /** For tests: how many bytes a segment holds, unless more have to be in one piece; or 0. */
    final int fixedBlock;

    /** Whether its segments only ever reach a connection, which admits one thread at a time. */
    private final boolean ofConnection;

    @Nullable
    Segment head;

    @Nullable
    Segment tail;

    /** The cursor, see I3. */
    int end;

    int limit;

    long before;

    WriterChain(BlockSource blocks, int fixedBlock, boolean ofConnection) {
        this.blocks = blocks;
        this.fixedBlock = fixedBlock;
        this.ofConnection = ofConnection;
    }

    /** The number of bytes written or reserved since they were last taken away. */
    public final long pending() {
        Segment last = tail;
        return last == null ? 0 : before + (limit != 0 ? end - last.start : last.length());
    }

    /** Whether it owns any segment. */
    final boolean holdsMemory() {
        return head != null;
    }

    // ---- the cursor

    /** The segment that the cursor is in, or was in before it was parked. */
    final Segment last() {
        Segment last = tail;
        if (last == null) {
            throw Misuse.twoThreads();
        }
        return last;
    }

    /** Ends the cursor: stores its place in the last segment. */
    final void park() {
        if (limit != 0) {
            last().end = end;
            end = 0;
            limit = 0;
        }
    }

    /** Moves the cursor to where {@code n} bytes fit; returns its place, for the caller to write and move on. */
    final int makeRoom(int n) {
        park();
        Segment last = roomFor(n);
        end = last.end;
        limit = last.limit;
        return last.end;
    }

    // ---- growth

    final Segment roomFor(int n) {
        Segment last = tail;
        return last != null && n <= last.room() ? last : grow(n);
    }

    /** Appends an empty segment for at least {@code n} bytes in one piece. */
    final Segment grow(int n) {
        int size = Math.max(n, nextBlock());
        Block block = blocks.allocate(size);
        Segment segment = fixedBlock == 0 ? Segment.writable(block) : Segment.writable(block, size);
        if (ofConnection) {
            segment.reusable();
        }
        link(segment);
        return segment;
    }

    private int nextBlock() {
        if (fixedBlock > 0) {
            return fixedBlock;
        }
        long pending = pending();
        return pending < FIRST_BLOCK / 2 ? FIRST_BLOCK : pending < SECOND_BLOCK ? SECOND_BLOCK : LARGE_BLOCK;
    }

    final void link(Segment segment) {
        dropEmptyTail();
        Segment last = tail;
        if (last == null) {
            head = segment;
        } else {
            long more = last.length();
            last.next = segment;
            before += more;
        }
        tail = segment;
    }

    final void dropEmptyTail() {
        Segment last = tail;
        if (last == null || last.length() > 0) {
            return;
        }
        Segment previous = null;
        for (Segment s = head; s != null && s != last; s = s.next) {
            previous = s;
        }
        if (previous == null) {
            head = null;
        } else {
            previous.next = null;
            before -= previous.length();
        }
        tail = previous;
        last.free();
    }

    /** Appends copies of the bytes; only a part of them if it fails. */
    final void copyPieces(MemorySegment src, long offset, long count) {
        long done = 0;
        while (done < count) {
            long left = count - done;
            Segment last = tail;
            if (last == null || last.room() == 0) {
                // Large data goes to large blocks, but not to a single one: the pool rarely has one free.
                last = grow(fixedBlock > 0 ? 1 : (int) Math.min(left, LARGE_BLOCK));
            }
            int n = (int) Math.min(left, last.room());
            last.put(src, offset + done, n);
            last.end += n;
            done += n;
        }
    }

    /** Appends the user's memory itself; only a part of it if it fails. */
    final void referPieces(MemorySegment data, long size) {
        for (long done = 0; done < size; done += MAX_DIRECT) {
            link(Segment.ofUser(data.asSlice(done, Math.min(MAX_DIRECT, size - done))));
        }
    }

    /** Takes the whole chain away as it is, wherever the cursor was. */
    final @Nullable Segment detach() {
        Segment chain = head;
        end = 0;
        limit = 0;
        head = null;
        tail = null;
        before = 0;
        return chain;
    }
}

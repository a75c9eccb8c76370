// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The end of the pending bytes: memory that users reserve there and fill themselves, bytes that they take back, and the
 * removal of the whole chain.
 *
 * <p>Invariants between calls, numbered through the layers of a {@link SegmentWriter}:
 * <ul>
 *   <li>I4. While {@code reserved >= 0} and {@code reservedEnd == pending()}, the last operation was a {@link
 *       #reserve}, and those bytes are the end of the last segment.
 *   <li>I5. A reservation and a number lie in one segment; other bytes may be split over several.
 * </ul>
 */
abstract class WriterReservations extends WriterChain {
    /** How many bytes the last operation reserved, or -1: every other change of the chain sets that. */
    int reserved = -1;

    private long reservedEnd;

    /** Whether a reservation has been handed out since the last flush. */
    private boolean hasReserved;

    private final @Nullable ViewScope scope = ViewScope.ofMode();

    WriterReservations(BlockSource blocks, int fixedBlock, boolean ofConnection) {
        super(blocks, fixedBlock, ofConnection);
    }

    // ---- reservations

    /** Adds {@code n} zero bytes and returns them, in one piece, writable until the next flush. */
    public final MemorySegment reserve(int n) {
        park();
        if (n < 0) {
            throw new IllegalArgumentException("reserve(" + n + "): the count is negative");
        }
        MemorySegment memory = n == 0 ? scoped(MemorySegment.NULL) : reserved(n);
        reserved = n;
        reservedEnd = pending();
        return memory;
    }

    private MemorySegment reserved(int n) {
        Segment last = roomFor(n);
        hasReserved = true;
        try {
            MemorySegment memory = last.reservable().asSlice(last.end, n);
            memory.fill((byte) 0); // whoever forgets to fill it must not send what another connection left there
            memory = scoped(memory);
            last.end += n;
            return memory;
        } catch (Throwable t) {
            dropEmptyTail();
            throw t;
        }
    }

    private MemorySegment scoped(MemorySegment memory) {
        return scope != null ? scope.scoped(memory) : memory;
    }

    /** Keeps the first {@code n} bytes of the last operation's reservation. */
    public final void commit(int n) {
        park();
        int size = reserved;
        if (size < 0 || reservedEnd != pending()) {
            throw new IllegalStateException("commit(" + n + "): the last operation was not a reserve");
        }
        if (n < 0) {
            throw new IllegalArgumentException("commit(" + n + "): the count is negative");
        }
        if (n > size) {
            throw new IndexOutOfBoundsException("commit(" + n + "): only " + size + " bytes are reserved");
        }
        reserved = -1;
        Segment last = tail;
        if (last != null && n < size) {
            last.end = Math.max(last.start, last.end - (size - n));
            dropEmptyTail();
        }
    }

    // ---- taking back

    /** Keeps the first {@code n} of all pending bytes. */
    public final void truncate(long n) {
        park();
        checkPending("truncate", n);
        reserved = -1;
        if (n == 0) {
            clear();
        }
        Segment last = head;
        if (last == null || n == pending()) {
            return;
        }
        before = 0;
        long left = n;
        while (left > last.length()) {
            left -= last.length();
            before += last.length();
            last = Misuse.present(last.next);
        }
        Segment dropped = last.next;
        last.next = null;
        last.truncate((int) left);
        tail = last;
        Segment.freeAll(dropped);
    }

    /** Checks a count of pending bytes. */
    final void checkPending(String operation, long n) {
        if (n < 0) {
            throw new IllegalArgumentException(operation + "(" + n + "): the count is negative");
        }
        if (n > pending()) {
            throw new IndexOutOfBoundsException(operation + "(" + n + "): only " + pending() + " bytes are pending");
        }
    }

    /** Writes a copy of the bytes, or nothing if it fails. */
    final void copyIn(MemorySegment src, long offset, long count) {
        park();
        long already = pending();
        reserved = -1;
        try {
            copyPieces(src, offset, count);
        } catch (Throwable t) { // no memory, or the source was closed meanwhile: undoes it
            dropEmptyTail();
            truncate(already);
            throw t;
        }
    }

    // ---- leaving

    /** Takes all pending bytes away, as a chain that belongs to the caller; null when there are none. */
    public final @Nullable Segment take() {
        park();
        dropEmptyTail();
        return forget();
    }

    /** Frees all pending bytes. */
    public final void clear() {
        Segment.freeAll(forget());
    }

    /**
     * Gives up everything for an owner that does not come back, although reservations may be written to for longer.
     * Unreachable memory is freed at once, the rest when no reservation in it is reachable any more. Without native
     * access that can't be known: then the rest is lost, and counted.
     */
    public final void abandon() {
        boolean shown = hasReserved;
        if (scope != null) {
            scope.abandon();
        }
        Segment.abandonAll(forget(), shown);
    }

    private @Nullable Segment forget() {
        if (scope != null) {
            scope.end();
        }
        Segment chain = detach();
        reserved = -1;
        hasReserved = false;
        return chain;
    }

    /**
     * For tests: walks over all segments and throws {@link AssertionError} when an invariant does not hold.
     *
     * @return the sum of the charges
     */
    public final long check() {
        if (limit != 0 && (tail == null || end <= tail.start || end > limit || limit != tail.limit)) {
            throw new AssertionError("the cursor is at " + end + " of " + limit + " in " + tail);
        }
        long sum = 0;
        long charged = 0;
        Segment last = null;
        for (Segment s = head; s != null; s = s.next) {
            s.check();
            int length = s == tail && limit != 0 ? end - s.start : s.length();
            sum += length;
            charged += s.charged();
            if (length == 0) {
                throw new AssertionError("pending " + s);
            }
            last = s;
        }
        boolean lost = last != null && limit == 0 && reservedEnd == sum && reserved > last.length();
        if (sum != pending() || last != tail || lost) {
            throw new AssertionError("pending " + pending() + " but " + sum + " bytes in the chain, tail " + tail
                    + ", reserved " + reserved + " until " + reservedEnd);
        }
        return charged;
    }
}

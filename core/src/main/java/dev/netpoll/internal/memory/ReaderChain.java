// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import org.jspecify.annotations.Nullable;

/**
 * The chain of segments that a reader consumes from its front, and the steps along it. The layers above add joined
 * copies ({@link ReaderJoins}), views and slices ({@link ReaderViews}), and the reads ({@link SegmentReader}).
 *
 * <pre>
 *   append -> readable -- consumed, never exposed --> freed at once
 *                |
 *                +------- consumed, exposed -------> retired -- release --> freed
 * </pre>
 *
 * <p>Invariants between calls, numbered through the layers:
 * <ul>
 *   <li>I1. {@code behind} is the sum of the lengths of the readable segments after the first; none of them is empty.
 *   <li>I2. Retired segments are exposed.
 *   <li>I3. While {@code end != 0}, numbers are being read from the first segment: {@code start} is where the next one
 *       begins, {@code end} the segment's end, and the segment's own {@code start} is stale. Every other operation
 *       {@link #park}s first. Both are fields of this object, stored after the paths that may change the segment have
 *       joined, so that the compiler can keep them in registers from one number to the next.
 * </ul>
 */
abstract class ReaderChain {
    @Nullable
    Segment head;

    @Nullable
    Segment tail;

    /** Consumed segments, which views show until they are released. */
    @Nullable
    Segment retired;

    /** The cursor, see I3. */
    int start;

    int end;

    long behind;

    /** The writer of the same buffer, whose bytes can't be read yet; only for messages. */
    private @Nullable SegmentWriter unflushed;

    /** Sets the writer whose bytes the user may have forgotten to flush if there are too few here. */
    public final void isFedBy(SegmentWriter writer) {
        unflushed = writer;
    }

    /** The number of readable bytes. */
    public final long length() {
        Segment front = head;
        return front == null ? 0 : behind + (end != 0 ? end - start : front.length());
    }

    /** Whether it owns any segment. */
    public final boolean holdsMemory() {
        return head != null || retired != null;
    }

    /** How many retained bytes the consumed segments count for, which views show until they are released. */
    public final long chargedForViews() {
        return Segment.chargedOf(retired);
    }

    /** How many retained bytes the unread segments count for. */
    public final long charged() {
        return Segment.chargedOf(head);
    }

    // ---- counts of bytes

    /** Checks a count of bytes to consume; true if it is 0. */
    final boolean isNothing(long n, String operation) {
        if (n > length()) {
            throw tooFew(operation + "(" + n + ")");
        }
        if (n < 0) {
            throw new IllegalArgumentException(operation + "(" + n + "): the count is negative");
        }
        return n == 0;
    }

    final IndexOutOfBoundsException tooFew(String operation) {
        return new IndexOutOfBoundsException(operation + ": only " + length() + " bytes are readable" + hint());
    }

    /** Advice about bytes that are not readable yet. */
    public final String hint() {
        SegmentWriter writer = unflushed;
        long pending = writer == null ? 0 : writer.pending();
        return pending == 0 ? "" : ", and " + pending + " bytes are pending: flush() first";
    }

    // ---- the cursor

    /** Ends the cursor: stores its place in the first segment. */
    final void park() {
        if (end != 0) {
            first().start = start;
            start = 0;
            end = 0;
        }
    }

    /** Handles a cursor at the end of the first segment; returns its new place, parked. */
    final int exhaust() {
        end = 0;
        Segment front = first();
        front.start = front.end;
        retireFirst(front);
        return 0;
    }

    // ---- moving along the chain

    final Segment first() {
        Segment front = head;
        if (front == null) {
            throw Misuse.twoThreads();
        }
        return front;
    }

    /** Appends the segment as it is; returns the one that followed it. */
    final @Nullable Segment link(Segment segment) {
        Segment following = segment.next;
        segment.next = null;
        Segment last = tail;
        if (last == null) {
            head = segment;
        } else {
            last.next = segment;
            behind += segment.length();
        }
        tail = segment;
        return following;
    }

    /** Consumes {@code n} bytes without reading them. */
    public final void skip(long n) {
        park();
        if (isNothing(n, "skip")) {
            return;
        }
        long left = n;
        while (left > 0) {
            Segment front = first();
            int step = (int) Math.min(left, front.length());
            consume(front, step);
            left -= step;
        }
    }

    /** Consumes {@code n} bytes of the first segment. */
    final void consume(Segment front, int n) {
        consumeTo(front, front.start + Misuse.notNegative(n));
    }

    /** Consumes the bytes of the first segment before the index {@code start}. */
    final void consumeTo(Segment front, int start) {
        front.start = start;
        if (start >= front.end) {
            retireFirst(front);
        }
    }

    final void retireFirst(Segment front) {
        unlinkFirst(front);
        retire(front);
    }

    final void unlinkFirst(Segment front) {
        Segment second = front.next;
        head = second;
        front.next = null;
        if (second == null) {
            tail = null;
        } else {
            behind -= second.length();
        }
    }

    final void retire(Segment segment) {
        if (segment.exposed) {
            segment.next = retired;
            retired = segment;
        } else {
            segment.retire();
        }
    }

    /** Puts a chain of {@code bytes} bytes, taken away earlier, before the readable bytes. */
    final void putBack(Segment first, Segment last, long bytes) {
        Segment front = head;
        last.next = front;
        head = first;
        if (front == null) {
            tail = last;
        } else {
            behind += front.length();
        }
        behind += bytes - first.length();
    }
}

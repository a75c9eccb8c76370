// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.transport;

import dev.netpoll.internal.memory.BlockSource;
import dev.netpoll.internal.memory.Segment;
import org.jspecify.annotations.Nullable;

/**
 * The bytes to send on a socket, in order. The holder of the connection's send role owns it; handing that role over
 * publishes its plain fields.
 */
public final class SendQueue {
    private @Nullable Segment head;
    private @Nullable Segment tail;
    private long bytes;

    /** Whether the queue may contain the user's memory. */
    private boolean borrows;

    /** {@return the first segment, or null if the queue is empty} Segments in the queue are never empty. */
    public @Nullable Segment head() {
        return head;
    }

    /** {@return how many bytes wait} */
    public long bytes() {
        return bytes;
    }

    /** {@return whether some of them may be in the user's memory} */
    public boolean borrows() {
        return borrows;
    }

    /** {@return how many of these bytes are in pooled memory, and not in the user's} */
    public long pooledBytes() {
        if (!borrows) {
            return bytes;
        }
        long pooled = 0;
        for (Segment s = head; s != null; s = s.next) {
            pooled += s.block == null ? 0 : s.length();
        }
        return pooled;
    }

    /** {@return whether nothing waits} */
    public boolean isEmpty() {
        return bytes == 0;
    }

    /** Takes ownership of a chain of segments, none of which is empty. Takes all of them or, if it throws, none. */
    public void add(@Nullable Segment segments) {
        if (segments == null) {
            return;
        }
        Segment before = tail;
        int length = segments.length();
        if (before != null && before.absorb(segments)) {
            bytes += length;
            return;
        }
        long added = 0;
        boolean lent = false;
        Segment last = segments;
        for (Segment s = segments; s != null; s = s.next) {
            if (s.length() == 0) {
                throw new IllegalArgumentException("an empty segment");
            }
            added += s.length();
            lent |= s.block == null;
            last = s;
        }
        if (lent) {
            borrows = true;
        }
        if (tail == null) {
            head = segments;
        } else {
            tail.next = segments;
        }
        tail = last;
        bytes += added;
    }

    /**
     * Copies the bytes that are in users' memory, which users may change and free from now on. If it throws, the queue
     * has the same bytes as before.
     *
     * @throws IllegalStateException if such memory was freed already
     */
    public void endLoans(BlockSource blocks) {
        Segment previous = null;
        for (Segment s = borrows ? head : null; s != null; s = s.next) {
            if (s.block == null) {
                s = replace(previous, s, s.copied(blocks));
            }
            previous = s;
        }
        borrows = false;
    }

    /** {@return the last segment of the copy} */
    private Segment replace(@Nullable Segment previous, Segment lent, Segment copy) {
        Segment last = copy;
        while (last.next != null) {
            last = last.next;
        }
        last.next = lent.next;
        if (previous == null) {
            head = copy;
        } else {
            previous.next = copy;
        }
        if (tail == lent) {
            tail = last;
        }
        return last;
    }

    /** Removes the first {@code count} bytes and frees what is used up. */
    public void consume(long count) {
        if (count > bytes) {
            throw new IndexOutOfBoundsException("consume(" + count + "): only " + bytes + " bytes wait");
        }
        bytes -= count;
        long rest = count;
        Segment s = head;
        while (s != null && rest >= s.length()) {
            rest -= s.length();
            Segment next = s.next;
            head = next; // first: free() may give the segment to another owner
            if (next == null) {
                tail = null;
            }
            s.retire();
            s = next;
        }
        if (s != null) {
            s.start += (int) rest;
        }
    }

    /** Keeps the first {@code count} bytes and frees the rest. */
    public void truncate(long count) {
        if (count >= bytes) {
            return;
        }
        long kept = 0;
        Segment last = null;
        Segment s = head;
        while (s != null && kept + s.length() <= count) {
            kept += s.length();
            last = s;
            s = s.next;
        }
        if (s != null && kept < count) {
            s.end = s.start + (int) (count - kept);
            last = s;
            s = s.next;
        }
        if (last == null) {
            head = null;
        } else {
            last.next = null;
        }
        tail = last;
        bytes = count;
        Segment.freeAll(s);
    }

    /** Frees everything. */
    public void clear() {
        Segment s = head;
        head = null;
        tail = null;
        bytes = 0;
        borrows = false;
        Segment.freeAll(s);
    }
}

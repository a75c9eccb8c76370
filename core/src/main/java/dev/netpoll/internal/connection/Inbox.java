// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.internal.memory.Segment;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * Passes received segments from the event loop to the reading thread. A stack: only the loop pushes, the side's user
 * takes it whole. A push happens-before the take that returns its segment.
 *
 * <p>The loop may take the stack back for a moment to fill up its newest block. So a peer that sends many small pieces
 * to a slow reader costs little more memory than their bytes. A reader that finds the stack empty meanwhile misses
 * nothing: the loop notifies it after putting the segments back.
 */
abstract class Inbox extends Side {
    /** Pieces up to this size are copied behind an earlier one: all that arrive while memory is used up. */
    private static final int MERGE_MAX = 4096;

    private static final VarHandle NEWEST;

    static {
        try {
            NEWEST = MethodHandles.lookup().findVarHandle(Inbox.class, "newest", Segment.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private volatile @Nullable Segment newest;

    Inbox(Link link) {
        super(link);
    }

    /** <i>Loop.</i> Copies a small piece into the newest waiting block if that has room, then frees the piece. */
    final boolean mergeArrived(Segment piece) {
        if (newest == null || piece.length() > MERGE_MAX) {
            return false;
        }
        Segment last = (Segment) NEWEST.getAndSet(this, (Segment) null);
        boolean fits = last != null && last.room() >= piece.length();
        if (fits) {
            MemorySegment.copy(piece.memory, piece.start, last.memory, last.end, piece.length());
            last.end += piece.length();
            piece.free();
        }
        newest = last; // only readers could interfere, and they only take
        return fits;
    }

    /** <i>Loop.</i> Adds a segment. */
    final void pushArrived(Segment segment) {
        Segment top;
        do {
            top = newest;
            segment.next = top;
        } while (!NEWEST.compareAndSet(this, top, segment));
    }

    /** {@return whether segments wait} */
    final boolean hasArrived() {
        return newest != null;
    }

    /** {@return all segments, the oldest first, or null} */
    @Nullable
    final Segment takeArrived() {
        if (newest == null) {
            return null;
        }
        Segment oldestFirst = null;
        Segment next;
        for (Segment s = (Segment) NEWEST.getAndSet(this, (Segment) null); s != null; s = next) {
            next = s.next;
            s.next = oldestFirst;
            oldestFirst = s;
        }
        return oldestFirst;
    }
}

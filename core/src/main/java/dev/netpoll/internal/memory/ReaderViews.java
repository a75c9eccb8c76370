// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Access to a reader's bytes without copying, and how it ends: views, which are valid until {@link #release()}, and
 * slices, which are independent.
 *
 * <p>Invariants between calls, numbered through the layers of a {@link SegmentReader}:
 * <ul>
 *   <li>I4. {@code viewed} is true when there may be any exposed segment. Only the first readable segment may be
 *       exposed, unless {@code allViewed}.
 *   <li>I5. A view stays intact until {@link #release()}: exposed bytes are neither changed nor freed.
 * </ul>
 */
abstract class ReaderViews extends ReaderJoins {
    private boolean viewed;
    private boolean allViewed;
    private final @Nullable ViewScope scope = ViewScope.ofMode();

    ReaderViews(BlockSource blocks) {
        super(blocks);
    }

    // ---- views

    /** Consumes {@code n} bytes and returns them as a read-only view that is valid until {@link #release()}. */
    public final MemorySegment next(int n) {
        park();
        Segment front = head;
        if (front == null || n <= 0 || n > front.length()) {
            if (isNothing(n, "next")) {
                return Layouts.EMPTY;
            }
            front = contiguous(n);
        }
        MemorySegment view = scoped(front, expose(front).asSlice(front.start, n));
        consume(front, n);
        return view;
    }

    /** Like {@link #next(int)}, without consuming; the view ends with {@link #release()} even if it is still unread. */
    public final MemorySegment peek(int n) {
        park();
        Segment front = head;
        if (front == null || n <= 0 || n > front.length()) {
            if (isNothing(n, "peek")) {
                return Layouts.EMPTY;
            }
            front = contiguous(n);
        }
        return scoped(front, expose(front).asSlice(front.start, n));
    }

    /** Read-only views of all readable bytes in order, valid until {@link #release()}; consumes nothing. */
    public final List<MemorySegment> views() {
        park();
        List<MemorySegment> views = new ArrayList<>();
        for (Segment segment = head; segment != null; segment = segment.next) {
            allViewed = true; // before any is exposed, as the next line may fail
            views.add(scoped(segment, expose(segment).asSlice(segment.start, segment.length())));
        }
        return views;
    }

    /** The caller cuts the view: that is one level less to inline, and a view need not be an object. */
    private MemorySegment expose(Segment segment) {
        segment.exposed = true;
        viewed = true;
        return segment.shown();
    }

    /** {@return the view, in checked mode one that ends with its release} The user's memory ends with its arena. */
    private MemorySegment scoped(Segment segment, MemorySegment view) {
        return scope != null && segment.block != null ? scope.scoped(view) : view;
    }

    // ---- slices

    /**
     * Consumes {@code n} bytes and returns them as a chain that belongs to the caller; null when {@code n} is 0. The
     * chain shares the memory, except for {@linkplain #inOwnBlocks small parts}. It is charged for exactly those of its
     * bytes that were charged here.
     */
    public final @Nullable Segment slice(int n) {
        park();
        return isNothing(n, "slice") ? null : inOwnBlocks(cutFirst(n));
    }

    private @Nullable Segment cutFirst(long n) {
        Segment first = null;
        Segment last = null;
        long left = n;
        try {
            while (left > 0) {
                Segment part = cutFront(left);
                part.keep();
                if (last == null) {
                    first = part;
                } else {
                    last.next = part;
                }
                last = part;
                left -= part.length();
            }
        } catch (Throwable t) { // as if nothing was taken
            if (first != null) {
                putBack(first, Misuse.present(last), n - left);
            }
            throw t;
        }
        return first;
    }

    /** Takes the first segment away, or at most {@code most} bytes of it. */
    private Segment cutFront(long most) {
        Segment front = first();
        int taken = (int) Math.min(most, front.length());
        if (taken < front.length() || front.exposed) {
            Segment part = front.split(taken); // views of this segment live on in the part that stays here
            if (front.length() == 0) {
                retireFirst(front);
            }
            return part;
        }
        unlinkFirst(front);
        front.settle();
        return front;
    }

    // ---- the end of views, and of everything

    /** Ends all views and frees their memory; a small leftover moves out of a large block. Idempotent. */
    public final void release() {
        park();
        Segment dead = retired;
        if (viewed) {
            if (scope != null) {
                scope.end();
            }
            retired = null;
            for (Segment s = head; s != null && s.exposed; s = s.next) {
                s.exposed = false;
            }
            viewed = false;
            allViewed = false;
        }
        Segment front = head;
        if (front != null) {
            front.settle();
            leaveLargeBlock(front);
        }
        Segment.retireAll(dead); // last, as it may throw
    }

    /** Takes all readable segments away, as a chain; ends all views as {@link #release()} does. */
    public final @Nullable Segment take() {
        release();
        Segment chain = head;
        head = null;
        tail = null;
        behind = 0;
        return chain;
    }

    /**
     * Like {@link #take}, but views stay valid, as another thread may use them: their memory is freed when no view of
     * it is reachable any more. If this throws, everything stays here. Without native access that can't be known, and
     * views end here.
     */
    public final @Nullable Segment takeBesideViews() {
        if (!viewed || !RawMemory.AVAILABLE) {
            return take();
        }
        Segment chain = cutFirst(length());
        abandon();
        return chain;
    }

    /** Frees everything, including viewed memory: the caller guarantees that no view is used any more. */
    public final void clear() {
        Segment readable = head;
        Segment dead = forget();
        if (scope != null) {
            scope.end();
        }
        try {
            Segment.freeAll(dead);
        } finally {
            Segment.freeAll(readable);
        }
    }

    /**
     * Gives up everything for an owner that does not come back, although views may be used for longer. Memory that no
     * view shows is freed at once, the rest when no view of it is reachable any more. Without native access that can't
     * be known: then the rest is lost, and counted.
     */
    public final void abandon() {
        Segment readable = head;
        Segment dead = forget();
        if (scope != null) {
            scope.abandon();
        }
        Segment.abandonAll(dead, false);
        Segment.abandonAll(readable, false);
    }

    /** Forgets everything; returns what was retired. */
    private @Nullable Segment forget() {
        start = 0; // wherever the cursor was
        end = 0;
        Segment dead = retired;
        head = null;
        tail = null;
        retired = null;
        behind = 0;
        viewed = false;
        allViewed = false;
        return dead;
    }

    /** For tests: throws {@link AssertionError} if an invariant does not hold; {@return the sum of the charges} */
    public final long check() {
        if (end != 0 && (head == null || start < head.start || start >= end || end != head.end)) {
            throw new AssertionError("the cursor is at " + start + " of " + end + " in " + head);
        }
        long sum = 0;
        Segment last = null;
        for (Segment s = head; s != null; s = s.next) {
            s.check();
            sum += s == head && end != 0 ? end - start : s.length();
            if (s.length() == 0 || (s.exposed && s != head && !allViewed) || (s.exposed && !viewed)) {
                throw new AssertionError("readable " + s);
            }
            last = s;
        }
        for (Segment s = retired; s != null; s = s.next) {
            s.check();
            if (!s.exposed || !viewed) {
                throw new AssertionError("retired " + s);
            }
        }
        if (sum != length() || last != tail) {
            throw new AssertionError("length " + length() + " but " + sum + " bytes in the chain, tail " + tail);
        }
        return charged() + chargedForViews();
    }
}

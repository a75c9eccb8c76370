// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Learns that nobody can look at some views of a block any more, and then frees the segments that had to wait for it.
 *
 * <pre>
 *   views reachable --the last one is collected, or the scope is closed--> ended
 *       |  ^                                                                |
 *      adopt: the segment waits                                  adopt: it is freed at once
 * </pre>
 *
 * <p><b>Place.</b> Made with the {@link BlockViews} whose life it is. Their scope's clean-up holds it, and it holds the
 * memory that they show, but not them.
 *
 * <p><b>Threads.</b> Any; its end comes on a thread of the garbage collector's helpers.
 */
final class ViewLife implements Consumer<MemorySegment>, Runnable {
    private static final class Watch { // a thread, so only if somebody looks at a block that is unmapped when released
        static final Cleaner CLEANER = Cleaner.create();
    }

    /** Keeps mapped what is shown: the scope of the views does not know whose memory it is. */
    private final MemorySegment memory;

    private @Nullable ViewLife before; // these three guarded by this object
    private @Nullable Segment waiting;
    private boolean ended;

    /** Begins one. What waits for it waits for {@code before}, too. */
    ViewLife(MemorySegment memory, @Nullable ViewLife before) {
        this.memory = memory;
        this.before = before == null || before.isEnded() ? null : before;
    }

    /** Looks at a scope that nobody else looks at. */
    void watch(MemorySegment.Scope scope) {
        Watch.CLEANER.register(scope, this);
    }

    /** Frees the segment, which belongs to this from now on, when nobody can look at its memory. */
    void adopt(Segment segment) {
        ViewLife earlier;
        synchronized (this) {
            if (!ended) {
                segment.next = waiting;
                waiting = segment;
                return;
            }
            earlier = before;
        }
        if (earlier != null) {
            earlier.adopt(segment);
        } else {
            segment.free();
        }
    }

    private boolean isEnded() {
        synchronized (this) {
            return ended && before == null;
        }
    }

    /** The scope is closed, or unreachable. */
    @Override
    public void accept(MemorySegment shown) {
        run();
    }

    @Override
    public void run() {
        Segment freed;
        synchronized (this) {
            ended = true;
            freed = waiting;
            waiting = null;
            if (before != null && before.isEnded()) {
                before = null;
            }
        }
        while (freed != null) {
            Segment next = freed.next;
            freed.next = null;
            adopt(freed);
            freed = next;
        }
    }

    @Override
    public String toString() {
        return "ViewLife[" + memory + "]";
    }
}

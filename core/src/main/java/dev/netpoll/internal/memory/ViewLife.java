// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import dev.netpoll.internal.base.Cleaners;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Learns when some views of a block are unreachable, and then frees the segments that had to wait for this.
 *
 * <pre>
 *   views reachable --the last one is collected, or the scope is closed--> ended
 *       |  ^                                                                |
 *      adopt: the segment waits                                  adopt: it is freed at once
 * </pre>
 *
 * <p><b>Place.</b> Created with the views of a {@link Block} whose life it is. Their scope's clean-up holds it, and it
 * holds the memory that they show, but not them.
 *
 * <p><b>Threads.</b> Any; its end comes on a cleaner thread, or on the thread that closes the scope.
 */
final class ViewLife implements Consumer<MemorySegment>, Runnable {
    /** Keeps the shown memory mapped, as the scope of the views does not. */
    private final MemorySegment memory;

    private @Nullable ViewLife before; // these three guarded by this object
    private @Nullable Segment waiting;
    private boolean ended;

    /** Begins a life. Segments that wait for it wait for {@code before}, too. */
    ViewLife(MemorySegment memory, @Nullable ViewLife before) {
        this.memory = memory;
        this.before = before == null || before.isEnded() ? null : before;
    }

    /** Watches a scope that nothing else watches. */
    void watch(MemorySegment.Scope scope) {
        Cleaners.cleaner().register(scope, this);
    }

    /** Frees the segment, which belongs to this from now on, when no view of its memory is reachable. */
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

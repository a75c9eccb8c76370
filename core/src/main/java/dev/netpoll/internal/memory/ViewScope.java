// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Checked mode: the common life of the views that a reader or writer hands out until they are released. Each view gets
 * an arena's scope, although the memory is the pool's, so that access after the release throws.
 */
final class ViewScope {
    private static final System.Logger LOG = System.getLogger("dev.netpoll.buffer");

    /** Keeps the original view reachable, whose end {@link ViewLife} learns. */
    private record Keeper(MemorySegment view) implements Consumer<MemorySegment> {
        @Override
        public void accept(MemorySegment ended) {
            // it only has to hold the view
        }
    }

    /** Null while there are no views. */
    private @Nullable Arena arena;

    private ViewScope() {}

    /** {@return a scope without views; null unless in checked mode} */
    static @Nullable ViewScope ofMode() {
        return CheckedMode.ON ? new ViewScope() : null;
    }

    /** The same memory, but accessible only until {@link #end()}. */
    MemorySegment scoped(MemorySegment view) {
        Arena current = arena;
        if (current == null) {
            current = Arena.ofShared();
            arena = current;
        }
        return RawMemory.scoped(view, current, new Keeper(view)); // see ViewLife
    }

    /** Forgets the views, which never end. Others may follow. */
    void abandon() {
        arena = null;
    }

    /** Ends the views, if there are any, and remembers where. Others may follow. */
    void end() {
        Arena current = arena;
        if (current == null) {
            return;
        }
        arena = null;
        try {
            end(current);
        } catch (OutOfMemoryError | StackOverflowError _) {
            // then they live on: the thread that frees their memory must not fail
        }
    }

    private static void end(Arena current) {
        Throwable here = CheckedMode.here("released");
        CheckedMode.released(current.scope(), here);
        try {
            current.close();
        } catch (IllegalStateException e) {
            here.addSuppressed(e);
            LOG.log(System.Logger.Level.ERROR, "views are released while another thread is using them", here);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Checked mode: the common life of the views that a reader or writer hands out until they are released. Each view gets
 * an arena's scope, though the memory is the pool's, so that access after the release throws.
 */
final class ViewScope {
    private static final System.Logger LOG = System.getLogger("dev.netpoll.buffer");

    private final Arena arena = Arena.ofShared();

    /** The same memory, but accessible only until {@link #end()}. */
    MemorySegment scoped(MemorySegment view) {
        return RawMemory.scoped(view, arena);
    }

    /** Ends the views; remembers where. */
    void end() {
        Throwable here = CheckedMode.here("released");
        CheckedMode.released(arena.scope(), here);
        try {
            arena.close();
        } catch (IllegalStateException e) {
            here.addSuppressed(e);
            LOG.log(System.Logger.Level.ERROR, "views are released while another thread is using them", here);
        }
    }
}

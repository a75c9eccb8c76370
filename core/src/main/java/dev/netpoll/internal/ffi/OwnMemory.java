// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory of pollers that is freed when they close. Never of automatic arenas: what these have counts against the limit
 * of direct memory, which other code may use up.
 */
final class OwnMemory {
    private OwnMemory() {}

    /** Allocates, all zero; if that fails, the arena is closed. */
    static MemorySegment allocate(Arena arena, long bytes, long alignment) {
        try {
            return arena.allocate(bytes, alignment);
        } catch (Throwable t) {
            free(arena);
            throw t;
        }
    }

    /** Frees what the arena has. Idempotent. */
    static void free(Arena arena) {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}

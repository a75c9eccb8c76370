// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Allocates memory that pollers free when they close. Never from automatic arenas: their memory counts against the
 * limit of direct memory, which other code may use up.
 */
final class OwnMemory {
    private OwnMemory() {}

    /** Allocates zeroed memory; closes the arena if that fails. */
    static MemorySegment allocate(Arena arena, long bytes, long alignment) {
        try {
            return arena.allocate(bytes, alignment);
        } catch (Throwable t) {
            free(arena);
            throw t;
        }
    }

    /** Frees the arena's memory. Idempotent. */
    static void free(Arena arena) {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.testkit.Await;
import java.lang.foreign.Arena;

/** Memory that tests lend to a writer. */
public final class Arenas {
    private Arenas() {}

    /** Closes a shared arena as soon as nobody is just sending its memory. */
    public static void close(Arena arena) {
        Await.until("nobody uses the memory", () -> tryToClose(arena));
    }

    private static boolean tryToClose(Arena arena) {
        try {
            arena.close();
            return true;
        } catch (IllegalStateException used) { // by the kernel, for a moment
            return false;
        }
    }
}

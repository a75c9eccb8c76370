// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.server;

import java.util.List;
import java.util.Locale;

/**
 * What is compared.
 *
 * @param name how it is chosen and reported
 * @param kind who runs its handlers
 * @param description one line for people
 * @param jvmOptions what its JVM is started with; those who know the peer would do the same
 */
public record Peer(String name, Kind kind, String description, List<String> jvmOptions) {
    /** Keeps a copy of the options. */
    public Peer {
        jvmOptions = List.copyOf(jvmOptions);
    }

    /** Who runs the handlers. */
    public enum Kind {
        /** The event loop: a handler that blocks holds up others. */
        INLINE,
        /** Threads that may block. */
        BLOCKING,
        /** A loop in C that does no more than it must. */
        FLOOR;

        /** {@return the name in reports} */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.Connection;

/** Looks into the adaptive dispatch of a connection, and has it decide as on a machine with nothing else to do. */
public final class Paces {
    private Paces() {}

    /** Reports as many short runs as it takes to have the handlers run on the loop, unless it is too early for that. */
    public static void proveShort(Connection connection) {
        Pace pace = pace(connection);
        for (int i = 0; i < 100 * Pace.RUNS_MIN && !pace.isInline(); i++) {
            pace.ranOnThread(pace.now(), (short) 0);
        }
    }

    /** {@return how many runs were relieved of their loop} */
    public static long reliefs(Connection connection) {
        return pace(connection).reliefs();
    }

    private static Pace pace(Connection connection) {
        Pace pace = ((SocketConnection) connection).config().pace();
        if (pace == null) {
            throw new AssertionError("the dispatch is not adaptive");
        }
        return pace;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.internal.memory.SegmentReader;
import dev.netpoll.internal.memory.SegmentWriter;
import java.lang.ref.Cleaner;

/**
 * Memory of connections that were closed under a thread that still owned it (rule S3 of {@link Side}). The thread may
 * come back and free it; if it never does, it is freed when the connection has become unreachable, so that nobody can.
 */
final class Orphans {
    private static final Cleaner CLEANER = Cleaner.create();

    private Orphans() {}

    /** Looks after what the ended connection has left, if anything. */
    static void adopt(SocketConnection connection) {
        if (connection.inbound().isOrphaned() || connection.outbound().isOrphaned()) {
            SegmentReader unread = connection.inbound().leftBehind();
            SegmentWriter unsent = connection.outbound().leftBehind();
            CLEANER.register(connection, () -> {
                if (unread != null) {
                    unread.clear();
                }
                if (unsent != null) {
                    unsent.clear();
                }
            });
        }
    }
}

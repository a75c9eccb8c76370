// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.internal.memory.SegmentReader;
import dev.netpoll.internal.memory.SegmentWriter;
import java.lang.ref.Cleaner;
import org.jspecify.annotations.Nullable;

/**
 * Memory of connections that have ended while somebody could still use it: unread bytes of one that broke, a message
 * that was being written. Its user may come back and free it; if nobody does, it is freed when the connection has
 * become unreachable, so that nobody can.
 *
 * <p>Every operation of a reader or writer uses its side once more at its end, so a connection is reachable as long as
 * one is under way. Memory that views show is left to the collector even then (rule S3 of {@link Side}).
 */
final class Orphans {
    private static final Cleaner CLEANER = Cleaner.create();

    private Orphans() {}

    /** Looks after what the ended connection has left. */
    static void adopt(Object connection, @Nullable SegmentReader unread, @Nullable SegmentWriter unsent) {
        CLEANER.register(connection, () -> {
            if (unread != null) {
                unread.abandon();
            }
            if (unsent != null) {
                unsent.abandon();
            }
        });
    }
}

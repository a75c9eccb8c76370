// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.io.IOException;

/**
 * The target of a writer: a buffer, and a way to send its bytes.
 *
 * <p>Not thread-safe: one owner at a time.
 */
public interface ByteSink {
    /**
     * Returns the buffer to write to. Every write asks for it, as a sink may give up an empty one. Throws if writing is
     * not possible any more.
     */
    SegmentWriter beginWrite() throws IOException;

    /** The operation that asked for the buffer is over, or has failed. Another thread may own the sink from now on. */
    default void done() {}

    /** Like {@link #done()}, after a reservation: the user may write to that memory until the next flush. */
    default void reserved() {
        done();
    }

    /** The number of bytes written and not yet passed on. */
    long pending();

    /** Passes on the bytes in the buffer. */
    void flush() throws IOException;
}

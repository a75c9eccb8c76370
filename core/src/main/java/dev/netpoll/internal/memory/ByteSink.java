// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.io.IOException;

/**
 * Where a writer puts its bytes: a buffer, and the way out of it.
 *
 * <p>Not thread-safe: one owner at a time.
 */
public interface ByteSink {
    /**
     * The buffer to write to. Every write asks for it, as a sink may give up an empty one; throws when writing is not
     * possible any more.
     */
    SegmentWriter beginWrite() throws IOException;

    /** The operation that asked for the buffer is over, or has failed; the sink may be somebody else's from now on. */
    default void done() {}

    /** As {@link #done()}, after a reservation: its user may write to that memory until the next flush. */
    default void reserved() {
        done();
    }

    /** The number of bytes that were written and not handed on yet. */
    long pending();

    /** Hands on what is in the buffer. */
    void flush() throws IOException;
}

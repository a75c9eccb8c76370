// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * The source of a reader that waits: a buffer, and ways to get more bytes into it.
 *
 * <p>Not thread-safe: one owner at a time. A method that throws has consumed nothing.
 */
public interface ByteSource {
    /** The pool for further memory of slices. */
    SegmentPool pool();

    /**
     * Returns the buffer when it holds {@code n} bytes. Waits for them, unless {@code n <= 0}, and throws if they can't
     * come. Every operation asks for it, as a source may give up an empty one.
     */
    SegmentReader require(long n) throws IOException;

    /** Returns the buffer when it holds at least one byte; null at the end of the stream. */
    @Nullable
    SegmentReader requireAny() throws IOException;

    /**
     * The operation that asked for the buffer is over, or has failed. Another thread may own the source from now on. A
     * method of this interface that throws has ended the operation itself.
     */
    default void done() {}

    /** Moves bytes that have arrived into the buffer; never waits. */
    void take();

    /** The number of bytes that can be read without waiting; 0 when closed. */
    long readable();

    /** Ends all views and returns consumed memory; harmless when closed. */
    void release();
}

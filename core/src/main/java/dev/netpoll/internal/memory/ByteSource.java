// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Where a reader that waits takes its bytes from: a buffer, and the ways to get more into it.
 *
 * <p>Not thread-safe: one owner at a time. A method that throws has consumed nothing.
 */
public interface ByteSource {
    /** Where slices take further memory from. */
    SegmentPool pool();

    /**
     * The buffer, when {@code n} bytes are in it: waits for them, but not for 0 or less, and throws when they can't
     * come. Every operation asks for it, as a source may give up an empty one.
     */
    SegmentReader require(long n) throws IOException;

    /** The buffer, when there is at least one byte in it; null at the end of the stream. */
    @Nullable
    SegmentReader requireAny() throws IOException;

    /**
     * The operation that asked for the buffer is over, or has failed; the source may be somebody else's from now on. A
     * method of this interface that throws has said so itself.
     */
    default void done() {}

    /** Moves into the buffer what has come already; never waits. */
    void take();

    /** The number of bytes that can be read without waiting; 0 when closed. */
    long readable();

    /** Ends the life of views and gives back what was consumed; harmless when closed. */
    void release();
}

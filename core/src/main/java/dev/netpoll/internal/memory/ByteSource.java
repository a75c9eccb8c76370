// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.io.IOException;

/**
 * Where a reader that waits takes its bytes from: a buffer, and the ways to get more into it.
 *
 * <p>Not thread-safe: one owner at a time. A method that throws has consumed nothing.
 */
public interface ByteSource {
    /** The bytes that are there; always the same object. */
    SegmentReader buffer();

    /** Waits until {@code n} bytes are in the buffer; throws when they can't come. Without effect for 0 or less. */
    void require(long n) throws IOException;

    /** Waits for at least one byte; false at the end of the stream. */
    boolean requireAny() throws IOException;

    /** Moves into the buffer what has come already; never waits. */
    void take();

    /** The number of bytes that can be read without waiting; 0 when closed. */
    long readable();

    /** Ends the life of views and gives back what was consumed; harmless when closed. */
    void release();
}

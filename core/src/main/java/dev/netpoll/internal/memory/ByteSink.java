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
    /** The bytes that were not handed on yet; always the same object. */
    SegmentWriter buffer();

    /** Throws when writing is not possible any more. */
    void beginWrite() throws IOException;

    /** Hands on what is in the buffer. */
    void flush() throws IOException;
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.BufferGuard;
import dev.netpoll.internal.memory.ByteSource;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.memory.SegmentReader;
import dev.netpoll.internal.memory.SegmentWriter;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * The source of a {@link StreamReader}. While an operation waits, a writer collects the bytes and packs small pieces
 * densely. When the operation ends, normally or not, they move to the buffer.
 */
abstract class StreamSource implements ByteSource, Closeable {
    /** How many times in a row a source may return no bytes. Some rarely do so once; asking further would spin. */
    static final int EMPTY_READS_MAX = 16;

    private final SegmentPool pool;
    private final SegmentReader buffer;
    private final SegmentWriter incoming;
    private final int limit;
    private final Closeable origin;
    private final @Nullable BufferGuard guard; // in checked mode only
    private boolean closed;

    StreamSource(SegmentPool pool, int limit, Closeable origin) {
        if (limit <= 0) {
            throw new IllegalArgumentException("the limit must be positive: " + limit);
        }
        this.pool = pool;
        this.buffer = new SegmentReader(pool);
        this.incoming = new SegmentWriter(pool);
        this.limit = limit;
        this.origin = origin;
        this.guard = BufferGuard.watch("StreamReader", this, buffer, incoming);
    }

    /**
     * Reads at least one byte into {@code target}; false at the end of the stream. If it throws, the bytes read before
     * are in {@code target}, too.
     */
    abstract boolean receive(SegmentWriter target) throws IOException;

    @Override
    public final SegmentPool pool() {
        return pool;
    }

    @Override
    public final SegmentReader require(long n) throws IOException {
        if (!fill(n)) {
            throw new EOFException(
                    "reading " + n + " bytes: the stream ended and only " + buffer.length() + " bytes are there");
        }
        return buffer;
    }

    @Override
    public final @Nullable SegmentReader requireAny() throws IOException {
        return fill(1) ? buffer : null; // not by the exception of require: the origin, too, may throw an EOFException
    }

    /** Reads until there are {@code n} bytes; false if the stream ends earlier. */
    private boolean fill(long n) throws IOException {
        checkOpen();
        if (buffer.length() >= n) {
            return true;
        }
        if (n > limit) {
            throw new IOException("reading " + n + " bytes: the limit of this StreamReader is " + limit);
        }
        try {
            boolean more = true;
            while (more && buffer.length() + incoming.pending() < n) {
                more = receive(incoming);
                checkOpen();
            }
            return more;
        } finally {
            buffer.append(incoming.take());
            if (closed) { // the origin closed this while it was read
                buffer.clear();
            }
        }
    }

    private void checkOpen() throws IOException {
        if (closed) {
            throw new IOException("the StreamReader is closed", guard == null ? null : guard.closedAt());
        }
    }

    @Override
    public final void take() {
        // Nothing arrives between operations.
    }

    @Override
    public final long readable() {
        return buffer.length();
    }

    @Override
    public final void release() {
        buffer.release();
    }

    @Override
    public final void close() throws IOException {
        if (!closed) {
            closed = true;
            if (guard != null) {
                guard.close();
            }
            buffer.clear();
            origin.close();
        }
    }

    static IOException noProgress(Object origin) {
        return new IOException("no bytes in " + EMPTY_READS_MAX + " reads in a row, and no end: "
                + origin.getClass().getName());
    }
}

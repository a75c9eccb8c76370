// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.BufferGuard;
import dev.netpoll.internal.memory.ByteSink;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.memory.SegmentReader;
import dev.netpoll.internal.memory.SegmentWriter;
import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The target of a {@link StreamWriter}. A flush moves the bytes to a reader; unsent ones return afterwards. */
abstract class StreamSink implements ByteSink, Closeable {
    private final SegmentWriter buffer;
    private final SegmentReader unsent;
    private final Closeable target;
    private final @Nullable BufferGuard guard; // in checked mode only
    private boolean closed;

    StreamSink(SegmentPool pool, Closeable target) {
        this.buffer = new SegmentWriter(pool);
        this.unsent = new SegmentReader(pool);
        this.target = target;
        this.guard = BufferGuard.watch("StreamWriter", this, unsent, buffer);
    }

    /** Writes all of {@code bytes} and calls {@link #sent} for each part that is written. */
    abstract void send(MemorySegment bytes) throws IOException;

    /** Called when all bytes are written. */
    abstract void finish() throws IOException;

    /** Removes the first {@code n} unsent bytes: they are written. */
    final void sent(int n) {
        unsent.skip(n);
    }

    @Override
    public final long pending() {
        return buffer.pending();
    }

    @Override
    public final SegmentWriter beginWrite() throws IOException {
        if (closed) {
            throw new IOException("the StreamWriter is closed", guard == null ? null : guard.closedAt());
        }
        return buffer;
    }

    @Override
    public final void flush() throws IOException {
        unsent.append(beginWrite().take());
        try {
            for (MemorySegment piece : unsent.views()) {
                send(piece);
            }
        } finally {
            long left = unsent.length();
            buffer.append(unsent.take(), left);
        }
        finish();
    }

    @Override
    public final void close() throws IOException {
        if (!closed) {
            closed = true;
            if (guard != null) {
                guard.close();
            }
            buffer.clear();
            target.close();
        }
    }
}

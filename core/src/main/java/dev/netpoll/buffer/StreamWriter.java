// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.SegmentPool;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.WritableByteChannel;

/**
 * A writer whose flush writes to a stream or a channel. It needs no connection: it writes files, pipes and foreign
 * sockets.
 *
 * {@snippet file="dev/netpoll/examples/Snippets.java" region="stream-writer"}
 *
 * <p><b>Flushing.</b> {@link #flush()} returns when the sink has taken everything; it continues short writes, and waits
 * as the sink does. When it throws, the unwritten bytes stay pending, in order. The caller may flush them again,
 * truncate them or drop them with {@link #close()}. A stream does not say how much it wrote before it failed: the piece
 * of at most 16 KiB that failed stays pending as a whole.
 *
 * <p><b>Errors.</b> {@link IOException} when the sink repeatedly takes no bytes, and from all methods after {@link
 * #close()}; and the sink's own. {@link java.nio.channels.IllegalBlockingModeException} for a channel that does not
 * block.
 *
 * <p><b>Memory.</b> It holds native memory while bytes are pending. Always close it.
 *
 * <p><b>Threads.</b> One at a time. To end a flush that waits, close the sink from another thread.
 *
 * @since 0.1
 */
public final class StreamWriter extends SinkWriter implements AutoCloseable {
    private final StreamSink sink;

    /** For tests, whose sink uses their own pool. */
    StreamWriter(StreamSink sink) {
        super(sink);
        this.sink = sink;
    }

    /**
     * Returns a writer over a stream. It copies the bytes once, because a stream takes arrays only. Each flush ends
     * with a flush of the stream, even if nothing was pending.
     *
     * @param out the sink, which belongs to the writer from now on
     * @return a new writer
     */
    public static StreamWriter of(OutputStream out) {
        return new StreamWriter(new OutputStreamSink(SegmentPool.shared(), out));
    }

    /**
     * Returns a writer over a channel, which gets the written memory without copying, including that of {@link
     * #writeDirect}.
     *
     * @param out the sink, in blocking mode; it belongs to the writer from now on
     * @return a new writer
     */
    public static StreamWriter of(WritableByteChannel out) {
        return new StreamWriter(new ChannelSink(SegmentPool.shared(), out));
    }

    /**
     * Drops unflushed bytes, as closing a connection does, frees all memory and closes the sink. Closing again does
     * nothing.
     *
     * @throws IOException if the sink fails to close; the memory is free nevertheless
     */
    @Override
    public void close() throws IOException {
        sink.close();
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.SegmentPool;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.WritableByteChannel;

/**
 * A writer whose flush writes to a stream or a channel. It needs no connection: it writes files, pipes and other
 * people's sockets.
 *
 * <pre>{@code
 * try (StreamWriter out = StreamWriter.of(channel)) {
 *     out.writeInt(5).writeUtf8("hello");
 *     out.flush();
 * }
 * }</pre>
 *
 * <p><b>Flushing.</b> {@link #flush()} returns when the sink has taken everything; it continues short writes, and waits
 * as the sink does. When it throws, what was not written stays pending, in order, and may be flushed again, truncated
 * or dropped by {@link #close()}. A stream does not say how much it wrote before it failed: the piece of at most 16 KiB
 * that failed stays pending as a whole.
 *
 * <p><b>Errors.</b> {@link IOException} when the sink takes no bytes though it is asked again, and from all methods
 * after {@link #close()}; and the sink's own. {@link java.nio.channels.IllegalBlockingModeException} for a channel that
 * does not block.
 *
 * <p><b>Memory.</b> It holds native memory while bytes are pending. It must be closed.
 *
 * <p><b>Threads.</b> One at a time. To end a flush that waits, close the sink from another thread.
 */
public final class StreamWriter extends SinkWriter implements AutoCloseable {
    private final StreamSink sink;

    /** For tests: with a sink that has a pool of their own. */
    StreamWriter(StreamSink sink) {
        super(sink);
        this.sink = sink;
    }

    /**
     * A writer over a stream. The bytes are copied once, as a stream takes arrays only. Each flush ends with a flush of
     * the stream, also when nothing was pending.
     *
     * @param out the sink, which belongs to the writer from now on
     * @return a new writer
     */
    public static StreamWriter of(OutputStream out) {
        return new StreamWriter(new OutputStreamSink(SegmentPool.shared(), out));
    }

    /**
     * A writer over a channel, which gets the written memory without copying, also that of {@link #writeDirect}.
     *
     * @param out the sink, in blocking mode; it belongs to the writer from now on
     * @return a new writer
     */
    public static StreamWriter of(WritableByteChannel out) {
        return new StreamWriter(new ChannelSink(SegmentPool.shared(), out));
    }

    /**
     * Drops what was not flushed, as closing a connection does, frees all memory and closes the sink. Closing again
     * does nothing.
     *
     * @throws IOException if the sink fails to close; the memory is free nevertheless
     */
    @Override
    public void close() throws IOException {
        sink.close();
    }
}

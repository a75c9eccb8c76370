// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.SegmentPool;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.ReadableByteChannel;

/**
 * A reader that fills itself on demand from a stream or a channel. It needs no connection: it reads files, pipes and
 * foreign sockets.
 *
 * {@snippet file="dev/netpoll/examples/Snippets.java" region="stream-reader"}
 *
 * <p><b>Waiting.</b> An operation reads from the source until the bytes it needs are there, and waits as the source
 * does. It takes what the source gives, at most 64 KiB at a time, so there may be more: see {@link #readableBytes()}.
 * If the bytes are there, it does not touch the source.
 *
 * <p><b>Errors.</b> An operation that throws consumes nothing, and what came before the error stays readable.
 * <ul>
 *   <li>{@link java.io.EOFException} when the source ends too early; its message says how many bytes there are.
 *   <li>{@link IOException} when an operation needs more bytes than the limit given to {@code of}, when the source
 *       repeatedly gives no bytes, and after {@link #close()}; and the source's own.
 *   <li>{@link java.nio.channels.IllegalBlockingModeException} when an operation needs bytes of a channel that does not
 *       block.
 * </ul>
 * <p>The reader remembers neither an error nor the end: the next operation that needs bytes asks the source again.
 *
 * <p><b>Memory.</b> It holds native memory until its bytes are consumed and released, or until {@link #close()}; always
 * close it. It releases nothing automatically: call {@link #release()} between messages.
 *
 * <p><b>Threads.</b> One at a time. To end a read that waits, close the source from another thread.
 *
 * @since 0.1
 */
public final class StreamReader extends SourceReader implements AutoCloseable {
    /** The most bytes that one operation may need unless another limit is given: {@value} bytes, which is 64 MiB. */
    public static final int DEFAULT_LIMIT = 64 << 20;

    private final StreamSource source;

    /** For tests, whose source uses their own pool. */
    StreamReader(StreamSource source) {
        super(source);
        this.source = source;
    }

    /**
     * Like {@link #of(InputStream, int)} with {@link #DEFAULT_LIMIT}.
     *
     * @param in the source, which belongs to the reader from now on
     * @return a new reader
     */
    public static StreamReader of(InputStream in) {
        return of(in, DEFAULT_LIMIT);
    }

    /**
     * Returns a reader over a stream. It copies the bytes once, because a stream fills arrays only.
     *
     * @param in the source, which belongs to the reader from now on
     * @param limit the most bytes that one operation may need, so also how far the reader looks for a delimiter
     * @return a new reader
     * @throws IllegalArgumentException if the limit is not positive
     */
    public static StreamReader of(InputStream in, int limit) {
        SegmentPool pool = SegmentPool.shared();
        return new StreamReader(new InputStreamSource(pool, limit, in));
    }

    /**
     * Like {@link #of(ReadableByteChannel, int)} with {@link #DEFAULT_LIMIT}.
     *
     * @param in the source, which belongs to the reader from now on
     * @return a new reader
     */
    public static StreamReader of(ReadableByteChannel in) {
        return of(in, DEFAULT_LIMIT);
    }

    /**
     * Returns a reader over a channel, which reads straight into the memory that views show.
     *
     * @param in the source, in blocking mode; it belongs to the reader from now on
     * @param limit the most bytes that one operation may need, so also how far the reader looks for a delimiter
     * @return a new reader
     * @throws IllegalArgumentException if the limit is not positive
     */
    public static StreamReader of(ReadableByteChannel in, int limit) {
        SegmentPool pool = SegmentPool.shared();
        return new StreamReader(new ChannelSource(pool, limit, in));
    }

    /**
     * Frees all memory, also that of views, and closes the source. Slices stay valid. Closing again does nothing.
     *
     * @throws IOException if the source fails to close; the memory is free nevertheless
     */
    @Override
    public void close() throws IOException {
        source.close();
    }
}

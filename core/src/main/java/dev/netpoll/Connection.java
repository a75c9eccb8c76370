// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import dev.netpoll.buffer.Reader;
import dev.netpoll.buffer.Writer;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.nio.channels.ByteChannel;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A connected stream socket, TCP or Unix. While nothing happens on it, it owns no thread and no buffer.
 *
 * <p><b>Threads.</b> One thread may read while another writes, but not two at a time on the same side: {@link
 * #reader()} and {@link #writer()} have one user each, and the caller orders a change of user. A second thread that
 * comes while a side is in use gets an {@link IllegalStateException} before it has done anything. A side is in use
 * during each call; the reader by a callback as long as that runs; and the writer from the first write to the end of
 * the flush by a callback of this connection, or once memory was {@linkplain Writer#reserve reserved}, while anything
 * is pending. Other threads may take turns in the middle of a message, as the caller orders it: what they write is
 * sent in that order. Everything else is safe from any thread at any time, {@link #close()} above all. Use {@link
 * #asByteChannel()} where several threads must share a side.
 *
 * <p><b>Waiting.</b> Reads wait for bytes and flushes for the kernel, in plain blocking style: call them from a virtual
 * thread (or any thread that may block). On an event loop, that is in a callback with {@link Dispatch#inline()},
 * nothing may wait, and a call that would have to throws {@link IllegalStateException}:
 *
 * <table>
 * <caption>Calls on an event loop</caption>
 * <tr><th>call</th><th>on an event loop</th></tr>
 * <tr><td>reads of {@link #reader()}</td><td>if the bytes are there; see {@link #demand}</td></tr>
 * <tr><td>{@link Writer#flush()}, {@link #shutdownOutput}</td><td>never wait, below the high mark; see
 *     {@link #isWritable}</td></tr>
 * <tr><td>{@link #detach}</td><td>on the connection's own loop</td></tr>
 * <tr><td>{@link #asByteChannel()}</td><td>no reads and writes that would have to wait</td></tr>
 * <tr><td>{@link Dialer#dial}, {@link Server#listen}, {@link Server#shutdown}, {@link EventLoopGroup#close()}</td>
 *     <td>never</td></tr>
 * <tr><td>all others</td><td>always: they do not wait</td></tr>
 * </table>
 *
 * <p><b>Flushing.</b> What is written goes out with {@link Writer#flush()}. What a callback has written to its own
 * connection and not flushed when it returns is flushed then, so that no peer waits for an answer that is never sent;
 * flush yourself to send earlier, and to be told if it fails.
 *
 * <p><b>End.</b> Three ways to end are told apart: the peer finished ({@link PeerClosedException}, all it sent is
 * delivered first), the connection broke ({@link ConnectionResetException}), and it was closed here
 * ({@link ConnectionClosedException}). After the peer finished sending, writing still works until the peer is gone:
 * a peer that half-closes gets its answer. A connection with a request handler closes itself when the peer has finished
 * and the last request was handled, and what the handler left unread is dropped, unless
 * {@link ConnectionOptions#allowHalfOpen} says otherwise. Any other is the program's to close, also after the peer's
 * end: each that was dialed, and each that a {@link Server} without onRequest handed to its onPrepare or onConnect. One
 * that broke, by a reset for example, ends by itself in any case.
 */
public interface Connection extends AutoCloseable {
    /** A time-out that never ends. */
    Duration NO_TIMEOUT = Duration.ofSeconds(Long.MAX_VALUE);

    /** {@return the reading side; always the same object} */
    Reader reader();

    /** {@return the writing side; always the same object} */
    Writer writer();

    /**
     * {@return whether the connection is usable as far as is known: not closed here, no end of stream, reset or lost
     * path noticed, and no flush ended in the middle of its bytes, after which nothing can follow} Costs one volatile
     * read. The event loop notices the peer's end without anybody reading.
     */
    boolean isActive();

    /**
     * {@return whether a pool may hand the connection out again: active, nothing unread, nothing unsent, and a look at
     * the socket that finds it open and empty} Costs a system call. When in doubt the answer is no. NIO cannot look:
     * there it is what the event loop has noticed, up to a turn ago. It is no reservation: the peer may still close
     * before the next write. Nor is it known, for some milliseconds, after an answer that was about as large as {@link
     * ConnectionOptions#inboundHighMark}: reading was paused, and has to go on first. The caller must be the only user
     * of both sides. An answer that has not come yet can't be known: a connection whose exchange failed, by a time-out
     * above all, does not go back into a pool, or the next caller reads the answer of the one before.
     */
    boolean isReusable();

    /**
     * {@return whether the output that was flushed on an event loop and not yet taken by the kernel is below the high
     * mark ({@link ConnectionOptions#outboundHighMark})} Always true for callers that may block, as their flushes wait.
     * A handler on an event loop that finds false returns; it is run again when the output has drained, also if nothing
     * is unread. One that flushes all the same gets an {@link IllegalStateException}, and those bytes are dropped.
     */
    boolean isWritable();

    /**
     * Asks that the request handler is next run when at least {@code bytes} are readable, counted from the current read
     * position. It holds for one run, and is how a handler on an event loop waits for the rest of a message without
     * blocking. Call it from the handler. It has no effect with {@link Framing}. For bytes that are there already the
     * handler is run again at once, and if it never consumes them, again and again until the connection is closed.
     *
     * @throws FrameTooLargeException if more is asked for than {@link ConnectionOptions#maxFrameLength}
     * @throws IllegalArgumentException if {@code bytes} is not positive
     */
    void demand(int bytes) throws FrameTooLargeException;

    /** {@return our address, or null if the socket has none} */
    @Nullable
    SocketAddress localAddress();

    /** {@return the peer's address, or null if the socket has none; an unnamed Unix socket has the empty path} */
    @Nullable
    SocketAddress remoteAddress();

    /**
     * Limits each wait for bytes. A read that times out consumes nothing and may be repeated. Clears a read deadline.
     * Affects a wait in progress, which counts from its beginning. Initially {@link ConnectionOptions#readTimeout}.
     *
     * @param timeout positive, or {@link #NO_TIMEOUT}
     */
    void setReadTimeout(Duration timeout);

    /** Limits each flush, as {@link #setReadTimeout} limits reads. Initially {@link ConnectionOptions#writeTimeout}. */
    void setWriteTimeout(Duration timeout);

    /**
     * Lets waits for bytes end at a point in time, whatever the time-out; one in the past ends them at once. Reads that
     * need not wait still succeed. Affects a wait in progress.
     *
     * @param deadline when, or null to remove the deadline, so that the time-out counts again
     */
    void setReadDeadline(@Nullable Instant deadline);

    /**
     * Lets flushes end at a point in time, as {@link #setReadDeadline} does for reads. A flush that begins after it
     * fails at once, and drops its bytes, as one that runs out of time before the peer took any.
     */
    void setWriteDeadline(@Nullable Instant deadline);

    /**
     * Closes the connection when no byte was received or sent, and no handler was run, for this long. A flush that the
     * peer does not take counts as idle, however long its own time-out is.
     *
     * @param timeout positive, or {@link #NO_TIMEOUT}; initially {@link ConnectionOptions#idleTimeout}
     */
    void setIdleTimeout(Duration timeout);

    /**
     * Sets a socket option.
     *
     * @throws UnsupportedOperationException if the socket or the backend does not know it
     */
    <T> void setOption(SocketOption<T> option, T value) throws IOException;

    /** Reads a socket option; see {@link #setOption}. */
    <T> T getOption(SocketOption<T> option) throws IOException;

    /** {@return the object attached last, or null} */
    @Nullable
    Object attachment();

    /** Attaches an object, for instance the session, replacing the previous one. */
    void attach(@Nullable Object attachment);

    /**
     * Sets or replaces the request handler. It takes effect at the next run, and runs at once if bytes are waiting.
     * While a handler is set, it is the only reader.
     */
    void onRequest(ConnectionHandler handler);

    /**
     * Adds a callback that is run once when the connection is closed and no handler runs any more; the last added is
     * run first. Added after that, it is run at once on the caller's thread.
     */
    void addCloseCallback(ConnectionHandler callback);

    /**
     * Stops taking bytes from the kernel, so that the peer is slowed down. What is already buffered stays readable.
     * Reads that would have to wait, wait until {@link #resumeReading()}.
     */
    void pauseReading();

    /** Undoes {@link #pauseReading()}. */
    void resumeReading();

    /** {@return whether {@link #pauseReading()} is in force} */
    boolean isReadingPaused();

    /**
     * Tells the peer that nothing more will be sent, after what was flushed before; reading goes on. Idempotent. Bytes
     * written and not flushed are flushed first, so this is for the writing thread.
     */
    void shutdownOutput() throws IOException;

    /**
     * Closes the connection: wakes whoever waits on it with {@link ConnectionClosedException}, releases the socket
     * promptly even while a handler runs, then runs the close callbacks when the handler has ended. Output that was
     * flushed on an event loop and is still on its way is sent first, for at most the write time-out, or 10 seconds
     * without one; bytes never flushed and bytes never read are dropped, also in a handler, so flush before.
     *
     * <p>A TCP peer that has sent what is not read by then, or goes on sending, is answered by a reset, as TCP demands,
     * and may lose the end of what was sent: read up to its end first, or let it close. Memory that views of the reader
     * still show comes back when these are collected; {@link Reader#release()} before is better.
     *
     * <p>Idempotent; never blocks; any thread.
     */
    @Override
    void close();

    /** Closes at once and resets the connection: what is still on its way is dropped, also by the kernel. */
    void abort();

    /**
     * Takes the socket out of the library, open and non-blocking. The connection is closed afterwards (close callbacks
     * run); bytes already received are in the result, bytes written and never flushed are dropped. Views that the
     * reader gave end with this, as with {@link Reader#release()}. The caller must be the connection's only user.
     *
     * @throws IllegalStateException if called on an event loop other than the connection's own, while another thread
     *     reads, or while flushed output is still on its way
     */
    DetachedSocket detach() throws IOException;

    /**
     * {@return the connection as a channel that may be shared: reads and writes copy, are atomic with respect to each
     * other on their side, and may come from several threads} A read waits for at least one byte and returns -1 at the
     * end of the stream; a write returns when every byte was taken by the kernel. After a write that timed out the
     * channel stays usable, also in the middle of its bytes: {@link WriteTimeoutException#bytesSent()} and the position
     * of the buffer say how much was sent. Where several threads write messages, whoever gets that exception closes the
     * connection, as the others would write on behind half a message. Closing the channel closes the connection. When
     * that is closed, the channel throws {@link java.nio.channels.ClosedChannelException}, as channels do; its cause
     * says why. A side that is used through the channel is not used through {@link #reader()} or {@link #writer()}.
     */
    ByteChannel asByteChannel();
}

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
 * A connected stream socket, TCP or Unix. An idle connection owns no thread and no buffer.
 *
 * {@snippet file="dev/netpoll/examples/Snippets.java" region="connection"}
 *
 * <p><b>Threads.</b> {@link #reader()} and {@link #writer()} have one user at a time each: one thread may read while
 * another writes. The caller orders a change of user. If a second thread calls while a side is in use, it gets an
 * {@link IllegalStateException} before the call has any effect; while a callback runs, which may be about to hand the
 * connection over, it first waits up to 100 milliseconds, except on a loop. A side is in use during each call. A
 * callback also holds the reader as long as it runs. It holds the writer from its first write to the end of its flush.
 * On any thread, {@linkplain Writer#reserve reserved} memory holds the writer while bytes are pending. Otherwise
 * threads may take turns in the middle of a message, in the order that the caller sets; the connection sends their
 * bytes in that order. All other methods are safe from any thread at any time, above all {@link #close()}. Use {@link
 * #asByteChannel()} where several threads must share a side.
 *
 * <p><b>Waiting.</b> Reads wait for bytes and flushes for the kernel, in plain blocking style: call them from a virtual
 * thread, or any thread that may block. On an event loop, that is in a callback with {@link Dispatch#inline()}, nothing
 * may wait: a call that would have to wait throws {@link IllegalStateException}.
 *
 * <table>
 * <caption>Calls on an event loop</caption>
 * <tr><th>call</th><th>on an event loop</th></tr>
 * <tr><td>reads of {@link #reader()}</td><td>if the bytes have arrived; see {@link #demand}</td></tr>
 * <tr><td>{@link Writer#flush()}, {@link #shutdownOutput}</td><td>never wait, below the high mark; see
 *     {@link #isWritable}</td></tr>
 * <tr><td>{@link #detach}</td><td>on the connection's own loop</td></tr>
 * <tr><td>{@link #asByteChannel()}</td><td>no reads and writes that would have to wait</td></tr>
 * <tr><td>{@link Dialer#dial}, {@link Server#listen}, {@link Server#shutdown}, {@link EventLoopGroup#close()}</td>
 *     <td>never</td></tr>
 * <tr><td>all others</td><td>always: they do not wait</td></tr>
 * </table>
 *
 * <p><b>Flushing.</b> {@link Writer#flush()} sends the written bytes. When a callback returns, the library flushes what
 * it wrote to its own connection and did not flush, so that no peer waits for an answer that nobody sends. Flush
 * yourself to send earlier, and to learn about a failure.
 *
 * <p><b>End.</b> A connection ends in one of three ways: the peer finished ({@link PeerClosedException}, after all it
 * sent was delivered), the connection broke ({@link ConnectionResetException}), or this side closed it ({@link
 * ConnectionClosedException}). After the peer finished sending, writing still works until the peer is gone: a peer that
 * half-closes gets its answer. A connection with a request handler closes itself when the peer has finished and the
 * handler has handled the last request; it drops what the handler left unread, unless {@link
 * ConnectionOptions#allowHalfOpen} is set. The program closes every other connection, also after the peer's end: each
 * that it dialed, and each that a {@link Server} without onRequest passed to onPrepare or onConnect. A connection that
 * broke, by a reset for example, always ends by itself.
 *
 * @since 0.1
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
     * read. The event loop notices the peer's end even if no thread reads.
     *
     * @implNote NIO notices a reset that follows the peer's end of stream only when sending fails. If a peer goes while
     *     all buffer memory is used up, epoll and io_uring notice a reset at once, else when nothing is left to read;
     *     NIO notices it by reading, which waits for memory.
     */
    boolean isActive();

    /**
     * {@return whether a pool may hand the connection out again: active, nothing unread, nothing unsent, and a look at
     * the socket that finds it open and empty} Costs a system call. When in doubt the answer is no. The caller must be
     * the only user of both sides.
     *
     * <p>It is no reservation: the peer may still close before the next write. For some milliseconds after an answer of
     * about {@link ConnectionOptions#inboundHighMark} bytes the answer is no, because reading was paused and has to
     * resume first. An answer that has not arrived yet is unknown: never return a connection to a pool after a failed
     * exchange, above all after a time-out. The next caller would read the previous caller's answer.
     *
     * @implNote epoll and io_uring see bytes, and an end of the stream, that wait in the kernel. NIO sees waiting bytes
     *     on TCP. On Unix sockets it sees them, and on any socket the end, only once the event loop has looked, by its
     *     next turn.
     */
    boolean isReusable();

    /**
     * {@return whether the output that was flushed on an event loop and that the kernel has not taken yet is below the
     * high mark ({@link ConnectionOptions#outboundHighMark})} Always true for callers that may block, because their
     * flushes wait. A handler on an event loop that sees false for its own connection returns. The loop runs it again
     * when the output has drained, even if nothing is unread. If the handler flushes all the same, it gets an {@link
     * IllegalStateException}, and the connection drops those bytes. Nothing tells a handler when <em>another</em>
     * connection has drained: handlers that forward to others should not run inline. Elsewhere their flush waits, and
     * the sender is held up meanwhile.
     *
     * @implNote epoll and NIO send at once what an inline handler flushes. io_uring gathers up to 32 KiB until all
     *     handlers of the loop's turn have run, so with a high mark below that this turns false even if the peer reads.
     */
    boolean isWritable();

    /**
     * Delays the next run of the request handler until at least {@code bytes} are readable, counted from the current
     * read position. A handler on an event loop waits this way for the rest of a message without blocking. Call it from
     * the handler; it holds for one run. It has no effect with {@link Framing}. If the bytes have already arrived, the
     * handler runs again at once. If it never consumes them, it runs again and again until the connection is closed.
     *
     * @throws FrameTooLargeException if {@code bytes} exceeds {@link ConnectionOptions#maxFrameLength}
     * @throws IllegalArgumentException if {@code bytes} is not positive
     */
    void demand(int bytes) throws FrameTooLargeException;

    /** {@return the local address, or null if the socket has none} */
    @Nullable
    SocketAddress localAddress();

    /**
     * {@return the peer's address, or null if the socket has none; an unnamed Unix socket has the empty path}
     *
     * @implNote A Unix peer may have a name that is no path in Java. epoll and io_uring show it, as {@code @na@me (no
     *     path in Java)}, in a class that no dialer accepts; with NIO the address is null.
     */
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
     * Ends waits for bytes at a point in time, whatever the time-out; a deadline in the past ends them at once. Reads
     * that need not wait still succeed. Affects a wait in progress.
     *
     * @param deadline when, or null to remove the deadline, so that the time-out counts again
     */
    void setReadDeadline(@Nullable Instant deadline);

    /**
     * Ends flushes at a point in time, as {@link #setReadDeadline} does for reads. A flush that begins after the
     * deadline fails at once and drops its bytes, like one that times out before the peer took any.
     */
    void setWriteDeadline(@Nullable Instant deadline);

    /**
     * Closes the connection when it receives and sends no byte, and runs no handler, for this long. A flush that the
     * peer does not take counts as idle, however long its own time-out is.
     *
     * @param timeout positive, or {@link #NO_TIMEOUT}; initially {@link ConnectionOptions#idleTimeout}
     */
    void setIdleTimeout(Duration timeout);

    /**
     * Sets a socket option.
     *
     * @implNote NIO does not support {@code TCP_USER_TIMEOUT} and {@code TCP_NOTSENT_LOWAT}, nor {@code SO_KEEPALIVE},
     *     {@code SO_REUSEADDR} and {@code SO_REUSEPORT} on Unix sockets, where epoll and io_uring set them without
     *     effect. Only NIO supports the JDK's {@code SO_OOBINLINE}, {@code SO_PEERCRED} and {@code
     *     SO_INCOMING_NAPI_ID}, as the JDK has them.
     * @throws UnsupportedOperationException if the socket or the backend does not support it
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
     * Sets or replaces the request handler. It takes effect at the next run; if bytes are waiting, that run begins at
     * once. While a handler is set, only the handler reads.
     */
    void onRequest(ConnectionHandler handler);

    /**
     * Adds a callback that runs once, when the connection is closed and no handler runs any more. The callback added
     * last runs first. A callback added after that runs at once on the caller's thread.
     */
    void addCloseCallback(ConnectionHandler callback);

    /**
     * Stops taking bytes from the kernel, which slows the peer down. Bytes received before stay readable, and the
     * request handler still runs for them. A read that has to wait for more waits until {@link #resumeReading()}. A
     * connection that pauses in {@code onPrepare} has received nothing yet; in {@code onConnect}, it may have.
     *
     * @implNote While reading is paused, epoll and io_uring notice a hang-up. NIO notices it when reading resumes or
     *     sending fails.
     */
    void pauseReading();

    /** Undoes {@link #pauseReading()}. */
    void resumeReading();

    /** {@return whether {@link #pauseReading()} is in effect} */
    boolean isReadingPaused();

    /**
     * Ends the output after all flushed bytes and tells the peer; reading continues. Idempotent. It first flushes bytes
     * that were written and not flushed, so call it from the writing thread.
     *
     * @throws OutputCutException if the peer has got a part of a flush, or of a channel's write, that was given up
     */
    void shutdownOutput() throws IOException;

    /**
     * Closes the connection. Waiting threads wake with {@link ConnectionClosedException}. The socket is released
     * promptly even while a handler runs; the close callbacks run when the handler has ended. Output that was flushed
     * on an event loop and is still on its way is sent first, for at most the write time-out, or 10 seconds without
     * one. The connection drops bytes never flushed and bytes never read, also in a handler, so flush before. If the
     * peer has got a part of a flush that was given up, or that waits and is ended by this, then this resets the
     * connection as {@link #abort} does: else the peer could take the part for the whole.
     *
     * <p>If a TCP peer has sent bytes that are still unread, or sends more, TCP answers it with a reset, and it may
     * lose the end of what was sent: read up to its end first, or let it close. Memory that views of the reader still
     * show comes back when the garbage collector finds them; {@link Reader#release()} before is better.
     *
     * <p>Idempotent; never blocks; any thread.
     */
    @Override
    void close();

    /** Closes at once and resets the connection. The library and the kernel drop what is still on its way. */
    void abort();

    /**
     * Takes the socket out of the library, open and non-blocking. The connection is closed afterwards, and its close
     * callbacks run. Bytes already received are in the result; bytes written and never flushed are dropped. Views of
     * the reader end if a handler calls this, as with {@link Reader#release()}; elsewhere the memory that they show
     * comes back when the garbage collector finds them, or they end, too, without native access. The caller must be the
     * connection's only user.
     *
     * @implNote The result holds a descriptor with epoll and io_uring, and a channel with NIO.
     * @throws IllegalStateException if called on an event loop other than the connection's own, while another thread
     *     reads, or while flushed output is still on its way
     * @throws OutputCutException if the output was cut: the peer waits for the rest of a message
     */
    DetachedSocket detach() throws IOException;

    /**
     * {@return the connection as a channel that several threads may share: reads and writes copy and are atomic with
     * respect to each other on their side} A read waits for at least one byte and returns -1 at the end of the stream.
     * A write returns when the kernel has taken every byte. Do not use a side through the channel and through {@link
     * #reader()} or {@link #writer()}.
     *
     * <p>If a write timed out, the position of the buffer says how much was sent, and the channel stays usable, also in
     * the middle of the write's bytes. But the stream can't end in order there: until a later write was sent whole,
     * closing resets the connection, and {@link #shutdownOutput} and {@link #detach} throw {@link OutputCutException}.
     * Where several threads write messages, the thread that gets the time-out closes the connection, because the others
     * would continue behind half a message.
     *
     * <p>Closing the channel closes the connection. A channel of a closed connection throws {@link
     * java.nio.channels.ClosedChannelException}, as channels do; its cause gives the reason.
     */
    ByteChannel asByteChannel();
}

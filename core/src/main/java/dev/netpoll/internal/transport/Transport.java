// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.transport;

import java.io.IOException;
import java.net.SocketAddress;
import java.net.SocketOption;
import org.jspecify.annotations.Nullable;

/**
 * A stream socket as connections see it: sends bytes, and reports what it receives to {@link TransportEvents}.
 *
 * <p><b>Threads.</b> Methods marked <i>loop</i> only on the thread that drives the poller it is registered with (or,
 * before registration, by its single owner). The others on any thread, even while the loop closes the transport: then
 * they report EBADF, and never touch a released descriptor (which may already belong to another socket).
 */
public interface Transport {
    /** Result of {@link #send}: the queue is empty. */
    int SENT = 0;

    /** Result of {@link #send}: the kernel takes no more now. */
    int WOULD_BLOCK = 1;

    /**
     * Result of {@link #send} on the loop: the transport sends the queue given to {@link #sendRest} with the loop's
     * next wait, and reports {@link TransportEvents#sent} even if the kernel then takes nothing.
     */
    int GATHERED = 2;

    /**
     * Moves bytes from the queue to the kernel until the queue is empty or the kernel takes no more. Any thread, one at
     * a time (the caller holds the connection's send role). Consumes what was sent from the queue.
     *
     * <p>EFAULT (the user's memory is gone), ENOMEM and ENOBUFS concern only the caller. After any other error the
     * transport also reports {@link TransportEvents#failed}, after delivering the bytes that arrived before it. Beside
     * {@link #close} the error is EBADF or EPIPE, or ECONNRESET if that aborts.
     *
     * @return {@link #SENT}, {@link #WOULD_BLOCK}, {@link #GATHERED}, or an error number negated
     */
    int send(SendQueue queue);

    /**
     * {@return whether the loop sends for many sockets with one call, so that a short queue should go to
     * {@link #sendRest}} Any thread; a hint.
     */
    default boolean gathersSends() {
        return false;
    }

    /**
     * <i>Loop.</i> Continues to send the queue as the kernel takes it, and reports {@link TransportEvents#sent}
     * (possibly before returning) and {@link TransportEvents#failed}. The transport holds the queue until it is drained
     * or {@link #stopSending} is called; the loop may add to it meanwhile if it then calls this method again.
     */
    void sendRest(SendQueue queue);

    /**
     * <i>Loop.</i> Gives the queue back; nothing more of it is sent. May report {@link TransportEvents#sent} for bytes
     * that the kernel has already taken.
     */
    void stopSending();

    /** <i>Loop.</i> Stops delivering bytes; a hang-up is still noticed. Idempotent. */
    void pauseReading();

    /** <i>Loop.</i> Delivers bytes again, starting with the poller's next fetch. Idempotent. */
    void resumeReading();

    /**
     * Looks at the socket without consuming (recv with MSG_PEEK). Any thread. Bytes that the transport has taken out of
     * the socket and not delivered count as waiting; it checks for them last, so that none are missed.
     *
     * @return a positive number if bytes are waiting, 0 at the end of the stream, -EAGAIN if the stream is open and
     *     empty, or another error number negated
     */
    int peek();

    /**
     * <i>Loop.</i> The receiver now sees the bytes reported to {@link TransportEvents#received} itself: {@link #peek}
     * need not count them any more. The receiver calls this before it notifies its reader.
     */
    default void arrived() {}

    /** Sends the end of the outbound stream (shutdown with SHUT_WR). Any thread. */
    void shutdownOutput() throws TransportException;

    /**
     * <i>Loop.</i> Deregisters and closes; with {@code abort} the peer gets a reset. Idempotent. If another thread is
     * inside {@link #send} or {@link #peek}, that thread closes the descriptor on its way out.
     */
    void close(boolean abort);

    /**
     * <i>Loop.</i> Deregisters without closing, and hands the socket over; the transport is closed afterwards. Before
     * it returns, it delivers all bytes that it has taken out of the socket, even if reading is paused: they are no
     * longer in the socket.
     */
    RawSocket detach() throws TransportException;

    /** Closes a socket that {@link #detach} has handed over and that has no owner. */
    void discard(RawSocket detached);

    /** {@return the local address, or null if the socket was never bound} */
    @Nullable
    SocketAddress localAddress();

    /** {@return the peer's address, or null if the socket was never connected} */
    @Nullable
    SocketAddress remoteAddress();

    /**
     * Sets a socket option. Any thread.
     *
     * @throws UnsupportedOperationException if this socket or backend does not know the option
     */
    <T> void setOption(SocketOption<T> option, T value) throws IOException;

    /** Reads a socket option; see {@link #setOption}. */
    <T> T getOption(SocketOption<T> option) throws IOException;
}

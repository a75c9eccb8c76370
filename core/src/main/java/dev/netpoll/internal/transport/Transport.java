// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.transport;

import java.io.IOException;
import java.net.SocketAddress;
import java.net.SocketOption;
import org.jspecify.annotations.Nullable;

/**
 * One stream socket.
 *
 * <p><b>Threads.</b> Methods marked <i>loop</i> only on the thread that drives the poller it is registered with (or,
 * before registration, by its single owner). The others on any thread, also while the loop closes the transport: they
 * then report EBADF, and never touch a descriptor that was released (and might belong to somebody else by now).
 */
public interface Transport {
    /** Result of {@link #send}: the queue is empty. */
    int SENT = 0;

    /** Result of {@link #send}: the kernel takes no more now. */
    int WOULD_BLOCK = 1;

    /**
     * Result of {@link #send} on the loop: it sends with its next wait what {@link #sendRest} gives it, and tells
     * {@link TransportEvents#sent} also if the kernel takes nothing then.
     */
    int GATHERED = 2;

    /**
     * Moves bytes from the queue to the kernel until the queue is empty or the kernel takes no more. Any thread, one at
     * a time (the caller holds the connection's send role). Consumes what was sent from the queue.
     *
     * <p>EFAULT (memory of the user's is gone), ENOMEM and ENOBUFS concern the caller alone. After any other error the
     * transport also reports {@link TransportEvents#failed}, once what has arrived before is delivered.
     *
     * @return {@link #SENT}, {@link #WOULD_BLOCK}, {@link #GATHERED}, or an error number negated
     */
    int send(SendQueue queue);

    /**
     * {@return whether the loop is about to send for many sockets with one call, so that a short queue is better left
     * to {@link #sendRest}} Any thread; a hint.
     */
    default boolean gathersSends() {
        return false;
    }

    /**
     * <i>Loop.</i> Goes on sending the queue as the kernel takes it, and reports {@link TransportEvents#sent} (possibly
     * before returning) and {@link TransportEvents#failed}. The transport holds the queue until it is drained or {@link
     * #stopSending} is called; the loop may add to it meanwhile if it then calls this method again.
     */
    void sendRest(SendQueue queue);

    /**
     * <i>Loop.</i> Gives the queue back; nothing more of it is sent. May report {@link TransportEvents#sent} for
     * what the kernel has taken already.
     */
    void stopSending();

    /** <i>Loop.</i> Stops delivering bytes; a hang-up is still noticed. Idempotent. */
    void pauseReading();

    /** <i>Loop.</i> Delivers bytes again, not before its poller fetches again. Idempotent. */
    void resumeReading();

    /**
     * Looks at the socket without consuming (recv with MSG_PEEK). Any thread. What the transport has taken out of the
     * socket and has not delivered yet counts as waiting; it looks there last, so that nothing slips through.
     *
     * @return a positive number if bytes are waiting, 0 at the end of the stream, -EAGAIN if the stream is open and
     *     empty, or another error number negated
     */
    int peek();

    /**
     * <i>Loop.</i> What {@link TransportEvents#received} was told is where its receiver looks for it: {@link #peek}
     * need not count it any more. The receiver calls it before it tells anybody.
     */
    default void arrived() {}

    /** Sends the end of our stream (shutdown with SHUT_WR). Any thread. */
    void shutdownOutput() throws TransportException;

    /**
     * <i>Loop.</i> Deregisters and closes; with {@code abort} the peer gets a reset. Idempotent. If another thread is
     * inside {@link #send} or {@link #peek}, that thread closes the descriptor on its way out.
     */
    void close(boolean abort);

    /**
     * <i>Loop.</i> Deregisters without closing, and hands the socket over; the transport is closed afterwards. Before
     * it returns, it delivers all that it has taken out of the socket, also if reading is paused: nobody finds it there
     * any more.
     */
    RawSocket detach() throws TransportException;

    /** Closes a socket that {@link #detach} has handed over, and that reached nobody. */
    void discard(RawSocket detached);

    /** {@return our address, or null if it was never bound} */
    @Nullable
    SocketAddress localAddress();

    /** {@return the peer's address, or null if it was never connected} */
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

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.internal.poll.posix.Opener;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A connected stream socket outside of any event loop: what {@link Connection#detach()} returns and {@link
 * EventLoopGroup#adopt} takes.
 *
 * <p>It owns the socket and the bytes until it is adopted or {@linkplain #close() closed}. Do exactly one of the two.
 * If you pass the descriptor on to other code, which then closes it, close only {@link #unread()}. Any thread.
 *
 * @since 0.1
 */
public final class DetachedSocket implements AutoCloseable {
    private final int fd;
    private final @Nullable SocketChannel channel;
    private final LinkBuffer unread;
    private final AtomicBoolean gone = new AtomicBoolean();

    private volatile boolean foreign;

    /**
     * Creates one from either a descriptor or a channel.
     *
     * @param fd the descriptor, or -1
     * @param channel the channel, or null
     * @param unread bytes received and not read
     */
    public DetachedSocket(int fd, @Nullable SocketChannel channel, LinkBuffer unread) {
        Objects.requireNonNull(unread, "unread");
        if ((fd < 0) == (channel == null)) {
            throw new IllegalArgumentException("either a descriptor or a channel is needed: " + fd + ", " + channel);
        }
        this.fd = fd;
        this.channel = channel;
        this.unread = unread;
    }

    /**
     * {@return the socket behind a descriptor, such as one of a socketpair(2); for epoll and io_uring} No other code
     * may own the descriptor: if two owners have the number and one closes it, the other reaches the next socket that
     * gets the number. Adoption refuses the descriptor of a connection of this library.
     */
    public static DetachedSocket of(int fd) {
        return new DetachedSocket(fd, null, new LinkBuffer());
    }

    /**
     * {@return the socket behind a channel; for the NIO backend} No other code may use the channel. Adoption refuses a
     * channel that is still connecting, and that of a connection of this library.
     */
    public static DetachedSocket of(SocketChannel channel) {
        return new DetachedSocket(-1, channel, new LinkBuffer());
    }

    /** {@return the descriptor with the epoll and io_uring backends, else -1} */
    public int fd() {
        return fd;
    }

    /** {@return the channel with the NIO backend, else null} */
    public @Nullable SocketChannel channel() {
        return channel;
    }

    /** {@return bytes that had been received and not read} Adoption takes them. */
    public LinkBuffer unread() {
        return unread;
    }

    /**
     * Closes the socket and the bytes, unless it was adopted or closed before. A socket whose adoption was refused
     * because it belongs to a connection of this library stays open.
     */
    @Override
    public void close() {
        if (take()) {
            try (unread) {
                closeSocket();
            }
        }
    }

    /** Takes the socket for the caller; {@return false if it was adopted or closed before} */
    boolean take() {
        return gone.compareAndSet(false, true);
    }

    /** Undoes {@link #take}: the adoption failed. */
    void giveBack() {
        gone.set(false);
    }

    /** The socket is a connection's: closing this leaves it open. The caller has taken it. */
    void disown() {
        foreign = true;
    }

    private void closeSocket() {
        if (foreign) {
            return;
        }
        SocketChannel own = channel;
        if (own == null) {
            Opener.close(fd);
            return;
        }
        try {
            own.close();
        } catch (IOException e) {
            // The socket is closed all the same.
        }
    }

    @Override
    public String toString() {
        SocketChannel own = channel;
        return "DetachedSocket[" + (own == null ? "fd " + fd : own) + "]";
    }
}

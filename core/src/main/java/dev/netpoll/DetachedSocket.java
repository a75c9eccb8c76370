// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import dev.netpoll.buffer.LinkBuffer;
import java.nio.channels.SocketChannel;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A connected stream socket outside of any event loop: what {@link Connection#detach()} returns and
 * {@link EventLoopGroup#adopt} takes. Whoever holds it owns the socket.
 *
 * @param fd the descriptor with the epoll and io_uring backends, else -1
 * @param channel the channel with the NIO backend, else null
 * @param unread bytes that had been received and not read; adoption takes them, else close it
 */
public record DetachedSocket(int fd, @Nullable SocketChannel channel, LinkBuffer unread) {
    public DetachedSocket {
        Objects.requireNonNull(unread, "unread");
        if ((fd < 0) == (channel == null)) {
            throw new IllegalArgumentException("either a descriptor or a channel is needed: " + fd + ", " + channel);
        }
    }

    /** {@return the socket behind a descriptor, such as one of a socketpair(2); for epoll and io_uring} */
    public static DetachedSocket of(int fd) {
        return new DetachedSocket(fd, null, new LinkBuffer());
    }

    /** {@return the socket behind a channel; for the NIO backend} */
    public static DetachedSocket of(SocketChannel channel) {
        return new DetachedSocket(-1, channel, new LinkBuffer());
    }
}

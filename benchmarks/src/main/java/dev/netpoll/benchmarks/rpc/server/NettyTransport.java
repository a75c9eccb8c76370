// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.server;

import io.netty.channel.IoHandlerFactory;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.uring.IoUring;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringServerSocketChannel;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Netty's ways to the kernel. */
enum NettyTransport {
    EPOLL(EpollServerSocketChannel.class) {
        @Override
        IoHandlerFactory handlers() {
            return EpollIoHandler.newFactory();
        }

        @Override
        @Nullable
        Throwable unavailabilityCause() {
            return Epoll.unavailabilityCause();
        }
    },
    /** Without a ring of provided buffers: with one, echoing took more CPU time, most of all for long frames. */
    URING(IoUringServerSocketChannel.class) {
        @Override
        IoHandlerFactory handlers() {
            return IoUringIoHandler.newFactory();
        }

        @Override
        @Nullable
        Throwable unavailabilityCause() {
            return IoUring.unavailabilityCause();
        }
    },
    NIO(NioServerSocketChannel.class) {
        @Override
        IoHandlerFactory handlers() {
            return NioIoHandler.newFactory();
        }

        @Override
        @Nullable
        Throwable unavailabilityCause() {
            return null;
        }
    };

    private final Class<? extends ServerChannel> channel;

    NettyTransport(Class<? extends ServerChannel> channel) {
        this.channel = channel;
    }

    /** {@return the class of listening channels} */
    Class<? extends ServerChannel> channel() {
        return channel;
    }

    /** {@return what makes the event loops' handlers} */
    abstract IoHandlerFactory handlers();

    /** {@return why it cannot be used here, or null if it can} */
    abstract @Nullable Throwable unavailabilityCause();

    /** {@return its part of a peer's name} */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}

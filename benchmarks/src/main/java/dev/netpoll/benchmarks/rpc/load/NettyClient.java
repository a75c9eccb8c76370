// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.uring.IoUring;
import io.netty.channel.uring.IoUringChannelOption;
import io.netty.channel.uring.IoUringSocketChannel;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * Netty with an event loop for each processor. The frame is encoded and decoded on the event loop, where Netty's memory
 * is cheap; the caller is parked meanwhile.
 */
final class NettyClient implements Client {
    /** Of the buffers that an io_uring fills. */
    static final short BUFFER_GROUP = 0;

    private final SocketAddress address;
    private final MultiThreadIoEventLoopGroup group;
    private final Bootstrap bootstrap;

    NettyClient(
            SocketAddress address, Duration timeout, IoHandlerFactory transport, Class<? extends Channel> channelType) {
        this.address = address;
        group = new MultiThreadIoEventLoopGroup(Runtime.getRuntime().availableProcessors(), transport);
        bootstrap = new Bootstrap()
                .group(group)
                .channel(channelType)
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, Math.toIntExact(timeout.toMillis()))
                .handler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline().addLast(new NettyCall(channel, timeout.toNanos()));
                    }
                });
        if (channelType == IoUringSocketChannel.class && IoUring.isRegisterBufferRingSupported()) {
            bootstrap.option(IoUringChannelOption.IO_URING_BUFFER_GROUP_ID, BUFFER_GROUP);
        }
    }

    @Override
    public Call connect() throws IOException {
        ChannelFuture future = bootstrap.connect(address);
        try {
            future.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException();
        }
        if (!future.isSuccess()) {
            throw new IOException("cannot connect", future.cause());
        }
        return future.channel().pipeline().get(NettyCall.class);
    }

    @Override
    public void close() {
        group.shutdownGracefully(50, 1000, TimeUnit.MILLISECONDS).awaitUninterruptibly();
    }
}

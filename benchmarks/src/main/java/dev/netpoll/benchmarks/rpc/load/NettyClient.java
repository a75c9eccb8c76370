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
        group.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }
}

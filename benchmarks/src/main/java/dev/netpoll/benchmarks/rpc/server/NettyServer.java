// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.server;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import java.io.IOException;
import java.net.InetSocketAddress;

/** Netty with an event loop per processor. */
final class NettyServer implements EchoServer {
    /** So much output may wait for the kernel before reading stops: a few frames, also of the long ones. */
    private static final WriteBufferWaterMark OUTPUT = new WriteBufferWaterMark(1 << 20, 2 << 20);

    private final NettyTransport transport;
    private final boolean virtual;

    NettyServer(NettyTransport transport, boolean virtual) {
        this.transport = transport;
        this.virtual = virtual;
    }

    @Override
    public int start(InetSocketAddress address, int payloadBytesMax) throws IOException {
        Throwable unavailable = transport.unavailabilityCause();
        if (unavailable != null) {
            throw new UnsupportedOperationException(
                    "Netty's " + transport + " cannot be had: " + unavailable, unavailable);
        }
        int threads = Runtime.getRuntime().availableProcessors();
        ServerBootstrap bootstrap = new ServerBootstrap()
                .group(new MultiThreadIoEventLoopGroup(threads, transport.handlers()))
                .channel(transport.channel())
                .option(ChannelOption.SO_BACKLOG, BACKLOG)
                .option(ChannelOption.SO_REUSEADDR, true)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, OUTPUT)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        if (virtual) {
                            channel.pipeline()
                                    .addLast(new NettyFrameDecoder(payloadBytesMax))
                                    .addLast(NettyFrameEncoder.INSTANCE)
                                    .addLast(new NettyVirtualEcho());
                        } else {
                            channel.pipeline().addLast(new NettyInlineEcho(payloadBytesMax));
                        }
                    }
                });
        Channel listener = bootstrap.bind(address).syncUninterruptibly().channel();
        return ((InetSocketAddress) listener.localAddress()).getPort();
    }
}

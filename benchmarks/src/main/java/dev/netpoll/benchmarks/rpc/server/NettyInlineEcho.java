// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.server;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import java.util.List;

/** Answers frames where they are decoded, and flushes when all that was read is answered. */
final class NettyInlineEcho extends NettyFrameDecoder {
    NettyInlineEcho(int payloadBytesMax) {
        super(payloadBytesMax);
    }

    @Override
    void decoded(ChannelHandlerContext ctx, ByteBuf in, int length, List<Object> out) {
        if (length > 0) {
            byte first = in.getByte(in.readerIndex());
            if (Work.isMark(length, first)) {
                ctx.flush();
                Work.perform(first, in.getInt(in.readerIndex() + 1));
            }
        }
        NettyFrameEncoder.write(ctx, in, length, ctx.voidPromise());
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) throws Exception {
        ctx.flush();
        if (!ctx.channel().isWritable()) {
            ctx.channel().config().setAutoRead(false); // the peer does not read its answers
        }
        super.channelReadComplete(ctx);
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (ctx.channel().isWritable()) {
            ctx.channel().config().setAutoRead(true);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.server;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;

/** Turns payloads into frames. */
@Sharable
final class NettyFrameEncoder extends ChannelOutboundHandlerAdapter {
    static final NettyFrameEncoder INSTANCE = new NettyFrameEncoder();

    /** Where a second entry for the kernel becomes cheaper than a copy. */
    private static final int COPIED_BYTES_MAX = 16 << 10;

    private NettyFrameEncoder() {}

    @Override
    public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
        ByteBuf payload = (ByteBuf) message;
        try {
            write(ctx, payload, payload.readableBytes(), promise);
        } finally {
            payload.release();
        }
    }

    /** Writes a frame with the next bytes of {@code in} as its payload. */
    @SuppressWarnings("FutureReturnValueIgnored") // failures are reported to the pipeline
    static void write(ChannelHandlerContext ctx, ByteBuf in, int length, ChannelPromise promise) {
        if (length <= COPIED_BYTES_MAX) {
            ByteBuf frame = ctx.alloc().directBuffer(Integer.BYTES + length);
            ctx.write(frame.writeInt(length).writeBytes(in, length), promise);
        } else {
            ctx.write(ctx.alloc().directBuffer(Integer.BYTES).writeInt(length), ctx.voidPromise());
            ctx.write(in.readRetainedSlice(length), promise);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.server;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.codec.TooLongFrameException;
import java.util.List;

/** Turns frames into buffers with their payloads, without a copy. */
class NettyFrameDecoder extends ByteToMessageDecoder {
    private final int payloadBytesMax;

    NettyFrameDecoder(int payloadBytesMax) {
        this.payloadBytesMax = payloadBytesMax;
    }

    @Override
    protected final void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
        int readable = in.readableBytes();
        if (readable < Integer.BYTES) {
            return;
        }
        int length = in.getInt(in.readerIndex());
        if (length < 0 || length > payloadBytesMax) {
            throw new TooLongFrameException("a frame of " + Integer.toUnsignedString(length) + " bytes");
        }
        if (readable - Integer.BYTES >= length) {
            in.skipBytes(Integer.BYTES);
            decoded(ctx, in, length, out);
        } else if (in.refCnt() == 1) { // no payload shares its memory
            in.ensureWritable(Integer.BYTES + length - readable); // grows once, not with every read
        }
    }

    /**
     * Takes a payload that is complete.
     *
     * @param in positioned at the payload, which must be consumed
     */
    void decoded(ChannelHandlerContext ctx, ByteBuf in, int length, List<Object> out) {
        out.add(in.readRetainedSlice(length));
    }

    @Override
    @SuppressWarnings("FutureReturnValueIgnored") // failures are reported to the pipeline
    public final void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        ctx.close();
    }
}

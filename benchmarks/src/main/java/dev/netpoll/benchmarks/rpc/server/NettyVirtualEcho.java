// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.server;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Answers requests on a virtual thread, one after the other: one that arrives while the thread still runs is left to
 * it. Codec and memory stay on the event loop.
 */
@SuppressWarnings("FutureReturnValueIgnored") // failures are reported to the pipeline
final class NettyVirtualEcho extends ChannelInboundHandlerAdapter {
    /** At how many requests reading stops. */
    private static final int WAITING_MAX = 64;

    private final Queue<ByteBuf> requests = new ConcurrentLinkedQueue<>();

    /** Requests that wait or are worked on; whoever takes it from 0 to 1 starts a thread. */
    private final AtomicInteger waiting = new AtomicInteger();

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object request) {
        requests.add((ByteBuf) request);
        int before = waiting.getAndIncrement();
        if (before == 0) {
            Thread.startVirtualThread(() -> answer(ctx));
        } else if (before + 1 >= WAITING_MAX) {
            ctx.channel().config().setAutoRead(false);
            if (waiting.get() <= WAITING_MAX / 2) {
                ctx.channel().config().setAutoRead(true); // the thread was faster
            }
        }
    }

    private void answer(ChannelHandlerContext ctx) {
        boolean unflushed = false;
        int left;
        do {
            ByteBuf request = requests.remove();
            int length = request.readableBytes();
            if (length > 0 && Work.isMark(length, request.getByte(request.readerIndex()))) {
                if (unflushed) {
                    ctx.flush();
                }
                Work.perform(request.getByte(request.readerIndex()), request.getInt(request.readerIndex() + 1));
            }
            unflushed = waiting.get() > 1;
            if (unflushed && ctx.channel().isWritable()) {
                ctx.write(request, ctx.voidPromise());
            } else {
                flush(ctx, request);
                unflushed = false;
            }
            left = waiting.decrementAndGet();
            if (left == WAITING_MAX / 2) {
                ctx.channel().config().setAutoRead(true);
            }
        } while (left > 0);
    }

    private static void flush(ChannelHandlerContext ctx, ByteBuf answer) {
        if (ctx.channel().isWritable()) {
            ctx.writeAndFlush(answer, ctx.voidPromise());
        } else {
            ChannelFuture written = ctx.writeAndFlush(answer);
            written.awaitUninterruptibly(); // the peer does not read its answers
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        ctx.close();
    }
}

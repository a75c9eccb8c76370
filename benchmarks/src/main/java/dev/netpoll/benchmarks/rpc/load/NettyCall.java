// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.util.ReferenceCountUtil;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The last handler of a channel, and the call on it.
 *
 * <p><b>Threads.</b> The caller sets {@code caller}, {@code answer} and {@code startedAt} before the plain {@code
 * result}, and hands all to the loop with the write; the loop writes the answer, then {@code result}, which is volatile,
 * and unparks. The loop also watches the time, with one task that mostly finds nothing to do, as Netty's own time-out
 * handlers do: a timer for each call would cost more than the call.
 */
@SuppressWarnings("FutureReturnValueIgnored") // what fails is told to exceptionCaught or channelInactive
final class NettyCall extends ChannelDuplexHandler implements Client.Call {
    private static final int PENDING = -1;
    private static final int FAILED = -2;

    private final Channel channel;
    private final long timeoutNanos;

    private byte[] answer = {};
    private @Nullable Thread caller;
    private volatile int result = FAILED;
    private volatile long startedAt;
    private volatile @Nullable IOException failure;
    private @Nullable Future<?> check;

    NettyCall(Channel channel, long timeoutNanos) {
        this.channel = channel;
        this.timeoutNanos = timeoutNanos;
    }

    @Override
    public int call(byte[] request, byte[] answer) throws IOException {
        this.answer = answer;
        caller = Thread.currentThread();
        startedAt = System.nanoTime();
        result = PENDING;
        if (failure == null) {
            channel.writeAndFlush(request, channel.voidPromise());
        }
        while (result == PENDING && failure == null) {
            LockSupport.park(this);
        }
        int length = result;
        if (length < 0) {
            IOException cause = failure;
            throw cause instanceof Client.WrongAnswerException ? cause : new IOException("the call failed", cause);
        }
        return length;
    }

    @Override
    public void close() {
        channel.close();
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        byte[] request = (byte[]) message;
        ByteBuf frame = context.alloc().ioBuffer(Wire.HEADER_BYTES + request.length);
        context.write(frame.writeInt(request.length).writeBytes(request), promise);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) throws IOException {
        try {
            if (result != PENDING) {
                throw new Client.WrongAnswerException("wrong answer: bytes that nobody asked for");
            }
            ByteBuf payload = (ByteBuf) message;
            int length = Client.checkLength(payload.readableBytes(), answer);
            payload.readBytes(answer, 0, length);
            result = length;
            LockSupport.unpark(caller);
        } finally {
            ReferenceCountUtil.release(message);
        }
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        schedule(context, timeoutNanos);
    }

    private void schedule(ChannelHandlerContext context, long nanos) {
        check = context.executor().schedule(() -> checkTime(context), nanos, TimeUnit.NANOSECONDS);
    }

    private void checkTime(ChannelHandlerContext context) {
        long left = result == PENDING ? startedAt + timeoutNanos - System.nanoTime() : timeoutNanos;
        if (left <= 0) {
            fail(context, new SocketTimeoutException("no answer in time"));
        } else {
            schedule(context, left);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        if (check != null) {
            check.cancel(false);
        }
        fail(context, new EOFException("the connection was closed"));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        fail(context, cause instanceof IOException e ? e : new IOException(cause));
    }

    private void fail(ChannelHandlerContext context, IOException cause) {
        if (failure == null) {
            failure = cause;
        }
        LockSupport.unpark(caller);
        context.close();
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The only handler of a channel, and the call on it. The answer is copied to the caller's array as it arrives; to
 * collect a large frame in a buffer of Netty's first would copy it twice.
 *
 * <p><b>Threads.</b> The caller sets {@code caller}, {@code answer} and {@code startedAt} before {@code result}, which
 * is volatile; the loop writes the answer, then {@code result}, and unparks. The loop also watches the time, with one
 * task that mostly finds nothing to do, as Netty's own time-out handlers do: a timer for each call would cost more than
 * the call.
 */
@SuppressWarnings("FutureReturnValueIgnored") // what fails is told to exceptionCaught or channelInactive
final class NettyCall extends ChannelDuplexHandler implements Client.Call {
    private static final int PENDING = -1;
    private static final int FAILED = -2;

    private static final int PIECE_BYTES = 64 << 10;

    private final Channel channel;
    private final long timeoutNanos;

    private byte[] answer = {};
    private @Nullable Thread caller;
    private volatile int result = FAILED;
    private volatile long startedAt;
    private volatile @Nullable IOException failure;
    private @Nullable Future<?> check;

    // Of the answer that is arriving; the loop's own.
    private int headerBytes;
    private int length;
    private int received;

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
        int end = result;
        if (end < 0) {
            IOException cause = failure;
            throw cause instanceof Client.WrongAnswerException ? cause : new IOException("the call failed", cause);
        }
        return end;
    }

    @Override
    public void close() {
        channel.close();
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        byte[] request = (byte[]) message;
        // In pieces that Netty's allocator pools.
        int at = Math.min(request.length, PIECE_BYTES);
        ByteBuf frame = context.alloc().ioBuffer(Wire.HEADER_BYTES + at);
        context.write(frame.writeInt(request.length).writeBytes(request, 0, at), context.voidPromise());
        while (at < request.length) {
            int length = Math.min(request.length - at, PIECE_BYTES);
            ByteBuf piece = context.alloc().ioBuffer(length);
            context.write(piece.writeBytes(request, at, length), context.voidPromise());
            at += length;
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) throws IOException {
        ByteBuf in = (ByteBuf) message;
        try {
            while (in.isReadable()) {
                receive(in);
            }
        } finally {
            in.release();
        }
    }

    private void receive(ByteBuf in) throws IOException {
        if (result != PENDING) {
            throw new Client.WrongAnswerException("wrong answer: bytes that nobody asked for");
        }
        while (headerBytes < Wire.HEADER_BYTES) {
            if (!in.isReadable()) {
                return;
            }
            length = length << 8 | in.readUnsignedByte();
            headerBytes++;
        }
        int count = Math.min(in.readableBytes(), Client.checkLength(length, answer) - received);
        in.readBytes(answer, received, count);
        received += count;
        if (received == length) {
            headerBytes = 0;
            received = 0;
            result = length;
            LockSupport.unpark(caller);
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

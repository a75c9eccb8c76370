// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.server;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ProtocolException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * The JDK's channels in one plain loop. All connections share a buffer for input and one for output; only a frame that
 * is cut off, and output that the kernel does not take, get memory of their own.
 */
final class JdkNioServer implements EchoServer {
    private static final int SHARED_BYTES = 64 << 10;
    private static final int SPARE_BYTES = 4 << 10;
    private static final int SPARE_MAX = 256;

    private final ByteBuffer in = ByteBuffer.allocateDirect(SHARED_BYTES);
    private final ByteBuffer out = ByteBuffer.allocateDirect(SHARED_BYTES); // answers are as long as their requests
    private final ArrayDeque<ByteBuffer> spare = new ArrayDeque<>();
    private int payloadBytesMax;

    @Override
    public int start(InetSocketAddress address, int payloadBytesMax) throws IOException {
        this.payloadBytesMax = payloadBytesMax;
        Selector selector = Selector.open();
        ServerSocketChannel listener = ServerSocketChannel.open();
        listener.bind(address, BACKLOG);
        listener.configureBlocking(false);
        listener.register(selector, SelectionKey.OP_ACCEPT);
        Thread.ofPlatform().name("loop").start(() -> loop(selector));
        return ((InetSocketAddress) listener.getLocalAddress()).getPort();
    }

    private void loop(Selector selector) {
        try {
            while (true) {
                selector.select(this::handle);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void handle(SelectionKey key) {
        if (key.attachment() instanceof Conversation conversation) {
            conversation.handle();
            return;
        }
        try {
            ServerSocketChannel listener = (ServerSocketChannel) key.channel();
            for (SocketChannel channel = listener.accept(); channel != null; channel = listener.accept()) {
                channel.configureBlocking(false);
                channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
                SelectionKey registered = channel.register(key.selector(), SelectionKey.OP_READ);
                registered.attach(new Conversation(channel, registered));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** {@return memory with room for exactly so many bytes} Direct memory is dear to allocate, so it is used again. */
    private ByteBuffer take(int bytes) {
        ByteBuffer first = spare.poll();
        if (first != null && first.capacity() >= bytes) {
            return first.clear().limit(bytes);
        }
        return ByteBuffer.allocateDirect(Math.max(bytes, SPARE_BYTES)).limit(bytes);
    }

    private void give(ByteBuffer memory) {
        if (spare.size() < SPARE_MAX) {
            spare.push(memory);
        }
    }

    private final class Conversation {
        private final SocketChannel channel;
        private final SelectionKey key;

        /** The beginning of a frame, or as much of its header as has arrived; has room for exactly the rest. */
        private @Nullable ByteBuffer cutOff;

        /** Output that the kernel did not take; nothing is read meanwhile. */
        private @Nullable ByteBuffer unsent;

        Conversation(SocketChannel channel, SelectionKey key) {
            this.channel = channel;
            this.key = key;
        }

        void handle() {
            try {
                if (unsent != null) {
                    send(unsent);
                } else if (cutOff != null) {
                    readRest(cutOff);
                } else {
                    readMany();
                }
            } catch (IOException e) {
                close(); // the peer is gone, or does not keep to the format
            }
        }

        private void close() {
            try {
                channel.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private void readMany() throws IOException {
            in.clear();
            if (channel.read(in) < 0) {
                close();
                return;
            }
            in.flip();
            while (in.remaining() >= Integer.BYTES) {
                int length = checked(in.getInt(in.position()));
                if (in.remaining() - Integer.BYTES < length) {
                    break;
                }
                int payload = in.position() + Integer.BYTES;
                work(in, payload, length);
                out.putInt(length).put(out.position(), in, payload, length);
                out.position(out.position() + length);
                in.position(payload + length);
            }
            flush();
            if (in.hasRemaining()) {
                int bytes = Integer.BYTES + (in.remaining() < Integer.BYTES ? 0 : in.getInt(in.position()));
                cutOff = take(bytes).put(in);
            }
        }

        /** The frame is answered from the memory that it is received into. */
        private void readRest(ByteBuffer frame) throws IOException {
            if (channel.read(frame) < 0) {
                close();
                return;
            }
            if (frame.hasRemaining()) {
                return;
            }
            int length = checked(frame.getInt(0));
            if (frame.limit() == Integer.BYTES && length > 0) { // that was the header only
                give(frame);
                cutOff = take(Integer.BYTES + length).putInt(length);
                return;
            }
            cutOff = null;
            work(frame, Integer.BYTES, length);
            send(frame.putInt(0, length).flip());
        }

        private void work(ByteBuffer request, int payload, int length) throws IOException {
            if (length > 0 && Work.isMark(length, request.get(payload))) {
                flush();
                Work.perform(request.get(payload), request.getInt(payload + 1));
            }
        }

        /** Sends the shared output, behind what is unsent. */
        private void flush() throws IOException {
            out.flip();
            if (out.hasRemaining()) {
                if (unsent == null) {
                    channel.write(out);
                }
                if (out.hasRemaining()) {
                    int before = unsent == null ? 0 : unsent.remaining();
                    ByteBuffer both = take(before + out.remaining());
                    if (unsent != null) {
                        both.put(unsent);
                        give(unsent);
                    }
                    wait(both.put(out).flip());
                }
            }
            out.clear();
        }

        private void send(ByteBuffer output) throws IOException {
            channel.write(output);
            if (output.hasRemaining()) {
                wait(output);
                return;
            }
            give(output);
            if (unsent != null) {
                unsent = null;
                key.interestOps(SelectionKey.OP_READ);
            }
        }

        private void wait(ByteBuffer output) {
            if (unsent == null) {
                key.interestOps(SelectionKey.OP_WRITE);
            }
            unsent = output;
        }

        private int checked(int length) throws ProtocolException {
            if (length < 0 || length > payloadBytesMax) {
                throw new ProtocolException("a frame of " + Integer.toUnsignedString(length) + " bytes");
            }
            return length;
        }
    }
}

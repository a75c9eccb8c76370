// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.buffer;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.netpoll.buffer.LinkBuffer;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import okio.Buffer;

/** What each peer does in scenarios (a) and (b): the length of a text and the text, written and read back. */
interface Frames extends AutoCloseable {
    /**
     * Writes and reads one frame.
     *
     * @param bytes the length of {@code text} in UTF-8, which the caller knows
     */
    String roundTrip(String text, int bytes) throws IOException;

    /** Gives the memory back. */
    @Override
    default void close() {}

    /** With one buffer for all frames, of up to {@code bytes}. */
    static Frames reused(Peer peer, int bytes) {
        return switch (peer) {
            case NETPOLL -> new NetpollReused();
            case NETTY_POOLED, NETTY_ADAPTIVE, NETTY_GET_BYTES -> new NettyReused(peer, bytes);
            case OKIO -> new OkioReused();
            case ARRAY -> new ArrayReused(bytes);
            case NETPOLL_POOL -> throw peer.unsupported();
        };
    }

    /** With a buffer for each frame. */
    static Frames perMessage(Peer peer) {
        return switch (peer) {
            case NETPOLL -> new NetpollPerMessage();
            case NETTY_POOLED, NETTY_ADAPTIVE, NETTY_GET_BYTES -> new NettyPerMessage(peer);
            case OKIO -> new OkioPerMessage();
            case ARRAY -> new ArrayPerMessage();
            case NETPOLL_POOL -> throw peer.unsupported();
        };
    }

    final class NetpollReused implements Frames {
        private final LinkBuffer buffer = new LinkBuffer();

        @Override
        public String roundTrip(String text, int bytes) {
            buffer.writeInt(bytes).writeUtf8(text).flush();
            String read = buffer.readUtf8(buffer.readInt());
            buffer.release();
            return read;
        }

        @Override
        public void close() {
            buffer.close();
        }
    }

    final class NetpollPerMessage implements Frames {
        @Override
        public String roundTrip(String text, int bytes) {
            try (LinkBuffer buffer = new LinkBuffer()) {
                buffer.writeInt(bytes).writeUtf8(text).flush();
                return buffer.readUtf8(buffer.readInt());
            }
        }
    }

    final class NettyReused implements Frames {
        private final ByteBuf buffer;
        private final boolean getBytes;

        NettyReused(Peer peer, int bytes) {
            buffer = peer.allocator().directBuffer(Integer.BYTES + bytes);
            getBytes = peer == Peer.NETTY_GET_BYTES;
        }

        @Override
        public String roundTrip(String text, int bytes) {
            buffer.clear();
            return exchange(buffer, text, bytes, getBytes);
        }

        /** The length is known, so it need not be guessed for the room, nor be patched in afterwards. */
        static String exchange(ByteBuf buffer, String text, int bytes, boolean getBytes) {
            buffer.writeInt(bytes);
            if (getBytes) {
                buffer.writeBytes(text.getBytes(UTF_8));
            } else {
                ByteBufUtil.reserveAndWriteUtf8(buffer, text, bytes);
            }
            return buffer.readString(buffer.readInt(), UTF_8);
        }

        @Override
        public void close() {
            buffer.release();
        }
    }

    final class NettyPerMessage implements Frames {
        private final ByteBufAllocator allocator;
        private final boolean getBytes;

        NettyPerMessage(Peer peer) {
            allocator = peer.allocator();
            getBytes = peer == Peer.NETTY_GET_BYTES;
        }

        @Override
        public String roundTrip(String text, int bytes) {
            ByteBuf buffer = allocator.directBuffer(Integer.BYTES + bytes);
            String read = NettyReused.exchange(buffer, text, bytes, getBytes);
            buffer.release();
            return read;
        }
    }

    final class OkioReused implements Frames {
        private final Buffer buffer = new Buffer();

        @Override
        public String roundTrip(String text, int bytes) throws IOException {
            return exchange(buffer, text, bytes);
        }

        /** Reading gives okio's segments back, so that there is nothing to close. */
        static String exchange(Buffer buffer, String text, int bytes) throws IOException {
            buffer.writeInt(bytes).writeUtf8(text);
            return buffer.readUtf8(buffer.readInt());
        }
    }

    final class OkioPerMessage implements Frames {
        @Override
        public String roundTrip(String text, int bytes) throws IOException {
            return OkioReused.exchange(new Buffer(), text, bytes);
        }
    }

    final class ArrayReused implements Frames {
        private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

        private final byte[] array;

        ArrayReused(int bytes) {
            array = new byte[Integer.BYTES + bytes];
        }

        @Override
        public String roundTrip(String text, int bytes) {
            return exchange(array, text);
        }

        static String exchange(byte[] array, String text) {
            byte[] encoded = text.getBytes(UTF_8);
            INT.set(array, 0, encoded.length);
            System.arraycopy(encoded, 0, array, Integer.BYTES, encoded.length);
            return new String(array, Integer.BYTES, (int) INT.get(array, 0), UTF_8);
        }
    }

    final class ArrayPerMessage implements Frames {
        @Override
        public String roundTrip(String text, int bytes) {
            return ArrayReused.exchange(new byte[Integer.BYTES + bytes], text);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.buffer;

import dev.netpoll.buffer.LinkBuffer;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.util.Arrays;
import okio.Buffer;

/**
 * What each peer does in scenario (d): a buffer of {@link #RECEIVED} bytes, as the kernel would have filled it, is cut
 * into slices. When it is used up, the next one is allocated.
 */
interface Slices extends AutoCloseable {
    /** Bytes of a buffer that was received. */
    int RECEIVED = 64 << 10;

    /** Bytes of a slice. */
    int SLICE = 1 << 10;

    /** Cuts the next slice off. */
    Object next() throws IOException;

    /** Reads two fields of a slice and frees it. Any thread. */
    long use(Object slice);

    /** Gives the memory back. */
    @Override
    void close();

    /** The slices of a peer. */
    static Slices of(Peer peer) {
        return switch (peer) {
            case NETPOLL -> new Netpoll();
            case NETTY_POOLED, NETTY_ADAPTIVE -> new Netty(peer.allocator());
            case OKIO -> new Okio();
            case ARRAY -> new Array();
            case NETPOLL_POOL, NETTY_GET_BYTES -> throw peer.unsupported();
        };
    }

    final class Netpoll implements Slices {
        private final LinkBuffer buffer = new LinkBuffer();

        @Override
        public Object next() {
            if (buffer.isEmpty()) {
                buffer.release();
                buffer.reserve(RECEIVED);
                buffer.flush();
            }
            return buffer.slice(SLICE);
        }

        @Override
        public long use(Object slice) {
            try (LinkBuffer bytes = (LinkBuffer) slice) {
                return bytes.readInt() + bytes.readLong();
            }
        }

        @Override
        public void close() {
            buffer.close();
        }
    }

    final class Netty implements Slices {
        private final ByteBufAllocator allocator;
        private ByteBuf buffer;

        Netty(ByteBufAllocator allocator) {
            this.allocator = allocator;
            buffer = receive();
        }

        private ByteBuf receive() {
            return allocator.directBuffer(RECEIVED).writerIndex(RECEIVED);
        }

        @Override
        public Object next() {
            if (!buffer.isReadable()) {
                buffer.release();
                buffer = receive();
            }
            return buffer.readRetainedSlice(SLICE);
        }

        @Override
        public long use(Object slice) {
            ByteBuf bytes = (ByteBuf) slice;
            long sum = bytes.readInt() + bytes.readLong();
            bytes.release();
            return sum;
        }

        @Override
        public void close() {
            buffer.release();
        }
    }

    final class Okio implements Slices {
        private final Buffer buffer = new Buffer();
        private final Buffer.UnsafeCursor cursor = new Buffer.UnsafeCursor();

        @Override
        public Object next() throws IOException {
            if (buffer.exhausted()) {
                try (Buffer.UnsafeCursor all = buffer.readAndWriteUnsafe(cursor)) {
                    all.resizeBuffer(RECEIVED);
                }
            }
            Buffer slice = new Buffer();
            slice.write(buffer, SLICE);
            return slice;
        }

        @Override
        public long use(Object slice) {
            Buffer bytes = (Buffer) slice;
            try {
                return bytes.readInt() + bytes.readLong();
            } catch (IOException e) {
                throw new AssertionError(e); // there are more bytes
            } finally {
                bytes.clear();
            }
        }

        @Override
        public void close() {
            buffer.clear();
        }
    }

    /** Without shared memory a slice is a copy. */
    final class Array implements Slices {
        private byte[] array = new byte[RECEIVED];
        private int at;

        @Override
        public Object next() {
            if (at == array.length) {
                array = new byte[RECEIVED];
                at = 0;
            }
            at += SLICE;
            return Arrays.copyOfRange(array, at - SLICE, at);
        }

        @Override
        public long use(Object slice) {
            byte[] bytes = (byte[]) slice;
            return (long) bytes[0] + bytes[SLICE - 1];
        }

        @Override
        public void close() {}
    }
}

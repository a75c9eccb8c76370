// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.buffer;

import dev.netpoll.buffer.LinkBuffer;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import java.io.IOException;
import okio.Buffer;

/**
 * What each peer does in scenario (e): a buffer with bytes, as the kernel would have filled it, is appended to another
 * one, which is then drained. The source is allocated for each call, because appending uses it up.
 */
interface Transfers extends AutoCloseable {
    /** Appends a buffer of so many bytes and skips them. */
    void appendAndSkip(int bytes) throws IOException;

    /** Appends a buffer of the size of {@code sink} and copies its bytes there. */
    void appendAndCopy(byte[] sink) throws IOException;

    /** Gives the memory back. */
    @Override
    default void close() {}

    /** The transfers of a peer. */
    static Transfers of(Peer peer, int bytes) {
        return switch (peer) {
            case NETPOLL -> new Netpoll();
            case NETTY_POOLED, NETTY_ADAPTIVE -> new Netty(peer.allocator());
            case OKIO -> new Okio();
            case ARRAY -> new Array(bytes);
            case NETPOLL_POOL, NETTY_GET_BYTES -> throw peer.unsupported();
        };
    }

    final class Netpoll implements Transfers {
        private final LinkBuffer source = new LinkBuffer();
        private final LinkBuffer target = new LinkBuffer();

        private void append(int bytes) {
            source.reserve(bytes);
            target.append(source).flush();
        }

        @Override
        public void appendAndSkip(int bytes) {
            append(bytes);
            target.skip(bytes);
            target.release();
        }

        @Override
        public void appendAndCopy(byte[] sink) {
            append(sink.length);
            target.readBytes(sink);
            target.release();
        }

        @Override
        public void close() {
            source.close();
            target.close();
        }
    }

    final class Netty implements Transfers {
        private final ByteBufAllocator allocator;
        private final CompositeByteBuf target;

        Netty(ByteBufAllocator allocator) {
            this.allocator = allocator;
            target = allocator.compositeDirectBuffer(16);
        }

        private void append(int bytes) {
            target.addComponent(true, allocator.directBuffer(bytes).writerIndex(bytes));
        }

        @Override
        public void appendAndSkip(int bytes) {
            append(bytes);
            target.skipBytes(bytes);
            target.discardReadComponents();
        }

        @Override
        public void appendAndCopy(byte[] sink) {
            append(sink.length);
            target.readBytes(sink);
            target.discardReadComponents();
        }

        @Override
        public void close() {
            target.release();
        }
    }

    final class Okio implements Transfers {
        private final Buffer source = new Buffer();
        private final Buffer target = new Buffer();
        private final Buffer.UnsafeCursor cursor = new Buffer.UnsafeCursor();

        private void append(int bytes) {
            try (Buffer.UnsafeCursor all = source.readAndWriteUnsafe(cursor)) {
                all.resizeBuffer(bytes);
            }
            target.write(source, bytes);
        }

        @Override
        public void appendAndSkip(int bytes) throws IOException {
            append(bytes);
            target.skip(bytes);
        }

        @Override
        public void appendAndCopy(byte[] sink) throws IOException {
            append(sink.length);
            target.readFully(sink);
        }
    }

    /** Appending is copying. */
    final class Array implements Transfers {
        private final byte[] source;
        private final byte[] target;

        Array(int bytes) {
            source = new byte[bytes];
            target = new byte[bytes];
        }

        @Override
        public void appendAndSkip(int bytes) {
            System.arraycopy(source, 0, target, 0, bytes);
        }

        @Override
        public void appendAndCopy(byte[] sink) {
            System.arraycopy(source, 0, target, 0, sink.length);
            System.arraycopy(target, 0, sink, 0, sink.length);
        }
    }
}

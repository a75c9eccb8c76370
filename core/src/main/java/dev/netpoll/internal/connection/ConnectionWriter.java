// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.buffer.Writer;
import dev.netpoll.internal.memory.BufferAccess;
import dev.netpoll.internal.memory.SegmentWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** The outbound side as a writer: checks that writing is possible, then lets the buffer do it. */
final class ConnectionWriter extends Outbound implements Writer {
    private static final BufferAccess<LinkBuffer> BUFFERS = BufferAccess.of(LinkBuffer.class);

    ConnectionWriter(SocketConnection connection) {
        super(connection);
    }

    @Override
    public MemorySegment reserve(int n) throws IOException {
        return beginWrite().reserve(n);
    }

    @Override
    public Writer commit(int n) throws IOException {
        beginWrite().commit(n);
        return this;
    }

    @Override
    public Writer truncate(long n) throws IOException {
        beginWrite().truncate(n);
        return this;
    }

    @Override
    public Writer writeByte(int b) throws IOException {
        beginWrite().writeByte(b);
        return this;
    }

    @Override
    public Writer writeShort(int s) throws IOException {
        beginWrite().writeShort(s);
        return this;
    }

    @Override
    public Writer writeInt(int i) throws IOException {
        beginWrite().writeInt(i);
        return this;
    }

    @Override
    public Writer writeLong(long l) throws IOException {
        beginWrite().writeLong(l);
        return this;
    }

    @Override
    public Writer writeShortLE(int s) throws IOException {
        beginWrite().writeShortLE(s);
        return this;
    }

    @Override
    public Writer writeIntLE(int i) throws IOException {
        beginWrite().writeIntLE(i);
        return this;
    }

    @Override
    public Writer writeLongLE(long l) throws IOException {
        beginWrite().writeLongLE(l);
        return this;
    }

    @Override
    public Writer writeBytes(byte[] src) throws IOException {
        return writeBytes(src, 0, src.length);
    }

    @Override
    public Writer writeBytes(byte[] src, int offset, int length) throws IOException {
        beginWrite().writeBytes(src, offset, length);
        return this;
    }

    @Override
    public Writer writeBytes(MemorySegment src) throws IOException {
        beginWrite().writeBytes(src);
        return this;
    }

    @Override
    public Writer writeBytes(ByteBuffer src) throws IOException {
        beginWrite().writeBytes(src);
        return this;
    }

    @Override
    public Writer writeUtf8(String text) throws IOException {
        beginWrite().writeUtf8(text);
        return this;
    }

    @Override
    public Writer writeDirect(MemorySegment data) throws IOException {
        return writeDirect(data, 0);
    }

    @Override
    public Writer writeDirect(MemorySegment data, long remaining) throws IOException {
        beginWrite().writeDirect(data, remaining);
        return this;
    }

    @Override
    public Writer append(LinkBuffer buffer) throws IOException {
        SegmentWriter written = beginWrite();
        long bytes = buffer.readableBytes() + buffer.pendingBytes();
        written.append(BUFFERS.take(buffer), bytes);
        return this;
    }

    @Override
    public long pendingBytes() {
        return pending();
    }
}

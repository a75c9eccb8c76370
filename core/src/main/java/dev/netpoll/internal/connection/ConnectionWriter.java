// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.buffer.Writer;
import dev.netpoll.internal.memory.BufferAccess;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** The writer of a connection: checks that writing is possible, then lets the buffer do it. */
final class ConnectionWriter implements Writer {
    private static final BufferAccess<LinkBuffer> BUFFERS = BufferAccess.of(LinkBuffer.class);

    private final Outbound outbound;

    ConnectionWriter(Outbound outbound) {
        this.outbound = outbound;
    }

    @Override
    public MemorySegment reserve(int n) throws IOException {
        outbound.beginWrite();
        return outbound.buffer.reserve(n);
    }

    @Override
    public Writer commit(int n) throws IOException {
        outbound.beginWrite();
        outbound.buffer.commit(n);
        return this;
    }

    @Override
    public Writer truncate(long n) throws IOException {
        outbound.beginWrite();
        outbound.buffer.truncate(n);
        return this;
    }

    @Override
    public Writer writeByte(int b) throws IOException {
        outbound.beginWrite();
        outbound.buffer.writeByte(b);
        return this;
    }

    @Override
    public Writer writeShort(int s) throws IOException {
        outbound.beginWrite();
        outbound.buffer.writeShort(s);
        return this;
    }

    @Override
    public Writer writeInt(int i) throws IOException {
        outbound.beginWrite();
        outbound.buffer.writeInt(i);
        return this;
    }

    @Override
    public Writer writeLong(long l) throws IOException {
        outbound.beginWrite();
        outbound.buffer.writeLong(l);
        return this;
    }

    @Override
    public Writer writeShortLE(int s) throws IOException {
        outbound.beginWrite();
        outbound.buffer.writeShortLE(s);
        return this;
    }

    @Override
    public Writer writeIntLE(int i) throws IOException {
        outbound.beginWrite();
        outbound.buffer.writeIntLE(i);
        return this;
    }

    @Override
    public Writer writeLongLE(long l) throws IOException {
        outbound.beginWrite();
        outbound.buffer.writeLongLE(l);
        return this;
    }

    @Override
    public Writer writeBytes(byte[] src) throws IOException {
        return writeBytes(src, 0, src.length);
    }

    @Override
    public Writer writeBytes(byte[] src, int offset, int length) throws IOException {
        outbound.beginWrite();
        outbound.buffer.writeBytes(src, offset, length);
        return this;
    }

    @Override
    public Writer writeBytes(MemorySegment src) throws IOException {
        outbound.beginWrite();
        outbound.buffer.writeBytes(src);
        return this;
    }

    @Override
    public Writer writeBytes(ByteBuffer src) throws IOException {
        outbound.beginWrite();
        outbound.buffer.writeBytes(src);
        return this;
    }

    @Override
    public Writer writeUtf8(String text) throws IOException {
        outbound.beginWrite();
        outbound.buffer.writeUtf8(text);
        return this;
    }

    @Override
    public Writer writeDirect(MemorySegment data) throws IOException {
        return writeDirect(data, 0);
    }

    @Override
    public Writer writeDirect(MemorySegment data, long remaining) throws IOException {
        outbound.beginWrite();
        outbound.buffer.writeDirect(data, remaining);
        return this;
    }

    @Override
    public Writer append(LinkBuffer buffer) throws IOException {
        outbound.beginWrite();
        long bytes = buffer.readableBytes() + buffer.pendingBytes();
        outbound.buffer.append(BUFFERS.take(buffer), bytes);
        return this;
    }

    @Override
    public long pendingBytes() {
        return outbound.buffer.pending();
    }

    @Override
    public void flush() throws IOException {
        outbound.flush();
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.ByteSink;
import dev.netpoll.internal.memory.SegmentWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/**
 * A writer that may be closed under its user: asks its sink whether writing is possible, then lets the buffer do it.
 */
class SinkWriter implements Writer {
    private final ByteSink sink;
    private final SegmentWriter buffer;

    SinkWriter(ByteSink sink) {
        this.sink = sink;
        this.buffer = sink.buffer();
    }

    @Override
    public MemorySegment reserve(int n) throws IOException {
        sink.beginWrite();
        return buffer.reserve(n);
    }

    @Override
    public Writer commit(int n) throws IOException {
        sink.beginWrite();
        buffer.commit(n);
        return this;
    }

    @Override
    public Writer truncate(long n) throws IOException {
        sink.beginWrite();
        buffer.truncate(n);
        return this;
    }

    @Override
    public Writer writeByte(int b) throws IOException {
        sink.beginWrite();
        buffer.writeByte(b);
        return this;
    }

    @Override
    public Writer writeShort(int s) throws IOException {
        sink.beginWrite();
        buffer.writeShort(s);
        return this;
    }

    @Override
    public Writer writeInt(int i) throws IOException {
        sink.beginWrite();
        buffer.writeInt(i);
        return this;
    }

    @Override
    public Writer writeLong(long l) throws IOException {
        sink.beginWrite();
        buffer.writeLong(l);
        return this;
    }

    @Override
    public Writer writeShortLE(int s) throws IOException {
        sink.beginWrite();
        buffer.writeShortLE(s);
        return this;
    }

    @Override
    public Writer writeIntLE(int i) throws IOException {
        sink.beginWrite();
        buffer.writeIntLE(i);
        return this;
    }

    @Override
    public Writer writeLongLE(long l) throws IOException {
        sink.beginWrite();
        buffer.writeLongLE(l);
        return this;
    }

    @Override
    public Writer writeVarLong(long l) throws IOException {
        sink.beginWrite();
        buffer.writeVarLong(l);
        return this;
    }

    @Override
    public Writer writeBytes(byte[] src) throws IOException {
        return writeBytes(src, 0, src.length);
    }

    @Override
    public Writer writeBytes(byte[] src, int offset, int length) throws IOException {
        sink.beginWrite();
        buffer.writeBytes(src, offset, length);
        return this;
    }

    @Override
    public Writer writeBytes(MemorySegment src) throws IOException {
        sink.beginWrite();
        buffer.writeBytes(src);
        return this;
    }

    @Override
    public Writer writeBytes(ByteBuffer src) throws IOException {
        sink.beginWrite();
        buffer.writeBytes(src);
        return this;
    }

    @Override
    public Writer writeUtf8(String text) throws IOException {
        sink.beginWrite();
        buffer.writeUtf8(text);
        return this;
    }

    @Override
    public Writer writeDirect(MemorySegment data, long remaining) throws IOException {
        sink.beginWrite();
        buffer.writeDirect(data, remaining);
        return this;
    }

    @Override
    public Writer append(LinkBuffer other) throws IOException {
        sink.beginWrite();
        other.moveTo(buffer);
        return this;
    }

    @Override
    public long pendingBytes() {
        return buffer.pending();
    }

    @Override
    public void flush() throws IOException {
        sink.flush();
    }
}

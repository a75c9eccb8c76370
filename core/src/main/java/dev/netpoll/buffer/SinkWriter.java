// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.ByteSink;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/**
 * A writer that may be closed under its user: asks its sink whether writing is possible, then lets the buffer do it.
 */
class SinkWriter implements Writer {
    private final ByteSink sink;

    SinkWriter(ByteSink sink) {
        this.sink = sink;
    }

    @Override
    public MemorySegment reserve(int n) throws IOException {
        return sink.beginWrite().reserve(n);
    }

    @Override
    public Writer commit(int n) throws IOException {
        sink.beginWrite().commit(n);
        return this;
    }

    @Override
    public Writer truncate(long n) throws IOException {
        sink.beginWrite().truncate(n);
        return this;
    }

    @Override
    public Writer writeByte(int b) throws IOException {
        sink.beginWrite().writeByte(b);
        return this;
    }

    @Override
    public Writer writeShort(int s) throws IOException {
        sink.beginWrite().writeShort(s);
        return this;
    }

    @Override
    public Writer writeInt(int i) throws IOException {
        sink.beginWrite().writeInt(i);
        return this;
    }

    @Override
    public Writer writeLong(long l) throws IOException {
        sink.beginWrite().writeLong(l);
        return this;
    }

    @Override
    public Writer writeShortLE(int s) throws IOException {
        sink.beginWrite().writeShortLE(s);
        return this;
    }

    @Override
    public Writer writeIntLE(int i) throws IOException {
        sink.beginWrite().writeIntLE(i);
        return this;
    }

    @Override
    public Writer writeLongLE(long l) throws IOException {
        sink.beginWrite().writeLongLE(l);
        return this;
    }

    @Override
    public Writer writeVarLong(long l) throws IOException {
        sink.beginWrite().writeVarLong(l);
        return this;
    }

    @Override
    public Writer writeBytes(byte[] src) throws IOException {
        return writeBytes(src, 0, src.length);
    }

    @Override
    public Writer writeBytes(byte[] src, int offset, int length) throws IOException {
        sink.beginWrite().writeBytes(src, offset, length);
        return this;
    }

    @Override
    public Writer writeBytes(MemorySegment src) throws IOException {
        sink.beginWrite().writeBytes(src);
        return this;
    }

    @Override
    public Writer writeBytes(ByteBuffer src) throws IOException {
        sink.beginWrite().writeBytes(src);
        return this;
    }

    @Override
    public Writer writeUtf8(String text) throws IOException {
        sink.beginWrite().writeUtf8(text);
        return this;
    }

    @Override
    public Writer writeDirect(MemorySegment data, long remaining) throws IOException {
        sink.beginWrite().writeDirect(data, remaining);
        return this;
    }

    @Override
    public Writer append(LinkBuffer other) throws IOException {
        other.moveTo(sink.beginWrite());
        return this;
    }

    @Override
    public long pendingBytes() {
        return sink.pending();
    }

    @Override
    public void flush() throws IOException {
        sink.flush();
    }
}

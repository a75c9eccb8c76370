// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.ByteSink;
import dev.netpoll.internal.memory.SegmentWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/**
 * A writer that another thread may close during use. Each operation asks the sink whether writing is possible, writes
 * to the buffer, then tells the sink that it is done.
 */
class SinkWriter implements Writer {
    private final ByteSink sink;

    SinkWriter(ByteSink sink) {
        this.sink = sink;
    }

    @Override
    public MemorySegment reserve(int n) throws IOException {
        SegmentWriter out = sink.beginWrite();
        try {
            return out.reserve(n);
        } finally {
            sink.reserved();
        }
    }

    @Override
    public Writer commit(int n) throws IOException {
        SegmentWriter out = sink.beginWrite();
        try {
            out.commit(n);
            return this;
        } finally {
            sink.done();
        }
    }

    @Override
    public Writer truncate(long n) throws IOException {
        SegmentWriter out = sink.beginWrite();
        try {
            out.truncate(n);
            return this;
        } finally {
            sink.done();
        }
    }

    @Override
    public Writer writeByte(int b) throws IOException {
        SegmentWriter out = sink.beginWrite();
        try {
            out.writeByte(b);
            return this;
        } finally {
            sink.done();
        }
    }

    @Override
    public Writer writeShort(int s) throws IOException {
        SegmentWriter out = sink.beginWrite();
        try {
            out.writeShort(s);
            return this;
        } finally {
            sink.done();
        }
    }

    @Override
    public Writer writeInt(int i) throws IOException {
        SegmentWriter out = sink.beginWrite();
        try {
            out.writeInt(i);
            return this;
        } finally {
            sink.done();
        }
    }

    @Override
    public Writer writeLong(long l) throws IOException {
        SegmentWriter out = sink.beginWrite();
        try {
            out.writeLong(l);
            return this;
        } finally {
            sink.done();
        }
    }

    @Override
    public Writer writeShortLE(int s) throws IOException {
        SegmentWriter out = sink.beginWrite();
        try {
            out.writeShortLE(s);
            return this;
        } finally {
            sink.done();
        }
    }

    @Override
    public Writer writeIntLE(int i) throws IOException {
        SegmentWriter out = sink.beginWrite();
        try {
            out.writeIntLE(i);
            return this;
        } finally {
            sink.done();
        }
    }

    @Override
    public Writer writeLongLE(long l) throws IOException {
        SegmentWriter out = sink.beginWrite();
        try {
            out.writeLongLE(l);
            return this;
        } finally {
            sink.done();
        }
    }

    @Override
    public Writer writeVarLong(long l) throws IOException {
        SegmentWriter out = sink.beginWrite();
        try {
            out.writeVarLong(l);
            return this;
        } finally {
            sink.done();
        }
    }

    @Override
    public Writer writeBytes(byte[] src) throws IOException {
        return writeBytes(src, 0, src.length);
    }

    @Override
    public Writer writeBytes(byte[] src, int offset, int length) throws IOException {
        SegmentWriter out = sink.beginWrite();
        try {
            out.writeBytes(src, offset, length);
            return this;
        } finally {
            sink.done();
        }
    }

    @Override
    public Writer writeBytes(MemorySegment src) throws IOException {
        SegmentWriter out = sink.beginWrite();
        try {
            out.writeBytes(src);
            return this;
        } finally {
            sink.done();
        }
    }

    @Override
    public Writer writeBytes(ByteBuffer src) throws IOException {
        SegmentWriter out = sink.beginWrite();
        try {
            out.writeBytes(src);
            return this;
        } finally {
            sink.done();
        }
    }

    @Override
    public Writer writeUtf8(String text) throws IOException {
        SegmentWriter out = sink.beginWrite();
        try {
            out.writeUtf8(text);
            return this;
        } finally {
            sink.done();
        }
    }

    @Override
    public Writer writeDirect(MemorySegment data, long remaining) throws IOException {
        SegmentWriter out = sink.beginWrite();
        try {
            out.writeDirect(data, remaining);
            return this;
        } finally {
            sink.done();
        }
    }

    @Override
    public Writer append(LinkBuffer other) throws IOException {
        SegmentWriter out = sink.beginWrite();
        try {
            other.moveTo(out);
            return this;
        } finally {
            sink.done();
        }
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

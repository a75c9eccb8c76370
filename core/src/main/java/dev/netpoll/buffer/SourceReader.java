// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.ByteSource;
import dev.netpoll.internal.memory.SegmentReader;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.util.Objects;

/**
 * A reader that waits. Each operation asks its source for the bytes it needs, reads from the buffer, then tells the
 * source that it is done. So a source is in use, and reachable, as long as its buffer is.
 */
class SourceReader implements Reader {
    private final ByteSource source;

    SourceReader(ByteSource source) {
        this.source = source;
    }

    @Override
    public long readableBytes() {
        return source.readable();
    }

    @Override
    public MemorySegment next(int n) throws IOException {
        SegmentReader in = source.require(n);
        try {
            return in.next(n);
        } finally {
            source.done();
        }
    }

    @Override
    public MemorySegment peek(int n) throws IOException {
        SegmentReader in = source.require(n);
        try {
            return in.peek(n);
        } finally {
            source.done();
        }
    }

    @Override
    public void skip(long n) throws IOException {
        SegmentReader in = source.require(n);
        try {
            in.skip(n);
        } finally {
            source.done();
        }
    }

    @Override
    public LinkBuffer slice(int n) throws IOException {
        SegmentReader in = source.require(n);
        try {
            return LinkBuffer.slice(source.pool(), in, n);
        } finally {
            source.done();
        }
    }

    @Override
    public long bytesBefore(byte delimiter) throws IOException {
        try {
            return findBefore(delimiter);
        } finally {
            source.done();
        }
    }

    private long findBefore(byte delimiter) throws IOException {
        long from = 0;
        for (; ; ) {
            SegmentReader buffer = source.require(from + 1);
            source.take();
            long found = buffer.indexOf(delimiter, from);
            if (found >= 0) {
                return found;
            }
            from = buffer.length();
        }
    }

    @Override
    public byte[] readUntil(byte delimiter) throws IOException {
        int n = Math.toIntExact(bytesBefore(delimiter) + 1);
        SegmentReader in = source.require(n);
        try {
            return in.readBytes(n);
        } finally {
            source.done();
        }
    }

    @Override
    public byte readByte() throws IOException {
        SegmentReader in = source.require(Byte.BYTES);
        try {
            return in.readByte();
        } finally {
            source.done();
        }
    }

    @Override
    public short readShort() throws IOException {
        SegmentReader in = source.require(Short.BYTES);
        try {
            return in.readShort();
        } finally {
            source.done();
        }
    }

    @Override
    public int readInt() throws IOException {
        SegmentReader in = source.require(Integer.BYTES);
        try {
            return in.readInt();
        } finally {
            source.done();
        }
    }

    @Override
    public long readLong() throws IOException {
        SegmentReader in = source.require(Long.BYTES);
        try {
            return in.readLong();
        } finally {
            source.done();
        }
    }

    @Override
    public short readShortLE() throws IOException {
        SegmentReader in = source.require(Short.BYTES);
        try {
            return in.readShortLE();
        } finally {
            source.done();
        }
    }

    @Override
    public int readIntLE() throws IOException {
        SegmentReader in = source.require(Integer.BYTES);
        try {
            return in.readIntLE();
        } finally {
            source.done();
        }
    }

    @Override
    public long readLongLE() throws IOException {
        SegmentReader in = source.require(Long.BYTES);
        try {
            return in.readLongLE();
        } finally {
            source.done();
        }
    }

    @Override
    public int readLength(int max) throws IOException {
        int allowed = Lengths.allowed(max); // checked before any wait
        SegmentReader in = source.require(Integer.BYTES);
        try {
            return Lengths.read(in, allowed);
        } finally {
            source.done();
        }
    }

    @Override
    public int readLengthLE(int max) throws IOException {
        int allowed = Lengths.allowed(max); // checked before any wait
        SegmentReader in = source.require(Integer.BYTES);
        try {
            return Lengths.readLE(in, allowed);
        } finally {
            source.done();
        }
    }

    @Override
    public int readVarLength(int max) throws IOException {
        return (int) readVar(Integer.SIZE, Lengths.allowed(max));
    }

    @Override
    public int readVarInt() throws IOException {
        return (int) readVar(Integer.SIZE, Lengths.ANY);
    }

    @Override
    public long readVarLong() throws IOException {
        return readVar(Long.SIZE, Lengths.ANY);
    }

    private long readVar(int bits, int max) throws IOException {
        try {
            return waitForVar(bits, max);
        } finally {
            source.done();
        }
    }

    /** Waits byte by byte, as only the last byte says that it is the last. */
    private long waitForVar(int bits, int max) throws IOException {
        long needed = 1;
        for (; ; ) {
            SegmentReader buffer = source.require(needed);
            int size = buffer.varIntSize(bits);
            if (size > 0) {
                return max == Lengths.ANY ? buffer.readVarInt(size) : Lengths.readVar(buffer, size, max);
            }
            if (size < 0) {
                throw MalformedVarIntException.at(buffer, bits);
            }
            needed = buffer.length() + 1;
        }
    }

    @Override
    public byte[] readBytes(int n) throws IOException {
        SegmentReader in = source.require(n);
        try {
            return in.readBytes(n);
        } finally {
            source.done();
        }
    }

    @Override
    public void readBytes(byte[] dst) throws IOException {
        readBytes(dst, 0, dst.length);
    }

    @Override
    public void readBytes(byte[] dst, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, dst.length);
        SegmentReader in = source.require(length);
        try {
            in.readBytes(dst, offset, length);
        } finally {
            source.done();
        }
    }

    @Override
    public void readBytes(MemorySegment dst) throws IOException {
        if (dst.isReadOnly()) {
            throw new IllegalArgumentException("the destination is read-only");
        }
        SegmentReader in = source.require(dst.byteSize());
        try {
            in.readBytes(dst);
        } finally {
            source.done();
        }
    }

    @Override
    public int read(byte[] dst, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, dst.length); // checked before any wait
        if (length == 0) {
            return 0;
        }
        SegmentReader in = source.requireAny();
        try {
            return in == null ? -1 : in.read(dst, offset, length);
        } finally {
            source.done();
        }
    }

    @Override
    public int read(ByteBuffer dst) throws IOException {
        if (dst.isReadOnly()) {
            throw new ReadOnlyBufferException();
        }
        if (!dst.hasRemaining()) {
            return 0;
        }
        SegmentReader in = source.requireAny();
        try {
            return in == null ? -1 : in.read(dst);
        } finally {
            source.done();
        }
    }

    @Override
    public String readUtf8(int n) throws IOException {
        SegmentReader in = source.require(n);
        try {
            return in.readUtf8(n);
        } finally {
            source.done();
        }
    }

    @Override
    public void release() {
        source.release();
    }
}

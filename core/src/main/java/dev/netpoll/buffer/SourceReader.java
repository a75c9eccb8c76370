// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.ByteSource;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.memory.SegmentReader;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** A reader that waits: has its source get what an operation needs, then lets the buffer do it. */
class SourceReader implements Reader {
    private final SegmentPool pool;
    private final ByteSource source;
    private final SegmentReader buffer;

    /** Creates one for {@code source}, whose slices take further memory from {@code pool}. */
    SourceReader(SegmentPool pool, ByteSource source) {
        this.pool = pool;
        this.source = source;
        this.buffer = source.buffer();
    }

    @Override
    public long readableBytes() {
        return source.readable();
    }

    @Override
    public MemorySegment next(int n) throws IOException {
        source.require(n);
        return buffer.next(n);
    }

    @Override
    public MemorySegment peek(int n) throws IOException {
        source.require(n);
        return buffer.peek(n);
    }

    @Override
    public void skip(long n) throws IOException {
        source.require(n);
        buffer.skip(n);
    }

    @Override
    public LinkBuffer slice(int n) throws IOException {
        source.require(n);
        return LinkBuffer.wrap(pool, buffer.slice(n));
    }

    @Override
    public long bytesBefore(byte delimiter) throws IOException {
        for (long from = 0; ; from = buffer.length()) {
            source.require(from + 1);
            source.take();
            long found = buffer.indexOf(delimiter, from);
            if (found >= 0) {
                return found;
            }
        }
    }

    @Override
    public byte[] readUntil(byte delimiter) throws IOException {
        return buffer.readBytes(Math.toIntExact(bytesBefore(delimiter) + 1));
    }

    @Override
    public byte readByte() throws IOException {
        source.require(Byte.BYTES);
        return buffer.readByte();
    }

    @Override
    public short readShort() throws IOException {
        source.require(Short.BYTES);
        return buffer.readShort();
    }

    @Override
    public int readInt() throws IOException {
        source.require(Integer.BYTES);
        return buffer.readInt();
    }

    @Override
    public long readLong() throws IOException {
        source.require(Long.BYTES);
        return buffer.readLong();
    }

    @Override
    public short readShortLE() throws IOException {
        source.require(Short.BYTES);
        return buffer.readShortLE();
    }

    @Override
    public int readIntLE() throws IOException {
        source.require(Integer.BYTES);
        return buffer.readIntLE();
    }

    @Override
    public long readLongLE() throws IOException {
        source.require(Long.BYTES);
        return buffer.readLongLE();
    }

    @Override
    public int readVarInt() throws IOException {
        return (int) readVar(Integer.SIZE);
    }

    @Override
    public long readVarLong() throws IOException {
        return readVar(Long.SIZE);
    }

    /** Waits for one byte after the other, as only the last one tells that it is the last. */
    private long readVar(int bits) throws IOException {
        for (long needed = 1; ; needed = buffer.length() + 1) {
            source.require(needed);
            int size = buffer.varIntSize(bits);
            if (size > 0) {
                return buffer.readVarInt(size);
            }
            if (size < 0) {
                throw MalformedVarIntException.at(buffer, bits);
            }
        }
    }

    @Override
    public byte[] readBytes(int n) throws IOException {
        source.require(n);
        return buffer.readBytes(n);
    }

    @Override
    public void readBytes(byte[] dst) throws IOException {
        readBytes(dst, 0, dst.length);
    }

    @Override
    public void readBytes(byte[] dst, int offset, int length) throws IOException {
        source.require(length);
        buffer.readBytes(dst, offset, length);
    }

    @Override
    public void readBytes(MemorySegment dst) throws IOException {
        source.require(dst.byteSize());
        buffer.readBytes(dst);
    }

    @Override
    public int read(byte[] dst, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        return source.requireAny() ? buffer.read(dst, offset, length) : -1;
    }

    @Override
    public int read(ByteBuffer dst) throws IOException {
        if (!dst.hasRemaining()) {
            return 0;
        }
        return source.requireAny() ? buffer.read(dst) : -1;
    }

    @Override
    public String readUtf8(int n) throws IOException {
        source.require(n);
        return buffer.readUtf8(n);
    }

    @Override
    public void release() {
        source.release();
    }
}

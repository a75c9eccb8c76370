// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.ByteSource;
import dev.netpoll.internal.memory.SegmentReader;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** A reader that waits: has its source get what an operation needs, then lets the buffer do it. */
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
        return source.require(n).next(n);
    }

    @Override
    public MemorySegment peek(int n) throws IOException {
        return source.require(n).peek(n);
    }

    @Override
    public void skip(long n) throws IOException {
        source.require(n).skip(n);
    }

    @Override
    public LinkBuffer slice(int n) throws IOException {
        return LinkBuffer.wrap(source.pool(), source.require(n).slice(n));
    }

    @Override
    public long bytesBefore(byte delimiter) throws IOException {
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
        return source.require(n).readBytes(n);
    }

    @Override
    public byte readByte() throws IOException {
        return source.require(Byte.BYTES).readByte();
    }

    @Override
    public short readShort() throws IOException {
        return source.require(Short.BYTES).readShort();
    }

    @Override
    public int readInt() throws IOException {
        return source.require(Integer.BYTES).readInt();
    }

    @Override
    public long readLong() throws IOException {
        return source.require(Long.BYTES).readLong();
    }

    @Override
    public short readShortLE() throws IOException {
        return source.require(Short.BYTES).readShortLE();
    }

    @Override
    public int readIntLE() throws IOException {
        return source.require(Integer.BYTES).readIntLE();
    }

    @Override
    public long readLongLE() throws IOException {
        return source.require(Long.BYTES).readLongLE();
    }

    @Override
    public int readLength(int max) throws IOException {
        return Lengths.read(source.require(Integer.BYTES), max);
    }

    @Override
    public int readLengthLE(int max) throws IOException {
        return Lengths.readLE(source.require(Integer.BYTES), max);
    }

    @Override
    public int readVarLength(int max) throws IOException {
        int size = varSize(Integer.SIZE);
        return Lengths.readVar(source.require(size), size, max);
    }

    @Override
    public int readVarInt() throws IOException {
        return (int) readVar(Integer.SIZE);
    }

    @Override
    public long readVarLong() throws IOException {
        return readVar(Long.SIZE);
    }

    private long readVar(int bits) throws IOException {
        int size = varSize(bits);
        return source.require(size).readVarInt(size);
    }

    /** Waits for one byte after the other, as only the last one tells that it is the last. */
    private int varSize(int bits) throws IOException {
        long needed = 1;
        for (; ; ) {
            SegmentReader buffer = source.require(needed);
            int size = buffer.varIntSize(bits);
            if (size > 0) {
                return size;
            }
            if (size < 0) {
                throw MalformedVarIntException.at(buffer, bits);
            }
            needed = buffer.length() + 1;
        }
    }

    @Override
    public byte[] readBytes(int n) throws IOException {
        return source.require(n).readBytes(n);
    }

    @Override
    public void readBytes(byte[] dst) throws IOException {
        readBytes(dst, 0, dst.length);
    }

    @Override
    public void readBytes(byte[] dst, int offset, int length) throws IOException {
        source.require(length).readBytes(dst, offset, length);
    }

    @Override
    public void readBytes(MemorySegment dst) throws IOException {
        source.require(dst.byteSize()).readBytes(dst);
    }

    @Override
    public int read(byte[] dst, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        SegmentReader buffer = source.requireAny();
        return buffer == null ? -1 : buffer.read(dst, offset, length);
    }

    @Override
    public int read(ByteBuffer dst) throws IOException {
        if (!dst.hasRemaining()) {
            return 0;
        }
        SegmentReader buffer = source.requireAny();
        return buffer == null ? -1 : buffer.read(dst);
    }

    @Override
    public String readUtf8(int n) throws IOException {
        return source.require(n).readUtf8(n);
    }

    @Override
    public void release() {
        source.release();
    }
}

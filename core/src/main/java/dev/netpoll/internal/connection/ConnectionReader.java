// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.buffer.Reader;
import dev.netpoll.internal.memory.BufferAccess;
import dev.netpoll.internal.memory.SegmentPool;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** The reader of a connection: waits for what an operation needs, then lets the buffer do it. */
final class ConnectionReader implements Reader {
    private static final BufferAccess<LinkBuffer> BUFFERS = BufferAccess.of(LinkBuffer.class);

    private final Inbound inbound;

    ConnectionReader(Inbound inbound) {
        this.inbound = inbound;
    }

    @Override
    public long readableBytes() {
        return inbound.readable();
    }

    @Override
    public MemorySegment next(int n) throws IOException {
        inbound.require(n);
        return inbound.buffer.next(n);
    }

    @Override
    public MemorySegment peek(int n) throws IOException {
        inbound.require(n);
        return inbound.buffer.peek(n);
    }

    @Override
    public void skip(long n) throws IOException {
        inbound.require(n);
        inbound.buffer.skip(n);
    }

    @Override
    public LinkBuffer slice(int n) throws IOException {
        inbound.require(n);
        return BUFFERS.wrap(SegmentPool.shared(), inbound.buffer.slice(n));
    }

    @Override
    public long bytesBefore(byte delimiter) throws IOException {
        inbound.enter();
        for (long from = 0; ; from = inbound.buffer.length()) {
            inbound.require(from + 1);
            inbound.take();
            long found = inbound.buffer.indexOf(delimiter, from);
            if (found >= 0) {
                return found;
            }
        }
    }

    @Override
    public byte[] readUntil(byte delimiter) throws IOException {
        return inbound.buffer.readBytes(Math.toIntExact(bytesBefore(delimiter) + 1));
    }

    @Override
    public byte readByte() throws IOException {
        inbound.require(1);
        return inbound.buffer.readByte();
    }

    @Override
    public short readShort() throws IOException {
        inbound.require(2);
        return inbound.buffer.readShort();
    }

    @Override
    public int readInt() throws IOException {
        inbound.require(4);
        return inbound.buffer.readInt();
    }

    @Override
    public long readLong() throws IOException {
        inbound.require(8);
        return inbound.buffer.readLong();
    }

    @Override
    public short readShortLE() throws IOException {
        inbound.require(2);
        return inbound.buffer.readShortLE();
    }

    @Override
    public int readIntLE() throws IOException {
        inbound.require(4);
        return inbound.buffer.readIntLE();
    }

    @Override
    public long readLongLE() throws IOException {
        inbound.require(8);
        return inbound.buffer.readLongLE();
    }

    @Override
    public byte[] readBytes(int n) throws IOException {
        inbound.require(n);
        return inbound.buffer.readBytes(n);
    }

    @Override
    public void readBytes(byte[] dst) throws IOException {
        readBytes(dst, 0, dst.length);
    }

    @Override
    public void readBytes(byte[] dst, int offset, int length) throws IOException {
        inbound.require(length);
        inbound.buffer.readBytes(dst, offset, length);
    }

    @Override
    public void readBytes(MemorySegment dst) throws IOException {
        inbound.require(dst.byteSize());
        inbound.buffer.readBytes(dst);
    }

    @Override
    public int read(byte[] dst, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        return inbound.requireAny() ? inbound.buffer.read(dst, offset, length) : -1;
    }

    @Override
    public int read(ByteBuffer dst) throws IOException {
        if (!dst.hasRemaining()) {
            return 0;
        }
        return inbound.requireAny() ? inbound.buffer.read(dst) : -1;
    }

    @Override
    public String readUtf8(int n) throws IOException {
        inbound.require(n);
        return inbound.buffer.readUtf8(n);
    }

    @Override
    public void release() {
        inbound.releaseConsumed();
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.PeerClosedException;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.buffer.Reader;
import dev.netpoll.internal.memory.BufferAccess;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.memory.SegmentReader;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** The inbound side as a reader: waits for what an operation needs, then lets the buffer do it. */
final class ConnectionReader extends Inbound implements Reader {
    private static final BufferAccess<LinkBuffer> BUFFERS = BufferAccess.of(LinkBuffer.class);

    ConnectionReader(SocketConnection connection) {
        super(connection);
    }

    @Override
    public long readableBytes() {
        return readable();
    }

    @Override
    public MemorySegment next(int n) throws IOException {
        return require(n).next(n);
    }

    @Override
    public MemorySegment peek(int n) throws IOException {
        return require(n).peek(n);
    }

    @Override
    public void skip(long n) throws IOException {
        require(n).skip(n);
    }

    @Override
    public LinkBuffer slice(int n) throws IOException {
        return BUFFERS.wrap(SegmentPool.shared(), require(n).slice(n));
    }

    @Override
    public long bytesBefore(byte delimiter) throws IOException {
        long from = 0;
        for (; ; ) {
            SegmentReader buffered = require(from + 1);
            take();
            long found = buffered.indexOf(delimiter, from);
            if (found >= 0) {
                return found;
            }
            from = buffered.length();
        }
    }

    @Override
    public byte[] readUntil(byte delimiter) throws IOException {
        int n = Math.toIntExact(bytesBefore(delimiter) + 1);
        return require(n).readBytes(n);
    }

    @Override
    public byte readByte() throws IOException {
        return require(1).readByte();
    }

    @Override
    public short readShort() throws IOException {
        return require(2).readShort();
    }

    @Override
    public int readInt() throws IOException {
        return require(4).readInt();
    }

    @Override
    public long readLong() throws IOException {
        return require(8).readLong();
    }

    @Override
    public short readShortLE() throws IOException {
        return require(2).readShortLE();
    }

    @Override
    public int readIntLE() throws IOException {
        return require(4).readIntLE();
    }

    @Override
    public long readLongLE() throws IOException {
        return require(8).readLongLE();
    }

    @Override
    public byte[] readBytes(int n) throws IOException {
        return require(n).readBytes(n);
    }

    @Override
    public void readBytes(byte[] dst) throws IOException {
        readBytes(dst, 0, dst.length);
    }

    @Override
    public void readBytes(byte[] dst, int offset, int length) throws IOException {
        require(length).readBytes(dst, offset, length);
    }

    @Override
    public void readBytes(MemorySegment dst) throws IOException {
        require(dst.byteSize()).readBytes(dst);
    }

    @Override
    public int read(byte[] dst, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        return waitForAny() ? require(1).read(dst, offset, length) : -1;
    }

    @Override
    public int read(ByteBuffer dst) throws IOException {
        if (!dst.hasRemaining()) {
            return 0;
        }
        return waitForAny() ? require(1).read(dst) : -1;
    }

    /** Waits for at least one byte; false at the end of the stream. */
    private boolean waitForAny() throws IOException {
        try {
            require(1);
            return true;
        } catch (PeerClosedException e) {
            return false;
        }
    }

    @Override
    public String readUtf8(int n) throws IOException {
        return require(n).readUtf8(n);
    }

    @Override
    public void release() {
        releaseConsumed();
    }
}

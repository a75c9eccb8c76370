// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.ConnectionClosedException;
import dev.netpoll.internal.base.StackRoom;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.memory.SegmentWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.ClosedChannelException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A view of a connection as a channel that several threads may share. It has one lock per side, held while an operation
 * waits. After each operation the side has no user, so that closing may free its memory.
 */
final class SharedChannel implements ByteChannel {
    private final SocketConnection connection;
    private final ReentrantLock reading = new ReentrantLock();
    private final ReentrantLock writing = new ReentrantLock();

    SharedChannel(SocketConnection connection) {
        this.connection = connection;
    }

    @Override
    public int read(ByteBuffer dst) throws IOException {
        lock(reading, "reading");
        try {
            return connection.reader().read(dst);
        } catch (ConnectionClosedException e) {
            throw asClosed(e);
        } finally {
            reading.unlock();
        }
    }

    @Override
    public int write(ByteBuffer src) throws IOException {
        lock(writing, "writing");
        try {
            return writeAlone(src);
        } catch (ConnectionClosedException e) {
            throw asClosed(e);
        } finally {
            try {
                connection.outbound().dropPending();
            } finally {
                writing.unlock();
            }
        }
    }

    private int writeAlone(ByteBuffer src) throws IOException {
        int begin = src.position();
        int bytes = src.remaining();
        Outbound outbound = connection.outbound();
        SegmentWriter buffer = outbound.beginWrite();
        long from = outbound.enqueued;
        boolean whole = false;
        try {
            if (bytes > 0) {
                buffer.writeBytes(src);
                outbound.flush(true);
            }
            whole = true;
            return bytes;
        } finally {
            if (!whole) { // so that the caller knows the rest, and can continue with it
                src.position(begin + Math.clamp(outbound.sent() - from, 0, bytes));
            }
        }
    }

    private static void lock(ReentrantLock lock, String what) {
        StackRoom.needMuch(); // a lock() that runs out of stack may have taken the lock, and then nobody releases it
        if (lock.tryLock()) {
            return;
        }
        if (EventLoop.onLoop()) {
            throw ConnectionErrors.wouldBlock(what + " while another thread is", "use the channel from one thread");
        }
        EventLoop.beforeBlocking();
        lock.lock();
    }

    private static IOException asClosed(ConnectionClosedException e) {
        ClosedChannelException closed = new ClosedChannelException();
        closed.initCause(e);
        return closed;
    }

    @Override
    public boolean isOpen() {
        return !connection.has(ConnectionState.CLOSING);
    }

    @Override
    public void close() {
        connection.close();
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.memory;

import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One end of a connection: a pipe to read from, and the other end. Behaves as the epoll backend does, hang-ups while
 * paused included.
 */
final class MemoryTransport implements Transport, MemoryPoller.Source {
    private static final int MAX_RECEIVES = 16;

    private final MemoryNetwork network;
    private final Pipe in;
    private final Map<String, Object> options = new HashMap<>(Map.of("TCP_NODELAY", true));
    private @Nullable SocketAddress local;
    private @Nullable SocketAddress remote;
    private @Nullable MemoryTransport peer;
    private @Nullable MemoryPoller poller;
    private @Nullable TransportEvents events;
    private @Nullable SendQueue queue;

    /** What connecting came to, to be told by the next turn: 0, an error number, or -1 for nothing. */
    private int connectResult = -1;

    private boolean paused;
    private boolean outputShutDown;
    private boolean reset;
    private boolean endTold;
    private boolean goneTold;
    private boolean closed;
    private boolean done;

    MemoryTransport(MemoryNetwork network, @Nullable SocketAddress local) {
        this.network = network;
        this.local = local;
        this.in = new Pipe(network.faults.pipeCapacity());
    }

    void register(MemoryPoller target, TransportEvents receiver) throws TransportException {
        network.lock.lock();
        try {
            if (closed) {
                throw new TransportException("register", Errno.EBADF);
            }
            poller = target;
            events = receiver;
            wake();
        } finally {
            network.lock.unlock();
        }
    }

    void connect(MemoryPoller target, SocketAddress address, TransportEvents receiver) {
        network.lock.lock();
        try {
            poller = target;
            events = receiver;
            MemoryListenSocket listener = network.listener(address);
            connectResult = closed ? Errno.EBADF : listener == null ? Errno.ECONNREFUSED : 0;
            if (connectResult == 0 && listener != null) {
                local = local == null ? network.freshAddress(address) : local;
                remote = address;
                MemoryTransport other = new MemoryTransport(network, address);
                other.remote = local;
                other.peer = this;
                peer = other;
                listener.offer(other);
            }
            wake();
        } finally {
            network.lock.unlock();
        }
    }

    /** This end has something to tell. Under the lock. */
    private void wake() {
        if (poller != null && !closed) {
            poller.ready(this);
        }
    }

    /** Resets the connection, at both ends. Under the lock. */
    void cut() {
        reset = true;
        wake();
        if (peer != null && !peer.reset) {
            peer.cut();
        }
    }

    @Override
    public int turn() {
        TransportEvents receiver = events;
        int count = 0;
        if (receiver != null && !done && connectResult >= 0) {
            int result = connectResult;
            connectResult = -1;
            done = result != 0;
            if (result == 0) {
                receiver.connected();
            } else {
                receiver.failed(result);
            }
            count++;
        }
        for (int i = 0; i < MAX_RECEIVES && receiver != null && !done; i++) {
            if (!receive(receiver)) {
                break;
            }
            count++;
        }
        if (queue != null && !done && sendMore()) {
            count++;
        }
        network.lock.lock();
        try {
            if (!done && (in.size > 0 && (!paused || reset))) {
                wake();
            }
        } finally {
            network.lock.unlock();
        }
        return count;
    }

    /** {@return whether an event was told} */
    private boolean receive(TransportEvents receiver) {
        Segment segment = null;
        boolean end = false;
        boolean gone = false;
        boolean failed = false;
        network.lock.lock();
        try {
            if (in.size > 0 && (!paused || reset)) {
                int count = network.someOf(in.size, network.faults.shortRead());
                Block block = SegmentPool.shared().allocate(count);
                in.read(block.memory(), count);
                segment = Segment.of(block, 0, count);
                if (peer != null) {
                    peer.wake(); // there is room now
                }
            } else if (in.size == 0 && reset) {
                failed = true;
            } else if (in.ended && paused && !endTold) {
                gone = !goneTold;
            } else if (in.ended && !paused) {
                end = !endTold;
            }
        } finally {
            network.lock.unlock();
        }
        if (segment != null) {
            receiver.received(segment);
        } else if (failed) {
            done = true;
            queue = null;
            receiver.failed(Errno.ECONNRESET);
        } else if (end) {
            endTold = true;
            receiver.peerFinished();
        } else if (gone) {
            goneTold = true;
            receiver.peerGone();
        }
        return segment != null || failed || end || gone;
    }

    @Override
    public boolean gathersSends() {
        network.lock.lock();
        try {
            return network.chance(network.faults.gather());
        } finally {
            network.lock.unlock();
        }
    }

    @Override
    public int send(SendQueue bytes) {
        network.lock.lock();
        try {
            for (Segment head = bytes.head(); head != null; head = bytes.head()) {
                MemoryTransport other = peer;
                if (closed || other == null) {
                    return closed ? -Errno.EBADF : -Errno.ENOTCONN;
                }
                if (reset || outputShutDown || other.closed) {
                    return reset ? -Errno.ECONNRESET : -Errno.EPIPE;
                }
                int fits = Math.min(other.in.room(), head.length());
                if (fits == 0 || network.chance(network.faults.wouldBlock())) {
                    wake(); // a turn will find the queue that the caller is going to hand over
                    return WOULD_BLOCK;
                }
                int count = network.someOf(fits, network.faults.shortWrite());
                other.in.write(head, count);
                bytes.consume(count);
                other.wake();
            }
            return SENT;
        } catch (IllegalStateException e) {
            return -Errno.EFAULT; // the user's arena is closed
        } finally {
            network.lock.unlock();
        }
    }

    @Override
    public void sendRest(SendQueue bytes) {
        if (!done) {
            queue = bytes;
            sendMore();
        }
    }

    /** {@return whether an event was told} */
    private boolean sendMore() {
        SendQueue bytes = queue;
        TransportEvents receiver = events;
        if (bytes == null || receiver == null) {
            return false;
        }
        long before = bytes.bytes();
        int result = send(bytes);
        long sent = before - bytes.bytes();
        if (result != WOULD_BLOCK) {
            queue = null;
        }
        if (sent > 0 || result == SENT) {
            receiver.sent(sent, result == SENT);
        }
        if (result < 0 && result != -Errno.ECONNRESET && !done) {
            done = true;
            receiver.failed(-result);
        }
        return sent > 0 || result != WOULD_BLOCK;
    }

    @Override
    public void stopSending() {
        queue = null;
    }

    @Override
    public void pauseReading() {
        paused = true;
    }

    @Override
    public void resumeReading() {
        network.lock.lock();
        try {
            paused = false;
            wake();
        } finally {
            network.lock.unlock();
        }
    }

    @Override
    public int peek() {
        network.lock.lock();
        try {
            if (closed) {
                return -Errno.EBADF;
            }
            if (in.size > 0) {
                return 1;
            }
            return reset ? -Errno.ECONNRESET : in.ended ? 0 : -Errno.EAGAIN;
        } finally {
            network.lock.unlock();
        }
    }

    @Override
    public void shutdownOutput() throws TransportException {
        network.lock.lock();
        try {
            MemoryTransport other = peer;
            if (closed || other == null) {
                throw new TransportException("shutdown", closed ? Errno.EBADF : Errno.ENOTCONN);
            }
            outputShutDown = true;
            other.in.ended = true;
            other.wake();
        } finally {
            network.lock.unlock();
        }
    }

    @Override
    public void close(boolean abort) {
        network.lock.lock();
        try {
            MemoryTransport other = peer;
            if (!closed && other != null) {
                other.in.ended = true;
                if (abort) {
                    other.cut();
                }
                other.wake();
            }
            closed = true;
            done = true;
            queue = null;
        } finally {
            network.lock.unlock();
        }
    }

    @Override
    public void discard(RawSocket detached) {
        throw new AssertionError("nothing is ever detached");
    }

    @Override
    public RawSocket detach() throws TransportException {
        throw new TransportException("detach", Errno.EOPNOTSUPP);
    }

    @Override
    public @Nullable SocketAddress localAddress() {
        return local;
    }

    @Override
    public @Nullable SocketAddress remoteAddress() {
        return remote;
    }

    @Override
    public <T> void setOption(SocketOption<T> option, T value) throws TransportException {
        checkOpen("setsockopt");
        options.put(option.name(), value);
    }

    @Override
    public <T> T getOption(SocketOption<T> option) throws TransportException {
        checkOpen("getsockopt");
        Object value = options.get(option.name());
        if (value == null) {
            throw new UnsupportedOperationException("socket option " + option.name() + " was never set");
        }
        return option.type().cast(value);
    }

    private void checkOpen(String call) throws TransportException {
        if (closed) {
            throw new TransportException(call, Errno.EBADF);
        }
    }

    @Override
    public String toString() {
        return "memory socket " + local + " to " + remote;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit.internal;

import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportException;
import java.net.InetSocketAddress;
import java.net.SocketOption;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One end of a connection, with the operations of a socket that any thread may call.
 *
 * <p><b>Threads.</b> Any. The network's lock guards all fields.
 */
abstract class MemorySocket extends MemoryEnd implements Transport {
    private final Map<String, Object> options = new HashMap<>(Map.of("TCP_NODELAY", true));
    private boolean outputShutDown;

    /** Bytes were taken out of the pipe, and their receiver does not see them itself yet. */
    private boolean arriving;

    MemorySocket(MemoryNetwork network, @Nullable InetSocketAddress local) {
        super(network, local);
    }

    /** Bytes are on their way from the pipe to the receiver. Under the lock. */
    final void arrives() {
        arriving = true;
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
        return move(bytes, false);
    }

    /** Moves bytes to the peer's pipe; {@return the result of {@link #send}} */
    final int move(SendQueue bytes, boolean onLoop) {
        network.lock.lock();
        try {
            int planned = bytes.isEmpty() || sendError() != 0 ? 0 : takeSendFault(onLoop);
            if (planned == Errno.ENOBUFS) {
                return -planned;
            }
            if (planned != 0) {
                breakBy(planned);
            }
            for (Segment head = bytes.head(); head != null; head = bytes.head()) {
                int errno = sendError();
                MemoryEnd other = peer();
                if (errno != 0 || other == null) {
                    if (errno == Errno.EPIPE && !outputShutDown) {
                        breakBy(errno); // the peer is gone
                    }
                    return -errno;
                }
                int fits = Math.min(other.in.room(), head.length());
                if (fits == 0) {
                    return WOULD_BLOCK; // the end that makes room wakes this one
                }
                if (network.chance(network.faults.wouldBlock())) {
                    wake(); // a turn will find the queue that the caller then hands over
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

    /** {@return why nothing can be sent, or 0} */
    private int sendError() {
        if (isClosed()) {
            return Errno.EBADF;
        }
        MemoryEnd other = peer();
        if (other == null) {
            return Errno.ENOTCONN;
        }
        int broken = brokenBy();
        if (broken != 0) {
            return broken;
        }
        // This end knows only of events that have arrived here.
        return outputShutDown || (other.isClosed() && !in.stalled) ? Errno.EPIPE : 0;
    }

    @Override
    public int peek() {
        network.lock.lock();
        try {
            if (isClosed()) {
                return -Errno.EBADF;
            }
            if (arrivedBytes() > 0 || arriving) {
                return 1;
            }
            int broken = brokenBy();
            return broken != 0 ? -broken : in.ended && !in.stalled ? 0 : -Errno.EAGAIN;
        } finally {
            network.lock.unlock();
        }
    }

    @Override
    public void arrived() {
        network.lock.lock();
        try {
            arriving = false;
        } finally {
            network.lock.unlock();
        }
    }

    @Override
    public void shutdownOutput() throws TransportException {
        network.lock.lock();
        try {
            MemoryEnd other = peer();
            if (isClosed() || other == null) {
                throw new TransportException("shutdown", isClosed() ? Errno.EBADF : Errno.ENOTCONN);
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
            MemoryEnd other = peer();
            if (shut() && other != null) {
                other.in.ended = true;
                other.in.reset |= abort;
                other.wake();
            }
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
    public <T> void setOption(SocketOption<T> option, T value) throws TransportException {
        network.lock.lock();
        try {
            checkOpen("setsockopt");
            options.put(option.name(), value);
        } finally {
            network.lock.unlock();
        }
    }

    @Override
    public <T> T getOption(SocketOption<T> option) throws TransportException {
        network.lock.lock();
        try {
            checkOpen("getsockopt");
            Object value = option == MemoryTransport.SELF ? self() : options.get(option.name());
            if (value == null) {
                throw new UnsupportedOperationException("socket option " + option.name() + " was never set");
            }
            return option.type().cast(value);
        } finally {
            network.lock.unlock();
        }
    }

    private void checkOpen(String call) throws TransportException {
        if (isClosed()) {
            throw new TransportException(call, Errno.EBADF);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import dev.netpoll.internal.base.Classes;
import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.ffi.SockAddr;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketOption;
import org.jspecify.annotations.Nullable;

/**
 * The part of a stream socket that any thread may use, even while the loop closes it: every call is between
 * {@link #enter} and {@link #exit}. The loop needs no guard, as only the loop closes.
 */
public abstract class StreamSocket extends Pollable implements Transport {
    private static final VarHandle ARRIVING;

    static {
        Classes.initialize(MethodHandles.lookup(), OptionTable.class, SockAddr.class, Errno.class, Sender.class);
        try {
            ARRIVING = MethodHandles.lookup().findVarHandle(StreamSocket.class, "arriving", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    protected final boolean tcp;

    /** The error of a send or peek by any thread, for the loop to report; 0 if none. */
    protected volatile int brokenBy;

    /** The outbound stream was ended here, so a hang-up may be orderly. */
    protected volatile boolean outputShutDown;

    /** Whether closing would wait, because SO_LINGER is on. */
    private volatile boolean lingers;

    @SuppressWarnings("UnusedVariable") // through ARRIVING
    private boolean arriving;

    /** A SocketAddress, or its encoded form until it is needed: many servers never need it. */
    private volatile @Nullable Object remote;

    private volatile @Nullable SocketAddress local;

    protected StreamSocket(int fd, boolean tcp, byte @Nullable [] remote) {
        super(fd);
        this.tcp = tcp;
        this.remote = remote;
    }

    /** {@return the name of the backend} */
    protected abstract String backend();

    /** {@return the sender of large pieces, or null} Any thread. */
    protected @Nullable ZeroCopySender zeroCopy() {
        return null;
    }

    @Override
    public int send(SendQueue bytes) {
        Scratch scratch = enter();
        if (scratch == null) {
            return -Errno.EBADF;
        }
        try {
            int result = Sender.send(scratch, fd(), bytes, Integer.MAX_VALUE, zeroCopy());
            if (result < 0) {
                remember(-result);
            }
            return result;
        } finally {
            exit(scratch);
        }
    }

    /** Keeps an error that the kernel reports only once, if it concerns the socket and not the caller's arguments. */
    protected final void remember(int errno) {
        boolean callersOwn = errno == Errno.EFAULT || errno == Errno.ENOMEM || errno == Errno.ENOBUFS;
        if (!callersOwn && !(errno == Errno.EPIPE && outputShutDown)) {
            brokenBy = errno;
        }
    }

    @Override
    public void shutdownOutput() throws TransportException {
        Scratch scratch = enterFor("shutdown");
        try {
            outputShutDown = true; // before a hang-up that may follow is handled
            Binder.check("shutdown", LibcSocket.shutdown(scratch, fd(), LibcSocket.SHUT_WR));
        } finally {
            exit(scratch);
        }
    }

    /** Bytes that the loop has taken out of the socket and not delivered count as waiting; checks for them last. */
    @Override
    public int peek() {
        int result = peekKernel();
        return result == -Errno.EAGAIN && isArriving() ? 1 : result;
    }

    private int peekKernel() {
        Scratch scratch = enter();
        if (scratch == null) {
            return -Errno.EBADF;
        }
        try {
            int result;
            do {
                result = (int) LibcSocket.peek(scratch, fd());
            } while (result == -Errno.EINTR);
            if (result < 0 && result != -Errno.EAGAIN) {
                remember(-result);
            }
            return result;
        } finally {
            exit(scratch);
        }
    }

    /**
     * {@return whether the loop may have taken bytes out of the socket that it has not delivered yet} Any thread. Ask
     * the kernel first: a thread that finds the socket empty comes after the system call that emptied it, so it sees
     * what the loop wrote before that call.
     */
    protected boolean isArriving() {
        return (boolean) ARRIVING.getAcquire(this);
    }

    @Override
    public void arrived() {
        arriving(false);
    }

    /** <i>Loop.</i> Call it with true before the system call that may receive, and with false after the delivery. */
    protected final void arriving(boolean may) {
        ARRIVING.setRelease(this, may);
    }

    @Override
    public @Nullable SocketAddress localAddress() {
        SocketAddress known = local;
        if (known != null) {
            return known;
        }
        Scratch scratch = enter();
        if (scratch == null) {
            return null;
        }
        try {
            if (LibcSocket.getsockname(scratch, fd()) < 0) {
                return null;
            }
            SocketAddress found = SockAddr.decode(scratch.socketAddress());
            if (found instanceof InetSocketAddress inet && inet.getPort() == 0) {
                return null;
            }
            if (remote != null) {
                local = found; // the address is final once the socket is connected
            }
            return found;
        } finally {
            exit(scratch);
        }
    }

    /** The socket is now connected to this encoded address. */
    protected final void remote(byte[] encoded) {
        remote = encoded;
    }

    @Override
    public @Nullable SocketAddress remoteAddress() {
        Object known = remote;
        if (known instanceof byte[] encoded) {
            SocketAddress decoded = SockAddr.decode(encoded);
            remote = decoded;
            return decoded;
        }
        return (SocketAddress) known;
    }

    @Override
    public <T> void setOption(SocketOption<T> option, T value) throws IOException {
        Scratch scratch = enterFor("setsockopt");
        try {
            OptionTable.set(scratch, this, option, value);
            if (OptionTable.lingers(option, value)) {
                lingers = true;
            }
        } finally {
            exit(scratch);
        }
    }

    @Override
    public <T> T getOption(SocketOption<T> option) throws IOException {
        Scratch scratch = enterFor("getsockopt");
        try {
            return OptionTable.get(scratch, this, option);
        } finally {
            exit(scratch);
        }
    }

    private Scratch enterFor(String call) throws TransportException {
        Scratch scratch = enter();
        if (scratch == null) {
            throw new TransportException(call, Errno.EBADF);
        }
        return scratch;
    }

    /** A TCP socket that connects to a port of its own ephemeral range, where nobody listens, may connect to itself. */
    protected final boolean isConnectedToItself() {
        SocketAddress peer = remoteAddress();
        return peer != null && peer.equals(localAddress());
    }

    /**
     * Closes without waiting for unsent bytes; with {@code abort} the peer gets a reset. Closes whatever fails.
     * Idempotent. <i>Loop.</i>
     *
     * @param left whether nothing else holds the socket open; otherwise the peer is told of the end first
     */
    protected final void closeDescriptor(boolean abort, boolean left) {
        if (isEnded()) {
            return;
        }
        Scratch scratch = Scratch.take();
        try {
            if (abort) {
                LibcSocket.setLinger(scratch, fd(), 0);
            } else if (lingers) {
                LibcSocket.setLinger(scratch, fd(), -1); // close(2) would wait, even on a non-blocking socket
            }
            boolean told = abort && tcp && LibcSocket.reset(scratch, fd()) == 0;
            if (!told && !left) { // this would send an orderly end before the reset
                LibcSocket.shutdown(scratch, fd(), LibcSocket.SHUT_RDWR);
            }
        } finally {
            close(scratch);
            scratch.giveBack();
        }
    }

    /** Shuts down, so that the peer learns of the end now, however long others stay inside; no-op after a reset. */
    @Override
    protected final void closingLate(Scratch scratch) {
        LibcSocket.shutdown(scratch, fd(), LibcSocket.SHUT_RDWR);
    }

    /** Hands over the descriptor without closing it. <i>Loop.</i> */
    protected final RawSocket surrendered() throws TransportException {
        int raw = surrender();
        if (raw == BUSY) {
            throw new TransportException("detach", Errno.EBUSY);
        }
        try {
            return new RawSocket(raw, null);
        } catch (Throwable t) {
            Opener.close(raw);
            throw t;
        }
    }

    @Override
    public void discard(RawSocket detached) {
        Opener.close(detached.fd());
    }

    @Override
    public String toString() {
        return backend() + " socket " + fd() + " to " + remoteAddress();
    }
}

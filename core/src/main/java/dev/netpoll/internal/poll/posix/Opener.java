// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.ffi.LibcUnistd;
import dev.netpoll.internal.ffi.OwnedFds;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.ffi.SockAddr;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Opens stream sockets, and takes over those opened by other code. */
public final class Opener {
    private static final int TCP_SYN_SENT = 2;

    private Opener() {}

    /** Opens a socket for a connect to an address; binds it to {@code local} unless that is null. */
    public static Opened open(SocketAddress remote, @Nullable SocketAddress local) throws TransportException {
        int family = SockAddr.family(remote);
        if (family < 0) {
            throw new TransportException("socket", -family);
        }
        Scratch scratch = Scratch.take();
        try {
            int fd = Binder.check("socket", LibcSocket.socket(scratch, family));
            try {
                boolean tcp = family != LibcSocket.AF_UNIX;
                if (tcp) {
                    setNoDelay(scratch, fd);
                }
                if (local != null) {
                    bindLocal(scratch, fd, family, local);
                }
                return new Opened(fd, tcp, null);
            } catch (Throwable t) {
                LibcUnistd.close(scratch, fd);
                throw t;
            }
        } finally {
            scratch.giveBack();
        }
    }

    /**
     * Takes over a socket that is or was connected, for the transport that {@code maker} creates. Rejects any other
     * descriptor and leaves it untouched: it may be no socket at all, but the standard input of the process, or the
     * descriptor of another transport. Synchronized, as two threads may offer the same number.
     */
    public static synchronized Transport adopt(RawSocket socket, Function<Opened, Transport> maker)
            throws TransportException {
        int fd = socket.fd();
        if (fd < 0) {
            throw new TransportException("adopt", Errno.EBADF);
        }
        if (OwnedFds.contains(fd)) {
            throw new TransportException("adopt", Errno.EBUSY);
        }
        return maker.apply(checked(fd));
    }

    private static Opened checked(int fd) throws TransportException {
        Scratch scratch = Scratch.take();
        try {
            if (option(scratch, fd, LibcSocket.SO_TYPE) != LibcSocket.SOCK_STREAM) {
                throw new TransportException("adopt", Errno.EPROTOTYPE);
            }
            if (option(scratch, fd, LibcSocket.SO_ACCEPTCONN) != 0) {
                throw new TransportException("adopt", Errno.ENOTCONN);
            }
            Binder.check("adopt", LibcSocket.acceptedName(scratch, fd)); // works even if the peer has reset it
            byte[] remote = scratch.socketAddress();
            int family = SockAddr.family(remote);
            boolean tcp = family == LibcSocket.AF_INET || family == LibcSocket.AF_INET6;
            if (!tcp && family != LibcSocket.AF_UNIX) {
                throw new TransportException("adopt", Errno.EAFNOSUPPORT);
            }
            if (tcp && isConnecting(scratch, fd)) {
                throw new TransportException("adopt", Errno.ENOTCONN);
            }
            Opened opened = new Opened(fd, tcp, remote); // nothing has been changed up to here
            Binder.check("fcntl", LibcUnistd.configure(scratch, fd));
            if (tcp) {
                setNoDelay(scratch, fd);
            }
            return opened;
        } finally {
            scratch.giveBack();
        }
    }

    /** {@return whether the handshake is not over} The first byte of {@code struct tcp_info} is the state. */
    private static boolean isConnecting(Scratch scratch, int fd) throws TransportException {
        Binder.check("adopt", LibcSocket.getsockopt(scratch, fd, LibcSocket.IPPROTO_TCP, LibcSocket.TCP_INFO));
        return (scratch.option() & 0xFF) == TCP_SYN_SENT;
    }

    /** Closes a socket that was opened or handed over and has no owner. */
    public static void close(int fd) {
        Scratch scratch = Scratch.take();
        try {
            LibcUnistd.close(scratch, fd);
        } finally {
            scratch.giveBack();
        }
    }

    private static int option(Scratch scratch, int fd, int name) throws TransportException {
        Binder.check("adopt", LibcSocket.getsockopt(scratch, fd, LibcSocket.SOL_SOCKET, name));
        return scratch.option();
    }

    private static void bindLocal(Scratch scratch, int fd, int family, SocketAddress local) throws TransportException {
        SocketAddress own = local;
        if (local instanceof InetSocketAddress inet
                && family == LibcSocket.AF_INET6
                && inet.getAddress() != null
                && inet.getAddress().isAnyLocalAddress()) {
            own = Binder.anyAddress(inet.getPort());
        }
        int wrong = SockAddr.check(own);
        if (wrong == 0 && SockAddr.family(own) != family) {
            wrong = Errno.EAFNOSUPPORT;
        }
        if (wrong != 0) {
            throw new TransportException("bind", wrong);
        }
        Binder.check("bind", LibcSocket.bind(scratch, fd, SockAddr.encode(own)));
    }

    private static void setNoDelay(Scratch scratch, int fd) throws TransportException {
        Binder.check(
                "setsockopt", LibcSocket.setsockopt(scratch, fd, LibcSocket.IPPROTO_TCP, LibcSocket.TCP_NODELAY, 1));
    }
}

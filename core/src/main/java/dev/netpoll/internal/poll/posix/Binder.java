// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.ffi.LibcUnistd;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.ffi.SockAddr;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.TransportException;
import dev.netpoll.internal.transport.UnixPaths;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Opens listening sockets. */
public final class Binder {
    private Binder() {}

    /** Binds a descriptor, from which {@code maker} creates the backend's socket. Any failure closes it. */
    public static ListenSocket bind(SocketAddress address, ListenOptions options, Function<Bound, ListenSocket> maker)
            throws TransportException {
        Scratch scratch = Scratch.take();
        try {
            Bound bound = bind(scratch, address, options);
            try {
                return maker.apply(bound);
            } catch (Throwable t) {
                LibcUnistd.close(scratch, bound.fd());
                throw t;
            }
        } finally {
            scratch.giveBack();
        }
    }

    private static Bound bind(Scratch scratch, SocketAddress address, ListenOptions options) throws TransportException {
        int wrong = SockAddr.check(address);
        if (wrong == 0 && address instanceof UnixDomainSocketAddress unix && isUnnamed(unix)) {
            wrong = Errno.EINVAL; // nobody could connect to it
        }
        if (wrong != 0) {
            throw new TransportException("bind", wrong);
        }
        SocketAddress wanted = address;
        int fd = -Errno.EAFNOSUPPORT;
        if (address instanceof InetSocketAddress inet && inet.getAddress().isAnyLocalAddress() && !ipv4Only()) {
            // As in the JDK, a wildcard means both families; if the kernel lacks IPv6, only IPv4.
            fd = LibcSocket.socket(scratch, LibcSocket.AF_INET6);
            wanted = fd >= 0 ? anyAddress(inet.getPort()) : address;
        }
        if (fd == -Errno.EAFNOSUPPORT) {
            fd = LibcSocket.socket(scratch, SockAddr.family(address));
        }
        check("socket", fd);
        try {
            if (address instanceof UnixDomainSocketAddress) {
                synchronized (UnixPaths.BINDING) {
                    return bind(scratch, fd, wanted, options);
                }
            }
            return bind(scratch, fd, wanted, options);
        } catch (Throwable t) {
            LibcUnistd.close(scratch, fd);
            throw t;
        }
    }

    private static Bound bind(Scratch scratch, int fd, SocketAddress address, ListenOptions options)
            throws TransportException {
        if (options.reusePort()) {
            set(scratch, fd, LibcSocket.SOL_SOCKET, LibcSocket.SO_REUSEPORT, 1);
        }
        int bound;
        if (address instanceof UnixDomainSocketAddress unix) {
            bound = bindPath(scratch, fd, unix, options.replaceStalePath());
        } else {
            set(scratch, fd, LibcSocket.SOL_SOCKET, LibcSocket.SO_REUSEADDR, 1);
            set(scratch, fd, LibcSocket.IPPROTO_TCP, LibcSocket.TCP_NODELAY, 1); // accepted sockets inherit it
            if (SockAddr.family(address) == LibcSocket.AF_INET6) {
                set(scratch, fd, LibcSocket.IPPROTO_IPV6, LibcSocket.IPV6_V6ONLY, 0);
            }
            bound = LibcSocket.bind(scratch, fd, SockAddr.encode(address));
        }
        check("bind", bound);
        Object key = pathKey(address);
        int listening = LibcSocket.listen(scratch, fd, options.effectiveBacklog());
        if (listening < 0) {
            if (address instanceof UnixDomainSocketAddress unix) {
                UnixPaths.deleteIfSame(unix.getPath(), key);
            }
            throw new TransportException("listen", -listening);
        }
        SocketAddress actual = address;
        if (address instanceof InetSocketAddress) {
            check("getsockname", LibcSocket.getsockname(scratch, fd));
            SocketAddress decoded = SockAddr.decode(scratch.socketAddress());
            actual = decoded != null ? decoded : address;
        }
        return new Bound(fd, actual, key);
    }

    private static @Nullable Object pathKey(SocketAddress address) {
        return address instanceof UnixDomainSocketAddress unix && !SockAddr.isAbstract(unix)
                ? UnixPaths.key(unix.getPath())
                : null;
    }

    /** Binds. Takes over a path in use if it is a socket that nobody listens on, and the caller wants that. */
    private static int bindPath(Scratch scratch, int fd, UnixDomainSocketAddress address, boolean replaceStale) {
        byte[] encoded = SockAddr.encode(address);
        int bound = LibcSocket.bind(scratch, fd, encoded);
        if (bound != -Errno.EADDRINUSE || !replaceStale || SockAddr.isAbstract(address)) {
            return bound;
        }
        Path path = address.getPath();
        Object key = UnixPaths.key(path);
        if (!UnixPaths.isSocket(path) || !UnixPaths.isStale(() -> isRefused(scratch, encoded))) {
            return bound;
        }
        UnixPaths.deleteIfSame(path, key);
        return LibcSocket.bind(scratch, fd, encoded);
    }

    private static boolean isRefused(Scratch scratch, byte[] encoded) {
        int probe = LibcSocket.socket(scratch, LibcSocket.AF_UNIX);
        if (probe < 0) {
            return false;
        }
        int result = LibcSocket.connect(scratch, probe, encoded);
        LibcUnistd.close(scratch, probe);
        return result == -Errno.ECONNREFUSED;
    }

    private static boolean isUnnamed(UnixDomainSocketAddress address) {
        return address.getPath().toString().isEmpty();
    }

    private static boolean ipv4Only() {
        return Boolean.getBoolean("java.net.preferIPv4Stack");
    }

    /** {@return the IPv6 wildcard} */
    static InetSocketAddress anyAddress(int port) {
        try {
            return new InetSocketAddress(InetAddress.getByAddress(new byte[16]), port);
        } catch (UnknownHostException e) {
            throw new AssertionError(e); // only for other lengths
        }
    }

    private static void set(Scratch scratch, int fd, int level, int name, int value) throws TransportException {
        check("setsockopt", LibcSocket.setsockopt(scratch, fd, level, name, value));
    }

    /** {@return the result, unless it is an error} */
    public static int check(String call, int result) throws TransportException {
        if (result < 0) {
            throw new TransportException(call, -result);
        }
        return result;
    }
}

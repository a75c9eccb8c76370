// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import static dev.netpoll.internal.ffi.LibcSocket.IPPROTO_IP;
import static dev.netpoll.internal.ffi.LibcSocket.IPPROTO_TCP;
import static dev.netpoll.internal.ffi.LibcSocket.SOL_SOCKET;

import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.TransportException;
import java.net.SocketOption;
import java.util.Map;

/**
 * Socket options by name, so that the constants of this library, {@code StandardSocketOptions} and {@code jdk.net} all
 * work. Values and limits are those of the JDK: SO_LINGER is -1 when off, and buffer sizes exclude the kernel's
 * doubling.
 */
final class OptionTable {
    private record Spec(int level, int name) {}

    /** The JDK's maximum. */
    private static final int LINGER_MAX = 65_535;

    private static final int TOS_MAX = 255;

    private static final Map<String, Spec> KNOWN = Map.ofEntries(
            Map.entry("SO_RCVBUF", new Spec(SOL_SOCKET, LibcSocket.SO_RCVBUF)),
            Map.entry("SO_SNDBUF", new Spec(SOL_SOCKET, LibcSocket.SO_SNDBUF)),
            Map.entry("SO_KEEPALIVE", new Spec(SOL_SOCKET, LibcSocket.SO_KEEPALIVE)),
            Map.entry("SO_LINGER", new Spec(SOL_SOCKET, LibcSocket.SO_LINGER)),
            Map.entry("SO_REUSEADDR", new Spec(SOL_SOCKET, LibcSocket.SO_REUSEADDR)),
            Map.entry("SO_REUSEPORT", new Spec(SOL_SOCKET, LibcSocket.SO_REUSEPORT)),
            Map.entry("IP_TOS", new Spec(IPPROTO_IP, LibcSocket.IP_TOS)),
            Map.entry("TCP_NODELAY", new Spec(IPPROTO_TCP, LibcSocket.TCP_NODELAY)),
            Map.entry("TCP_QUICKACK", new Spec(IPPROTO_TCP, LibcSocket.TCP_QUICKACK)),
            Map.entry("TCP_KEEPIDLE", new Spec(IPPROTO_TCP, LibcSocket.TCP_KEEPIDLE)),
            Map.entry("TCP_KEEPINTVL", new Spec(IPPROTO_TCP, LibcSocket.TCP_KEEPINTVL)),
            Map.entry("TCP_KEEPINTERVAL", new Spec(IPPROTO_TCP, LibcSocket.TCP_KEEPINTVL)),
            Map.entry("TCP_KEEPCNT", new Spec(IPPROTO_TCP, LibcSocket.TCP_KEEPCNT)),
            Map.entry("TCP_KEEPCOUNT", new Spec(IPPROTO_TCP, LibcSocket.TCP_KEEPCNT)),
            Map.entry("TCP_USER_TIMEOUT", new Spec(IPPROTO_TCP, LibcSocket.TCP_USER_TIMEOUT)),
            Map.entry("TCP_NOTSENT_LOWAT", new Spec(IPPROTO_TCP, LibcSocket.TCP_NOTSENT_LOWAT)));

    private OptionTable() {}

    static <T> void set(Scratch scratch, StreamSocket socket, SocketOption<T> option, T value)
            throws TransportException {
        Spec spec = spec(socket, option);
        int number = value instanceof Boolean on ? (on ? 1 : 0) : ((Number) value).intValue();
        checkRange(spec, option, number);
        int result = isLinger(spec)
                ? LibcSocket.setLinger(scratch, socket.fd(), Math.min(number, LINGER_MAX))
                : LibcSocket.setsockopt(scratch, socket.fd(), spec.level, spec.name, number);
        check("setsockopt", socket, option, result);
        if (spec.level == IPPROTO_IP) {
            // The same for IPv6; an IPv4 socket rejects this option.
            LibcSocket.setsockopt(scratch, socket.fd(), LibcSocket.IPPROTO_IPV6, LibcSocket.IPV6_TCLASS, number);
        }
    }

    /** Rejects values that the kernel misreads: it takes a negative size for a huge one, and truncates others. */
    private static void checkRange(Spec spec, SocketOption<?> option, int number) {
        boolean wrong =
                (isBuffer(spec) && number < 0) || (spec.level == IPPROTO_IP && (number < 0 || number > TOS_MAX));
        if (wrong) {
            throw new IllegalArgumentException(option.name() + " can't be " + number);
        }
    }

    private static boolean isBuffer(Spec spec) {
        return spec.level == SOL_SOCKET && (spec.name == LibcSocket.SO_RCVBUF || spec.name == LibcSocket.SO_SNDBUF);
    }

    static <T> T get(Scratch scratch, StreamSocket socket, SocketOption<T> option) throws TransportException {
        Spec spec = spec(socket, option);
        int result = LibcSocket.getsockopt(scratch, socket.fd(), spec.level, spec.name);
        check("getsockopt", socket, option, result);
        int number = scratch.option();
        if (isLinger(spec)) {
            number = number == 0 ? -1 : scratch.lingerSeconds();
        } else if (isBuffer(spec)) {
            number /= 2;
        }
        Object value = option.type() == Boolean.class ? (Object) (number != 0) : (Object) number;
        return option.type().cast(value);
    }

    /** Whether closing could block after this option was set: close(2) waits even on a non-blocking socket. */
    static boolean lingers(SocketOption<?> option, Object value) {
        return option.name().equals("SO_LINGER") && ((Number) value).intValue() > 0;
    }

    private static boolean isLinger(Spec spec) {
        return spec.level == SOL_SOCKET && spec.name == LibcSocket.SO_LINGER;
    }

    private static Spec spec(StreamSocket socket, SocketOption<?> option) {
        Spec spec = KNOWN.get(option.name());
        if (spec == null || (spec.level != SOL_SOCKET && !socket.tcp)) {
            throw unsupported(socket, option);
        }
        return spec;
    }

    private static void check(String call, StreamSocket socket, SocketOption<?> option, int result)
            throws TransportException {
        if (result == -Errno.ENOPROTOOPT || result == -Errno.EOPNOTSUPP) {
            throw unsupported(socket, option);
        }
        if (result < 0) {
            throw new TransportException(call + " " + option.name(), -result);
        }
    }

    private static UnsupportedOperationException unsupported(StreamSocket socket, SocketOption<?> option) {
        return new UnsupportedOperationException("socket option " + option.name() + " is not supported by the "
                + socket.backend() + " backend for this socket");
    }
}

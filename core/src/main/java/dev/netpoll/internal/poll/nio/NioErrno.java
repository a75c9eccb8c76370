// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.nio;

import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NotYetConnectedException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.channels.UnsupportedAddressTypeException;
import java.util.Locale;
import java.util.Map;

/**
 * Derives error numbers from the JDK's exceptions. The JDK passes on only the error's text, which depends on the
 * platform and may be translated. If the text is unknown, the exception's class decides, then the operation.
 */
final class NioErrno {
    private static final Map<String, Integer> TEXTS = Map.ofEntries(
            Map.entry("connection reset", Errno.ECONNRESET),
            Map.entry("forcibly closed", Errno.ECONNRESET), // Windows
            Map.entry("broken pipe", Errno.EPIPE),
            Map.entry("bad address", Errno.EFAULT),
            Map.entry("connection refused", Errno.ECONNREFUSED),
            Map.entry("timed out", Errno.ETIMEDOUT),
            Map.entry("no route to host", Errno.EHOSTUNREACH),
            Map.entry("host is unreachable", Errno.EHOSTUNREACH),
            Map.entry("network is unreachable", Errno.ENETUNREACH),
            Map.entry("network is down", Errno.ENETDOWN),
            Map.entry("software caused connection abort", Errno.ECONNABORTED),
            Map.entry("connection was aborted", Errno.ECONNABORTED),
            Map.entry("address already in use", Errno.EADDRINUSE),
            Map.entry("assign requested address", Errno.EADDRNOTAVAIL),
            Map.entry("permission denied", Errno.EACCES),
            Map.entry("operation not permitted", Errno.EPERM),
            Map.entry("too many open files in system", Errno.ENFILE),
            Map.entry("too many open files", Errno.EMFILE),
            Map.entry("no buffer space", Errno.ENOBUFS),
            Map.entry("cannot allocate memory", Errno.ENOMEM),
            Map.entry("no such file", Errno.ENOENT),
            Map.entry("not a directory", Errno.ENOENT),
            Map.entry("path too long", Errno.ENAMETOOLONG),
            Map.entry("name too long", Errno.ENAMETOOLONG),
            Map.entry("protocol wrong type", Errno.EPROTOTYPE),
            Map.entry("resource temporarily unavailable", Errno.EAGAIN),
            Map.entry("invalid argument", Errno.EINVAL),
            Map.entry("not connected", Errno.ENOTCONN));

    private NioErrno() {}

    /**
     * {@return the error number for an exception of a channel}
     *
     * @param otherwise the usual failure of the operation
     */
    static int of(Exception thrown, int otherwise) {
        if (thrown instanceof TransportException known) {
            return known.errno();
        }
        String message = thrown.getMessage();
        if (thrown instanceof IOException && message != null) {
            String text = message.toLowerCase(Locale.ROOT);
            int best = 0;
            int number = 0;
            for (Map.Entry<String, Integer> entry : TEXTS.entrySet()) {
                if (entry.getKey().length() > best && text.contains(entry.getKey())) {
                    best = entry.getKey().length();
                    number = entry.getValue();
                }
            }
            if (number != 0) {
                return number;
            }
        }
        return switch (thrown) {
            case ClosedChannelException _ -> Errno.EBADF;
            case ConnectException _ -> Errno.ECONNREFUSED;
            case NoRouteToHostException _ -> Errno.EHOSTUNREACH;
            case BindException _ -> Errno.EADDRINUSE;
            case NotYetConnectedException _ -> Errno.ENOTCONN;
            case UnresolvedAddressException _ -> Errno.EINVAL;
            case UnsupportedAddressTypeException _ -> Errno.EAFNOSUPPORT;
            default -> otherwise;
        };
    }

    static TransportException wrap(String operation, Exception thrown, int otherwise) {
        TransportException wrapped = new TransportException(operation, of(thrown, otherwise));
        wrapped.initCause(thrown);
        return wrapped;
    }
}

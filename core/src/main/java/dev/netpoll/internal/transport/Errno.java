// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.transport;

import java.util.Map;

/**
 * Error numbers, with Linux's values on every platform. Backends that get exceptions instead translate them.
 *
 * @see <a href="https://man7.org/linux/man-pages/man3/errno.3.html">errno(3)</a>
 */
public final class Errno {
    public static final int EPERM = 1;
    public static final int ENOENT = 2;
    public static final int EINTR = 4;
    public static final int EIO = 5;
    public static final int EBADF = 9;
    public static final int EAGAIN = 11;
    public static final int ENOMEM = 12;
    public static final int EACCES = 13;
    public static final int EFAULT = 14;
    public static final int EBUSY = 16;
    public static final int ENODEV = 19;
    public static final int ENOTDIR = 20;
    public static final int EINVAL = 22;
    public static final int ENFILE = 23;
    public static final int EMFILE = 24;
    public static final int ENOSPC = 28;
    public static final int EROFS = 30;
    public static final int EPIPE = 32;
    public static final int ENAMETOOLONG = 36;
    public static final int ENOSYS = 38;
    public static final int ELOOP = 40;
    public static final int ETIME = 62;
    public static final int ENONET = 64;
    public static final int EPROTO = 71;
    public static final int EBADFD = 77;
    public static final int ENOTSOCK = 88;
    public static final int EDESTADDRREQ = 89;
    public static final int EMSGSIZE = 90;
    public static final int EPROTOTYPE = 91;
    public static final int ENOPROTOOPT = 92;
    public static final int EPROTONOSUPPORT = 93;
    public static final int EOPNOTSUPP = 95;
    public static final int EAFNOSUPPORT = 97;
    public static final int EADDRINUSE = 98;
    public static final int EADDRNOTAVAIL = 99;
    public static final int ENETDOWN = 100;
    public static final int ENETUNREACH = 101;
    public static final int ENETRESET = 102;
    public static final int ECONNABORTED = 103;
    public static final int ECONNRESET = 104;
    public static final int ENOBUFS = 105;
    public static final int EISCONN = 106;
    public static final int ENOTCONN = 107;
    public static final int ESHUTDOWN = 108;
    public static final int ETIMEDOUT = 110;
    public static final int ECONNREFUSED = 111;
    public static final int EHOSTDOWN = 112;
    public static final int EHOSTUNREACH = 113;
    public static final int EALREADY = 114;
    public static final int EINPROGRESS = 115;
    public static final int ECANCELED = 125;

    private static final Map<Integer, String[]> NAMES = Map.ofEntries(
            entry(EPERM, "EPERM", "operation not permitted"),
            entry(ENOENT, "ENOENT", "no such file or directory"),
            entry(EINTR, "EINTR", "interrupted system call"),
            entry(EIO, "EIO", "input/output error"),
            entry(EBADF, "EBADF", "the socket is closed"),
            entry(EAGAIN, "EAGAIN", "resource temporarily unavailable"),
            entry(ENOMEM, "ENOMEM", "out of memory"),
            entry(EACCES, "EACCES", "permission denied"),
            entry(EFAULT, "EFAULT", "bad address"),
            entry(EBUSY, "EBUSY", "device or resource busy"),
            entry(ENODEV, "ENODEV", "no such device"),
            entry(ENOTDIR, "ENOTDIR", "not a directory"),
            entry(EINVAL, "EINVAL", "invalid argument"),
            entry(ENFILE, "ENFILE", "too many open files in the system"),
            entry(EMFILE, "EMFILE", "too many open files in this process"),
            entry(ENOSPC, "ENOSPC", "no space left on device"),
            entry(EROFS, "EROFS", "read-only file system"),
            entry(EPIPE, "EPIPE", "broken pipe"),
            entry(ENAMETOOLONG, "ENAMETOOLONG", "name too long"),
            entry(ENOSYS, "ENOSYS", "the kernel has no such system call"),
            entry(ELOOP, "ELOOP", "too many symbolic links"),
            entry(ETIME, "ETIME", "timer expired"),
            entry(ENONET, "ENONET", "machine is not on the network"),
            entry(EPROTO, "EPROTO", "protocol error"),
            entry(EBADFD, "EBADFD", "descriptor in bad state"),
            entry(ENOTSOCK, "ENOTSOCK", "not a socket"),
            entry(EDESTADDRREQ, "EDESTADDRREQ", "destination address required"),
            entry(EMSGSIZE, "EMSGSIZE", "message too long"),
            entry(EPROTOTYPE, "EPROTOTYPE", "wrong protocol type for socket"),
            entry(ENOPROTOOPT, "ENOPROTOOPT", "protocol option not available"),
            entry(EPROTONOSUPPORT, "EPROTONOSUPPORT", "protocol not supported"),
            entry(EOPNOTSUPP, "EOPNOTSUPP", "operation not supported"),
            entry(EAFNOSUPPORT, "EAFNOSUPPORT", "address family not supported"),
            entry(EADDRINUSE, "EADDRINUSE", "address already in use"),
            entry(EADDRNOTAVAIL, "EADDRNOTAVAIL", "address not available"),
            entry(ENETDOWN, "ENETDOWN", "network is down"),
            entry(ENETUNREACH, "ENETUNREACH", "network is unreachable"),
            entry(ENETRESET, "ENETRESET", "connection aborted by network"),
            entry(ECONNABORTED, "ECONNABORTED", "connection aborted"),
            entry(ECONNRESET, "ECONNRESET", "connection reset by peer"),
            entry(ENOBUFS, "ENOBUFS", "no buffer space available"),
            entry(EISCONN, "EISCONN", "already connected"),
            entry(ENOTCONN, "ENOTCONN", "not connected"),
            entry(ESHUTDOWN, "ESHUTDOWN", "sending after a shutdown"),
            entry(ETIMEDOUT, "ETIMEDOUT", "connection timed out"),
            entry(ECONNREFUSED, "ECONNREFUSED", "connection refused"),
            entry(EHOSTDOWN, "EHOSTDOWN", "host is down"),
            entry(EHOSTUNREACH, "EHOSTUNREACH", "no route to host"),
            entry(EALREADY, "EALREADY", "operation already in progress"),
            entry(EINPROGRESS, "EINPROGRESS", "operation in progress"),
            entry(ECANCELED, "ECANCELED", "operation canceled"));

    private Errno() {}

    /** {@return whether it says that memory or descriptors are short, which may be over in a moment} */
    public static boolean isShortage(int errno) {
        return switch (errno) {
            case ENOMEM, ENOBUFS, EMFILE, ENFILE -> true;
            default -> false;
        };
    }

    /** {@return the constant's name, such as {@code ECONNRESET}; {@code errno 1234} for one not listed here} */
    public static String name(int errno) {
        String[] found = NAMES.get(errno);
        return found == null ? "errno " + errno : found[0];
    }

    /** {@return the name and its meaning, such as {@code ECONNRESET (connection reset by peer)}} */
    public static String describe(int errno) {
        String[] found = NAMES.get(errno);
        return found == null ? "errno " + errno : found[0] + " (" + found[1] + ")";
    }

    private static Map.Entry<Integer, String[]> entry(int errno, String name, String meaning) {
        return Map.entry(errno, new String[] {name, meaning});
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.netpoll.internal.base.Classes;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/** {@code <sys/socket.h>}, with the constants of {@code <netinet/in.h>} and {@code <netinet/tcp.h>} for Linux. */
public final class LibcSocket {
    public static final int AF_UNIX = 1;
    public static final int AF_INET = 2;
    public static final int AF_INET6 = 10;

    public static final int MSG_PEEK = 0x2;
    public static final int MSG_DONTWAIT = 0x40;
    public static final int MSG_NOSIGNAL = 0x4000;
    public static final int MSG_MORE = 0x8000;

    /** Others may have a descriptor of the same socket, and make it blocking: these calls never wait all the same. */
    private static final int SENDING = MSG_NOSIGNAL | MSG_DONTWAIT;

    public static final int SHUT_WR = 1;
    public static final int SHUT_RDWR = 2;

    public static final int SOL_SOCKET = 1;
    public static final int SO_REUSEADDR = 2;
    public static final int SO_TYPE = 3;
    public static final int SO_ERROR = 4;
    public static final int SO_SNDBUF = 7;
    public static final int SO_RCVBUF = 8;
    public static final int SO_KEEPALIVE = 9;
    public static final int SO_LINGER = 13;
    public static final int SO_REUSEPORT = 15;
    public static final int SO_PEERNAME = 28;
    public static final int SO_ACCEPTCONN = 30;

    public static final int IPPROTO_IP = 0;
    public static final int IP_TOS = 1;

    public static final int IPPROTO_TCP = 6;
    public static final int TCP_NODELAY = 1;
    public static final int TCP_KEEPIDLE = 4;
    public static final int TCP_KEEPINTVL = 5;
    public static final int TCP_KEEPCNT = 6;
    public static final int TCP_INFO = 11;
    public static final int TCP_QUICKACK = 12;
    public static final int TCP_USER_TIMEOUT = 18;
    public static final int TCP_NOTSENT_LOWAT = 25;

    public static final int IPPROTO_IPV6 = 41;
    public static final int IPV6_V6ONLY = 26;
    public static final int IPV6_TCLASS = 67;

    /** The type of stream sockets, as {@link #SO_TYPE} reports it. */
    public static final int SOCK_STREAM = 1;

    public static final int SOCK_NONBLOCK = 0x800;
    public static final int SOCK_CLOEXEC = 0x80000;

    private static final int ENOTCONN = 107;

    /** An address of the family AF_UNSPEC. */
    private static final byte[] UNSPECIFIED = new byte[16];

    private static final MethodHandle SOCKET = Downcalls.link("socket");
    private static final MethodHandle BIND = Downcalls.link("bind");
    private static final MethodHandle CONNECT = Downcalls.link("connect");
    private static final MethodHandle LISTEN = Downcalls.link("listen");
    private static final MethodHandle ACCEPT4 = Downcalls.link("accept4");
    private static final MethodHandle GETSOCKNAME = Downcalls.link("getsockname");
    private static final MethodHandle GETPEERNAME = Downcalls.link("getpeername");
    private static final MethodHandle SHUTDOWN = Downcalls.link("shutdown");
    private static final MethodHandle SETSOCKOPT = Downcalls.link("setsockopt");
    private static final MethodHandle GETSOCKOPT = Downcalls.link("getsockopt");

    /** Linked on first use: few programs send from their own memory. */
    private static final class SegmentSend {
        static final MethodHandle HANDLE =
                Downcalls.link("send", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
    }

    static {
        Classes.initialize(MethodHandles.lookup(), Syscall.class); // now, rather than during the first request
    }

    private LibcSocket() {}

    /** Opens a stream socket, non-blocking and closed on exec. */
    public static int socket(Scratch scratch, int family) {
        // SAFETY: plain ints.
        return Downcalls.call(SOCKET, scratch, family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    }

    /** Binds to an address made by {@link SockAddr#encode}. */
    public static int bind(Scratch scratch, int fd, byte[] address) {
        scratch.socketAddress(address);
        // SAFETY: the address lies in the scratch, which the errno argument keeps alive during the call.
        return Downcalls.call(BIND, scratch, fd, scratch.socketAddressAddress(), address.length);
    }

    /** Connects to an address made by {@link SockAddr#encode}. */
    public static int connect(Scratch scratch, int fd, byte[] address) {
        scratch.socketAddress(address);
        // SAFETY: the address lies in the scratch, which the errno argument keeps alive during the call.
        return Downcalls.call(CONNECT, scratch, fd, scratch.socketAddressAddress(), address.length);
    }

    /** Resets a TCP connection at once, even while other threads use the descriptor. */
    public static int reset(Scratch scratch, int fd) {
        return connect(scratch, fd, UNSPECIFIED);
    }

    /** Listens. */
    public static int listen(Scratch scratch, int fd, int backlog) {
        // SAFETY: plain ints.
        return Downcalls.call(LISTEN, scratch, fd, backlog);
    }

    /** Accepts; non-blocking, closed on exec. The peer's address is left in the scratch. */
    public static int accept(Scratch scratch, int fd) {
        scratch.length(SockAddr.MAX_SIZE);
        // SAFETY: the kernel writes at most MAX_SIZE bytes of address, into the scratch.
        return Downcalls.call(
                ACCEPT4,
                scratch,
                fd,
                scratch.socketAddressAddress(),
                scratch.lengthAddress(),
                SOCK_NONBLOCK | SOCK_CLOEXEC);
    }

    /** Leaves the socket's own address in the scratch. */
    public static int getsockname(Scratch scratch, int fd) {
        scratch.length(SockAddr.MAX_SIZE);
        // SAFETY: the kernel writes at most MAX_SIZE bytes of address, into the scratch.
        return Downcalls.call(GETSOCKNAME, scratch, fd, scratch.socketAddressAddress(), scratch.lengthAddress());
    }

    /** Leaves the peer's address in the scratch. */
    public static int getpeername(Scratch scratch, int fd) {
        scratch.length(SockAddr.MAX_SIZE);
        // SAFETY: the kernel writes at most MAX_SIZE bytes of address, into the scratch.
        return Downcalls.call(GETPEERNAME, scratch, fd, scratch.socketAddressAddress(), scratch.lengthAddress());
    }

    /**
     * Leaves the peer's address in the scratch, as accept(2) would. Works even for an accepted socket that has been
     * reset since, for which getpeername(2) only reports that it is not connected.
     */
    public static int acceptedName(Scratch scratch, int fd) {
        int result = getpeername(scratch, fd);
        if (result != -ENOTCONN || getsockname(scratch, fd) < 0) {
            return result;
        }
        // The kernel requires the exact size of the address, which equals that of the local one.
        // SAFETY: the kernel writes at most as many bytes of address as it has written before, into the scratch.
        return Downcalls.call(
                GETSOCKOPT,
                scratch,
                fd,
                SOL_SOCKET,
                SO_PEERNAME,
                scratch.socketAddressAddress(),
                scratch.lengthAddress());
    }

    /** Receives into memory that the caller keeps alive. Never waits. */
    public static long recv(Scratch scratch, int fd, long address, long length, int flags) {
        // SAFETY: the caller owns length bytes at address and does not give them up before this returns.
        return Syscall.call(scratch, Syscall.RECVFROM, fd, address, length, flags | MSG_DONTWAIT, 0, 0);
    }

    /** Checks whether {@link #recv} would find bytes, and leaves them there. */
    public static long peek(Scratch scratch, int fd) {
        return recv(scratch, fd, scratch.optionAddress(), 1, MSG_PEEK);
    }

    /** Sends from memory that the caller keeps alive. Never waits, and never raises SIGPIPE. */
    public static long send(Scratch scratch, int fd, long address, long length, int flags) {
        // SAFETY: the caller owns length bytes at address and does not give them up before this returns.
        return Syscall.call(scratch, Syscall.SENDTO, fd, address, length, flags | SENDING, 0, 0);
    }

    /**
     * Sends from memory that another thread may free meanwhile.
     *
     * @throws IllegalStateException if the segment's arena is closed
     */
    public static long send(Scratch scratch, int fd, MemorySegment bytes, int flags) {
        try {
            // SAFETY: an address parameter makes the linker acquire the segment's arena, so that it cannot be closed
            // before the call returns; if it is closed already, nothing is called.
            return scratch.result(
                    (long) SegmentSend.HANDLE.invokeExact(scratch.errno, fd, bytes, bytes.byteSize(), flags | SENDING));
        } catch (Throwable t) {
            throw Downcalls.failure(t);
        }
    }

    /** Sends the first {@code parts} parts of the scratch's I/O vector, from memory that the caller keeps alive. */
    public static long sendmsg(Scratch scratch, int fd, int parts, int flags) {
        scratch.messageParts(parts);
        // SAFETY: header and vector lie in the scratch; the caller owns what the vector points to.
        return Syscall.call(scratch, Syscall.SENDMSG, fd, scratch.messageAddress(), flags | SENDING, 0, 0, 0);
    }

    /** Shuts down. */
    public static int shutdown(Scratch scratch, int fd, int how) {
        // SAFETY: plain ints.
        return Downcalls.call(SHUTDOWN, scratch, fd, how);
    }

    /** Sets an option of type int. */
    public static int setsockopt(Scratch scratch, int fd, int level, int name, int value) {
        scratch.option(value, 0);
        return setsockopt(scratch, fd, level, name, scratch.optionAddress(), Integer.BYTES);
    }

    /** Sets SO_LINGER; a negative number of seconds switches it off. */
    public static int setLinger(Scratch scratch, int fd, int seconds) {
        scratch.option(seconds < 0 ? 0 : 1, Math.max(seconds, 0));
        return setsockopt(scratch, fd, SOL_SOCKET, SO_LINGER, scratch.optionAddress(), 2 * Integer.BYTES);
    }

    private static int setsockopt(Scratch scratch, int fd, int level, int name, long value, int length) {
        // SAFETY: the value lies in the scratch, with at least length bytes.
        return Downcalls.call(SETSOCKOPT, scratch, fd, level, name, value, length);
    }

    /** Leaves an option of up to 8 bytes in the scratch: {@link Scratch#option()}. */
    public static int getsockopt(Scratch scratch, int fd, int level, int name) {
        scratch.option(0, 0);
        scratch.length(2 * Integer.BYTES);
        // SAFETY: the kernel writes at most the 8 bytes that the length says, into the scratch.
        return Downcalls.call(GETSOCKOPT, scratch, fd, level, name, scratch.optionAddress(), scratch.lengthAddress());
    }

    /** {@return the socket's pending error, positive or 0, or the error of reading it} Clears it. */
    public static int pendingError(Scratch scratch, int fd) {
        int result = getsockopt(scratch, fd, SOL_SOCKET, SO_ERROR);
        return result < 0 ? -result : scratch.option();
    }
}

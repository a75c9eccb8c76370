// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.UnixPaths;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import org.jspecify.annotations.Nullable;

/** The listening socket shared by the epoll and io_uring backends, which accept in different ways. */
public abstract class BoundSocket extends Pollable implements ListenSocket {
    protected final boolean tcp;

    private final SocketAddress address;

    /** Identifies the file that binding created, or null. */
    private final @Nullable Object pathKey;

    protected BoundSocket(Bound bound) {
        super(bound.fd());
        this.address = bound.address();
        this.tcp = !(address instanceof UnixDomainSocketAddress);
        this.pathKey = bound.pathKey();
    }

    @Override
    public final SocketAddress localAddress() {
        return address;
    }

    /** Whether an error only concerns one pending connection: the errors after which accept(2) says to retry. */
    protected static boolean concernsOneConnection(int errno) {
        return switch (errno) {
            case Errno.EINTR,
                    Errno.ECONNABORTED,
                    Errno.EPERM,
                    Errno.EPROTO,
                    Errno.ENOPROTOOPT,
                    Errno.EOPNOTSUPP,
                    Errno.ENETDOWN,
                    Errno.ENETUNREACH,
                    Errno.ENONET,
                    Errno.EHOSTDOWN,
                    Errno.EHOSTUNREACH,
                    Errno.ETIMEDOUT -> true;
            default -> false;
        };
    }

    /** Removes the path of a Unix socket that binding created, and closes, whatever fails. <i>Once.</i> */
    protected final void closeDescriptor() {
        try {
            // Remove the path first: while this socket listens, nobody can have bound it anew.
            if (address instanceof UnixDomainSocketAddress unix) {
                UnixPaths.deleteIfSame(unix.getPath(), pathKey);
            }
        } finally {
            Scratch borrowed = Scratch.take();
            close(borrowed);
            borrowed.giveBack();
        }
    }
}

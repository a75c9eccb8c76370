// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.poll.posix.ZeroCopySender;
import dev.netpoll.internal.transport.Errno;

/**
 * What one socket sends without copying. It ends for good when the kernel says that it had to copy: then pinning the
 * memory and waiting for it were for nothing.
 */
final class ZeroCopy implements ZeroCopySender {
    private final int threshold;
    private final SendingSocket transport;
    private volatile boolean isUseless;

    ZeroCopy(int threshold, SendingSocket transport) {
        this.threshold = threshold;
        this.transport = transport;
    }

    int threshold() {
        return threshold;
    }

    @Override
    public boolean takes(Segment piece) {
        return piece.block != null && piece.length() >= threshold && !isUseless && transport.hasPoller();
    }

    @Override
    public long send(Scratch scratch, int fd, Segment piece, int flags) {
        long result = transport.zeroCopyRing().send(scratch, fd, piece, flags, this);
        // What the kernel can't do in this way, for want of memory or because too much is under way, it does in the
        // other.
        boolean refused = result == -Errno.ENOMEM || result == -Errno.ENOBUFS || result == -Errno.EOPNOTSUPP;
        return refused ? LibcSocket.send(scratch, fd, piece.address(), piece.length(), flags) : result;
    }

    /** The kernel copied what was sent. */
    void copied() {
        isUseless = true;
    }
}

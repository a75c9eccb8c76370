// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.poll.posix.ZeroCopySender;
import dev.netpoll.internal.transport.Errno;

/**
 * Sends without copying for one socket. It stops for good when the kernel reports a copy: then pinning the memory and
 * waiting for it gain nothing.
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
        // If the kernel lacks memory for this, or too much is under way, send with a copy.
        boolean refused = result == -Errno.ENOMEM || result == -Errno.ENOBUFS || result == -Errno.EOPNOTSUPP;
        return refused ? LibcSocket.send(scratch, fd, piece.address(), piece.length(), flags) : result;
    }

    /** The kernel copied the bytes. */
    void copied() {
        isUseless = true;
    }
}

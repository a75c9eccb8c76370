// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import org.jspecify.annotations.Nullable;

/** A descriptor of a stream socket, from which the backend creates its transport. */
public final class Opened {
    /** The descriptor. The receiver must close it. */
    public final int fd;

    /** Whether it is a TCP socket, and not a Unix socket. */
    public final boolean tcp;

    /** The encoded address it is connected to, or null. */
    public final byte @Nullable [] remote;

    Opened(int fd, boolean tcp, byte @Nullable [] remote) {
        this.fd = fd;
        this.tcp = tcp;
        this.remote = remote;
    }
}

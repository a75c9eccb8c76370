// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.epoll;

import dev.netpoll.internal.ffi.GuardedFd;

/** A descriptor that may have a slot in a poller. */
abstract class Pollable extends GuardedFd {
    /** The place in the poller's {@link Slots}, or -1. Loop only. */
    int slot = -1;

    Pollable(int fd) {
        super(fd);
    }

    /** <i>Loop.</i> Takes note of a set of {@code EPOLL...} bits. */
    abstract void ready(int events);
}

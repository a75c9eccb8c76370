// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import dev.netpoll.internal.ffi.GuardedFd;

/** A descriptor that may have a slot in a poller. */
public abstract class Pollable extends GuardedFd {
    /** The index in the poller's {@link Slots}, or -1. Loop only. */
    int slot = -1;

    protected Pollable(int fd) {
        super(fd);
    }

    /** {@return whether it has a slot} <i>Loop.</i> */
    public final boolean isRegistered() {
        return slot >= 0;
    }
}

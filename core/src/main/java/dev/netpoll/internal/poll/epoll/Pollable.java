// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.epoll;

/** Something with a slot in a poller. Loop only. */
abstract class Pollable {
    /** The place in the poller's {@link Slots}, or -1. */
    int slot = -1;

    /** Takes note of a set of {@code EPOLL...} bits. */
    abstract void ready(int events);
}

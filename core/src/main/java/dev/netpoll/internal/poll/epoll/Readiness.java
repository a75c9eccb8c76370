// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.epoll;

/** Receives the events of a descriptor from its {@link EpollPoller}. */
interface Readiness {
    /** <i>Loop.</i> Handles a set of {@code EPOLL...} bits. */
    void ready(int events);

    /** <i>Loop.</i> {@link #ready} threw this: the descriptor must fail, without harm to others. Must not throw. */
    void crashed(Throwable thrown);
}

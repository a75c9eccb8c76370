// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.epoll;

/** What an {@link EpollPoller} tells about its descriptor. */
interface Readiness {
    /** <i>Loop.</i> Takes note of a set of {@code EPOLL...} bits. */
    void ready(int events);

    /** <i>Loop.</i> {@link #ready} threw this: it has to fail, alone. Must not throw. */
    void crashed(Throwable thrown);
}

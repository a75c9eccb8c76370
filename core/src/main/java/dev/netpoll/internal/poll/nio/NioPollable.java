// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.nio;

/** The attachment of a selection key. Loop only. */
interface NioPollable {
    /** Handles a set of {@code SelectionKey.OP_...} bits. */
    void ready(int operations);

    /** {@link #ready} threw this: the channel must fail, without harm to others. Must not throw. */
    void crashed(Throwable thrown);
}

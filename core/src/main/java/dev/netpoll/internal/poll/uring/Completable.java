// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import dev.netpoll.internal.memory.Segment;

/** A socket with operations in a ring. Loop only. */
interface Completable {
    /**
     * Takes note of a completion.
     *
     * @param kind one of {@link Operation}
     * @param result what the system call would have returned, with an error number negated
     * @param flags a set of {@code IORING_CQE_F_...}
     */
    void completed(int kind, int result, int flags);

    /** Takes over what was received; <i>instead of</i> {@link #completed} where that was something. */
    void received(int kind, Segment segment, int flags);

    /** One of the others threw this: it has to fail, alone. Must not throw. */
    void crashed(Throwable thrown);

    /** A completion of this kind will be delivered soon. */
    void arrived(int kind);

    /**
     * The ring is gone, and with it all that was under way; it goes on in a new one. What is still to be delivered
     * stays so.
     */
    void moved();
}

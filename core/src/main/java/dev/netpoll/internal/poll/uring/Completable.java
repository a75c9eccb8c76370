// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import dev.netpoll.internal.memory.Segment;

/** A socket with operations in a ring. Loop only. */
interface Completable {
    /**
     * Handles a completion.
     *
     * @param kind one of {@link Operation}
     * @param result what the system call would have returned, with an error number negated
     * @param flags a set of {@code IORING_CQE_F_...}
     */
    void completed(int kind, int result, int flags);

    /** Takes over received bytes; called <i>instead of</i> {@link #completed} if there are any. */
    void received(int kind, Segment segment, int flags);

    /** Another method threw this: the socket must fail, without harm to others. Must not throw. */
    void crashed(Throwable thrown);

    /** A completion of this kind will be delivered soon. */
    void arrived(int kind);

    /**
     * The ring is gone with all operations under way: begins them again in the new ring. Completions not delivered yet
     * are still delivered.
     */
    void moved();
}

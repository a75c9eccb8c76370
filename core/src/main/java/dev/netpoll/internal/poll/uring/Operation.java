// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

/**
 * The {@code user_data} of a submission, which its completion returns: the kind of operation in the highest four bits,
 * a token of {@link dev.netpoll.internal.poll.posix.Slots} in the others.
 */
final class Operation {
    /** A multishot receive into the buffers for requests. */
    static final int RECEIVE = 1;

    /** A multishot receive into the buffers for bulk. */
    static final int RECEIVE_BULK = 2;

    static final int SEND = 3;

    /** Waits until the socket takes bytes, or is connected. */
    static final int WRITABLE = 4;

    /** Waits until the peer is gone. */
    static final int HANG_UP = 5;

    /** A multishot accept. */
    static final int ACCEPT = 6;

    /** Cancels other operations; nobody waits for its result. */
    static final int CANCEL = 7;

    /** Ends a wait. */
    static final int WAKE = 8;

    /** Waits until the kernel releases memory that was sent without copying. */
    static final int ZERO_COPY = 9;

    private static final int KIND_SHIFT = 60;

    private Operation() {}

    static long of(int kind, long token) {
        return (long) kind << KIND_SHIFT | token;
    }

    static int kind(long operation) {
        return (int) (operation >>> KIND_SHIFT);
    }

    static boolean receives(int kind) {
        return kind == RECEIVE || kind == RECEIVE_BULK;
    }
}

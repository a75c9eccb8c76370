// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import dev.netpoll.internal.ffi.GuardedFd;
import dev.netpoll.internal.ffi.IoUring;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.poll.posix.Wakeup;
import dev.netpoll.internal.transport.TransportException;

/**
 * Ends the wait of a ring's thread: another thread posts a completion, if the kernel lets any thread do that.
 *
 * <p>Posting may fail: a ring rejects messages before it is enabled, the kernel may lack memory, or the ring was closed
 * and there is no other yet. Then, and always on kernels where only rings can post, the waker writes an eventfd, which
 * every ring polls from its start. Nobody ever reads it: a ring that starts to poll after a write is woken at once, so
 * that no wake-up is lost.
 */
final class Waker {
    private static final long MESSAGE = Operation.of(Operation.WAKE, 0);
    private static final long EVENTFD = Operation.of(Operation.WAKE, 1);

    private final boolean posts;
    private final Wakeup eventfd;

    Waker(Features features, Scratch scratch) throws TransportException {
        posts = features.messages();
        eventfd = new Wakeup(scratch);
    }

    /** Polls the eventfd with the poller's new, enabled ring. Every write makes a completion. <i>Loop.</i> */
    void attach(MovableRing poller) {
        poller.submissions.poll(eventfd.fd(), IoUring.IORING_POLL_ADD_MULTI, IoUring.POLLIN, EVENTFD);
    }

    /** A wake-up has arrived. <i>Loop.</i> */
    void woken(MovableRing poller, long operation, int flags) {
        if (operation == EVENTFD && (flags & IoUring.IORING_CQE_F_MORE) == 0) {
            attach(poller);
        }
    }

    /** Ends the running or the next wait. Any thread. */
    void wake(GuardedFd ring) {
        if (!posts || !post(ring)) {
            eventfd.signal();
        }
    }

    private static boolean post(GuardedFd ring) {
        try {
            Scratch scratch = ring.enter();
            if (scratch == null) {
                return false;
            }
            try {
                return IoUring.sendMessage(scratch, ring.fd(), MESSAGE) >= 0;
            } finally {
                ring.exit(scratch);
            }
        } catch (OutOfMemoryError | StackOverflowError e) {
            return false;
        }
    }

    /** <i>Loop.</i> */
    void close(Scratch scratch) {
        eventfd.close(scratch);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import dev.netpoll.internal.ffi.GuardedFd;
import dev.netpoll.internal.ffi.IoUring;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.poll.Errno;
import dev.netpoll.internal.poll.TransportException;
import dev.netpoll.internal.poll.socket.Wakeup;
import org.jspecify.annotations.Nullable;

/**
 * Ends the wait of a ring's thread: with a completion that another thread posts, or an eventfd on kernels where only
 * rings can do that.
 *
 * <p>A ring takes no message before it is enabled. So who fails to post one says that it is {@link #due}, then tries
 * again; the owner enables the ring, then looks whether a message is due. One of them sees the other.
 */
final class Waker {
    private static final long MESSAGE = Operation.of(Operation.WAKE, 0);

    private final @Nullable Wakeup eventfd;
    private volatile boolean due;
    private volatile boolean closed;

    Waker(Features features, Scratch scratch) throws TransportException {
        eventfd = features.messages() ? null : new Wakeup(scratch);
    }

    /** The poller has a new ring, which is enabled. <i>Loop.</i> */
    void attach(UringPoller poller) {
        Wakeup wakeup = eventfd;
        if (wakeup != null) {
            watch(poller, wakeup);
        } else if (due) {
            due = false;
            poller.submissions.add(IoUring.IORING_OP_NOP, 0, 0, -1, 0, 0, 0, MESSAGE);
        }
    }

    /** Every write is a completion, also while the eventfd is readable already; so nobody needs to read it. */
    private static void watch(UringPoller poller, Wakeup wakeup) {
        poller.submissions.poll(wakeup.fd(), IoUring.IORING_POLL_ADD_MULTI, IoUring.POLLIN, MESSAGE);
    }

    /** A message has arrived. <i>Loop.</i> */
    void woken(UringPoller poller, int flags) {
        Wakeup wakeup = eventfd;
        if (wakeup != null && (flags & IoUring.IORING_CQE_F_MORE) == 0) {
            watch(poller, wakeup);
        }
    }

    /** Ends the running or the next wait. Any thread. */
    void wake(UringPoller poller) {
        Wakeup wakeup = eventfd;
        if (wakeup != null) {
            wakeup.signal();
            return;
        }
        Scratch borrowed = Scratch.take();
        int result = post(poller, borrowed);
        if (result == -Errno.EBADFD) {
            due = true;
            post(poller, borrowed);
        }
        borrowed.giveBack();
    }

    private int post(UringPoller poller, Scratch borrowed) {
        Ring before = null;
        while (!closed) {
            Ring ring = poller.ring();
            GuardedFd fd = ring.descriptor();
            if (fd.enter()) {
                int result = IoUring.sendMessage(borrowed, fd.fd(), MESSAGE);
                fd.exit(borrowed);
                return result;
            }
            if (ring == before) {
                return 0; // the poller will have another one, and then look whether it is due
            }
            due = true;
            before = ring;
        }
        return 0;
    }

    /** <i>Loop.</i> Before the ring. */
    void close(Scratch scratch) {
        closed = true;
        if (eventfd != null) {
            eventfd.close(scratch);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import dev.netpoll.internal.ffi.IoUring;
import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.ffi.LibcUnistd;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.poll.posix.Bound;
import dev.netpoll.internal.poll.posix.BoundSocket;
import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.Crash;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.TransportException;
import java.util.LinkedList;
import org.jspecify.annotations.Nullable;

/**
 * A listening socket with a multishot accept. Connections that the kernel accepts before it learns of a pause wait
 * until the pause ends.
 */
final class UringListenSocket extends BoundSocket implements Completable {
    private @Nullable UringPoller poller;
    private @Nullable AcceptEvents events;
    private long token;
    private boolean paused;

    /** Whether the receiver has one at this moment. */
    private boolean delivering;

    private boolean accepting;
    private boolean cancelled;
    private boolean closed;

    /** Connections accepted during a pause. This list stays intact if there is no memory for another entry. */
    @SuppressWarnings("JdkObsolete")
    private final LinkedList<UringTransport> early = new LinkedList<>();

    UringListenSocket(Bound bound) {
        super(bound);
    }

    void listen(UringPoller target, AcceptEvents receiver) throws TransportException {
        if (closed) {
            throw new TransportException("listen", Errno.EBADF);
        }
        // On a non-blocking socket, some kernels fail instead of waiting for connections.
        int result = LibcUnistd.setBlocking(target.scratch(), fd());
        if (result < 0) {
            throw new TransportException("fcntl", -result);
        }
        events = receiver;
        poller = target;
        token = target.add(this);
        accept();
    }

    private void accept() {
        UringPoller owner = poller;
        if (owner != null && !paused && !closed && !accepting) {
            owner.submissions.add(
                    IoUring.IORING_OP_ACCEPT,
                    0,
                    IoUring.IORING_ACCEPT_MULTISHOT,
                    fd(),
                    0,
                    0,
                    LibcSocket.SOCK_NONBLOCK | LibcSocket.SOCK_CLOEXEC,
                    Operation.of(Operation.ACCEPT, token));
            accepting = true; // last: an accept that was not added is retried
        }
    }

    @Override
    public void arrived(int kind) {}

    @Override
    public void received(int kind, Segment segment, int flags) {
        throw new IllegalStateException("bytes on the listening socket " + localAddress());
    }

    @Override
    public void completed(int kind, int result, int flags) {
        if ((flags & IoUring.IORING_CQE_F_MORE) == 0) {
            accepting = false;
            cancelled = false;
        }
        AcceptEvents receiver = events;
        UringPoller owner = poller;
        if (receiver == null || owner == null) {
            return;
        }
        if (result >= 0) {
            accepted(receiver, owner.scratch(), result);
            deliverEarly(receiver);
        } else if (result != -Errno.ECANCELED && result != -Errno.EAGAIN && !concernsOneConnection(-result)) {
            receiver.acceptFailed(-result);
        }
        accept();
    }

    private void accepted(AcceptEvents receiver, Scratch scratch, int fd) {
        UringTransport transport;
        try {
            // Works even if the peer has reset it: bytes that it sent before are delivered.
            int known = LibcSocket.acceptedName(scratch, fd);
            // TCP_NODELAY was set on the listening socket and is inherited.
            transport = new UringTransport(fd, tcp, known < 0 ? null : scratch.socketAddress());
            if (paused) {
                early.add(transport);
                return;
            }
        } catch (Throwable t) {
            LibcUnistd.close(scratch, fd);
            throw t;
        }
        deliver(receiver, transport);
    }

    private void deliver(AcceptEvents receiver, UringTransport transport) {
        delivering = true;
        try {
            receiver.accepted(transport);
        } finally {
            delivering = false;
        }
    }

    /** One after the other: a receiver that resumes in the middle of one gets the next when it has returned. */
    private void deliverEarly(AcceptEvents receiver) {
        while (!delivering && !paused && !closed && !early.isEmpty()) {
            deliver(receiver, early.remove());
        }
    }

    /** Reports the failure, so that the receiver retries after a while; the queue keeps the other connections. */
    @Override
    public void crashed(Throwable thrown) {
        AcceptEvents receiver = events;
        try {
            if (receiver != null && !closed) {
                receiver.acceptFailed(Crash.errno(thrown));
                accept();
            }
        } catch (Throwable again) {
            // The next connection that can't be accepted is reported again.
        }
        Crash.log("listening socket of the " + UringMechanism.NAME + " backend", thrown);
    }

    @Override
    public void moved() {
        accepting = false;
        cancelled = false;
        accept();
    }

    @Override
    public void pause() {
        paused = true;
        UringPoller owner = poller;
        if (owner != null && accepting && !cancelled && !closed) {
            cancelled = true;
            owner.submissions.cancel(Operation.of(Operation.ACCEPT, token));
        }
    }

    @Override
    public void resume() {
        paused = false;
        AcceptEvents receiver = events;
        if (receiver != null) {
            deliverEarly(receiver);
        }
        accept();
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            while (!early.isEmpty()) {
                early.remove().close(false);
            }
            UringPoller owner = poller;
            if (owner != null) {
                owner.submissions.cancelAll(fd());
                owner.finish();
                if (owner.submissions.withdrawAll(fd())) { // I3 of Ring
                    owner.submissions.cancel(Operation.of(Operation.ACCEPT, token));
                }
                owner.remove(this);
            }
        } finally {
            closeDescriptor();
        }
    }
}

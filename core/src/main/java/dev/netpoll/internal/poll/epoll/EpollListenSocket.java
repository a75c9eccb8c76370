// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.epoll;

import dev.netpoll.internal.ffi.LibcEpoll;
import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.ffi.LibcUnistd;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.poll.posix.Bound;
import dev.netpoll.internal.poll.posix.BoundSocket;
import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.Crash;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.TransportException;
import org.jspecify.annotations.Nullable;

/** A listening socket. Level-triggered, so the next turn finds what one turn leaves in the queue. */
final class EpollListenSocket extends BoundSocket implements Readiness {
    /** The most connections per turn, so that other sockets of the loop get their share. */
    private static final int MAX_ACCEPTS = 64;

    private @Nullable EpollPoller poller;
    private @Nullable AcceptEvents events;
    private boolean paused;
    private boolean closed;

    EpollListenSocket(Bound bound) {
        super(bound);
    }

    void listen(EpollPoller target, AcceptEvents receiver) throws TransportException {
        if (closed) {
            throw new TransportException("listen", Errno.EBADF);
        }
        events = receiver;
        poller = target;
        if (!paused) {
            int added = target.add(this, LibcEpoll.EPOLLIN);
            if (added < 0) {
                throw new TransportException("epoll_ctl", -added);
            }
        }
    }

    @Override
    public void ready(int bits) {
        AcceptEvents receiver = events;
        EpollPoller owner = poller;
        if (receiver == null || owner == null) {
            return;
        }
        for (int i = 0; i < MAX_ACCEPTS && !closed && !paused; i++) {
            int accepted = LibcSocket.accept(owner.scratch(), fd());
            if (accepted >= 0) {
                receiver.accepted(transport(owner.scratch(), accepted));
            } else if (accepted == -Errno.EAGAIN) {
                return;
            } else if (!concernsOneConnection(-accepted)) {
                receiver.acceptFailed(-accepted);
                return;
            }
        }
    }

    private EpollTransport transport(Scratch scratch, int accepted) {
        try {
            // TCP_NODELAY was set on the listening socket and is inherited.
            return new EpollTransport(accepted, tcp, scratch.socketAddress());
        } catch (Throwable t) {
            LibcUnistd.close(scratch, accepted);
            throw t;
        }
    }

    /** Reports the failure, so that the receiver retries after a while; the queue keeps the other connections. */
    @Override
    public void crashed(Throwable thrown) {
        AcceptEvents receiver = events;
        try {
            if (receiver != null && !closed) {
                receiver.acceptFailed(Crash.errno(thrown));
            }
        } catch (Throwable again) {
            // The next turn finds the queue as it is.
        }
        Crash.log("listening socket of the " + EpollMechanism.NAME + " backend", thrown);
    }

    @Override
    public void pause() {
        paused = true;
        EpollPoller owner = poller;
        if (owner != null && !closed) {
            owner.remove(this);
        }
    }

    @Override
    public void resume() {
        paused = false;
        EpollPoller owner = poller;
        if (owner != null && !closed && !isRegistered()) {
            int added = owner.add(this, LibcEpoll.EPOLLIN);
            AcceptEvents receiver = events;
            if (added < 0 && receiver != null) {
                paused = true;
                receiver.acceptFailed(-added);
            }
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            EpollPoller owner = poller;
            if (owner != null) {
                owner.leave(this);
            }
        } finally {
            closeDescriptor();
        }
    }
}

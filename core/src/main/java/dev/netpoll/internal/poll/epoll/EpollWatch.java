// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.epoll;

import dev.netpoll.internal.ffi.EpollEvents;
import dev.netpoll.internal.ffi.GuardedFd;
import dev.netpoll.internal.ffi.LibcEpoll;
import dev.netpoll.internal.ffi.LibcTime;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.PollerWatch;
import dev.netpoll.internal.poll.posix.Binder;
import dev.netpoll.internal.poll.posix.Wakeup;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.TransportException;

/**
 * A watch made of an epoll instance that waits for other epoll instances, which are readable while they have events.
 * They are registered disarmed and with EPOLLONESHOT, so that a driven loop wakes nobody. See epoll(7), "nested".
 */
final class EpollWatch implements PollerWatch {
    private static final int EVENTS = 64;
    private static final long WAKEUP = -1;

    private final Scratch scratch = new Scratch();
    private final EpollEvents events = new EpollEvents(EVENTS);
    private final int[] ready = new int[EVENTS];
    private final GuardedFd epoll;
    private final Wakeup wakeup;
    private boolean closed;

    EpollWatch() throws TransportException {
        int fd = LibcEpoll.create(scratch);
        GuardedFd guarded = null;
        Wakeup eventfd = null;
        try {
            guarded = new GuardedFd(Binder.check("epoll_create1", fd));
            epoll = guarded;
            eventfd = new Wakeup(scratch);
            wakeup = eventfd;
            // Edge-triggered and never read, as in EpollPoller.
            int edges = LibcEpoll.EPOLLIN | LibcEpoll.EPOLLET;
            Binder.check("epoll_ctl", LibcEpoll.add(scratch, fd, eventfd.fd(), edges, WAKEUP));
        } catch (Throwable t) {
            if (eventfd != null) {
                eventfd.close(scratch);
            }
            if (guarded != null) {
                guarded.close(scratch);
            }
            events.close();
            scratch.giveBack();
            throw t;
        }
    }

    @Override
    public void add(Poller poller, int key) throws TransportException {
        Scratch borrowed = epoll.enter();
        if (borrowed == null) {
            throw new TransportException("epoll_ctl", Errno.EBADF);
        }
        try {
            int watched = ((EpollPoller) poller).descriptor();
            Binder.check("epoll_ctl", LibcEpoll.add(borrowed, epoll.fd(), watched, LibcEpoll.EPOLLONESHOT, key));
        } finally {
            epoll.exit(borrowed);
        }
    }

    /** On any failure returns false, as nothing would be reported: then the loop must not rely on it. */
    @Override
    public boolean arm(Poller poller, int key) {
        Scratch borrowed = epoll.enter();
        if (borrowed == null) {
            return false;
        }
        try {
            int interest = LibcEpoll.EPOLLIN | LibcEpoll.EPOLLONESHOT;
            int watched = ((EpollPoller) poller).descriptor();
            return LibcEpoll.modify(borrowed, epoll.fd(), watched, interest, key) >= 0;
        } catch (OutOfMemoryError | StackOverflowError e) {
            return false;
        } finally {
            epoll.exit(borrowed);
        }
    }

    @Override
    public int await(long timeoutNanos) throws TransportException {
        int fetched = LibcEpoll.await(scratch, epoll.fd(), events, timeoutNanos);
        if (fetched < 0) {
            if (fetched != -Errno.EINTR) {
                throw new TransportException("epoll_wait", -fetched);
            }
            return 0;
        }
        int count = 0;
        for (int i = 0; i < fetched; i++) {
            long key = events.data(i);
            if (key != WAKEUP) {
                ready[count++] = (int) key;
            }
        }
        return count;
    }

    @Override
    public int ready(int index) {
        return ready[index];
    }

    @Override
    public long cpuNanos() {
        return LibcTime.processCpuNanos(scratch);
    }

    @Override
    public long cpuNanos(int thread) {
        return LibcTime.threadCpuNanos(scratch, thread);
    }

    @Override
    public void wakeup() {
        wakeup.signal();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            wakeup.close(scratch);
            epoll.close(scratch);
            events.close();
            scratch.giveBack();
        }
    }
}

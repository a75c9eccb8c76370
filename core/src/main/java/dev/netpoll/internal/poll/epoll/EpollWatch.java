// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.epoll;

import dev.netpoll.internal.ffi.EpollEvents;
import dev.netpoll.internal.ffi.GuardedFd;
import dev.netpoll.internal.ffi.LibcEpoll;
import dev.netpoll.internal.ffi.LibcTime;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.poll.Errno;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.PollerWatch;
import dev.netpoll.internal.poll.TransportException;
import dev.netpoll.internal.poll.socket.Wakeup;

/**
 * An epoll instance that watches other epoll instances, which are readable when they have events. They are registered
 * disarmed and with EPOLLONESHOT, so that a loop that is driven wakes nobody. See epoll(7), "nested".
 */
final class EpollWatch implements PollerWatch {
    private static final int EVENTS = 64;
    private static final long WAKEUP = -1;

    private final Scratch scratch = new Scratch();
    private final EpollEvents events = new EpollEvents(EVENTS);
    private final int[] ready = new int[EVENTS];
    private final GuardedFd epoll;
    private final Wakeup wakeup;

    EpollWatch() throws TransportException {
        int fd = LibcEpoll.create(scratch);
        if (fd < 0) {
            throw new TransportException("epoll_create1", -fd);
        }
        epoll = new GuardedFd(fd);
        try {
            wakeup = new Wakeup(scratch);
        } catch (TransportException e) {
            epoll.close(scratch);
            throw e;
        }
        // Edge-triggered and never read, as in EpollPoller.
        int added = LibcEpoll.add(scratch, fd, wakeup.fd(), LibcEpoll.EPOLLIN | LibcEpoll.EPOLLET, WAKEUP);
        if (added < 0) {
            close();
            throw new TransportException("epoll_ctl", -added);
        }
    }

    @Override
    public void add(Poller poller, int key) throws TransportException {
        Scratch borrowed = Scratch.take();
        try {
            int result = LibcEpoll.add(
                    borrowed, epoll.fd(), ((EpollPoller) poller).descriptor(), LibcEpoll.EPOLLONESHOT, key);
            if (result < 0) {
                throw new TransportException("epoll_ctl", -result);
            }
        } finally {
            borrowed.giveBack();
        }
    }

    @Override
    public boolean arm(Poller poller, int key) {
        if (!epoll.enter()) {
            return false;
        }
        Scratch borrowed = Scratch.take();
        int interest = LibcEpoll.EPOLLIN | LibcEpoll.EPOLLONESHOT;
        int result = LibcEpoll.modify(borrowed, epoll.fd(), ((EpollPoller) poller).descriptor(), interest, key);
        epoll.exit(borrowed);
        borrowed.giveBack();
        return result >= 0;
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
        wakeup.close(scratch);
        epoll.close(scratch);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.epoll;

import dev.netpoll.internal.ffi.EpollEvents;
import dev.netpoll.internal.ffi.LibcEpoll;
import dev.netpoll.internal.ffi.LibcUnistd;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.memory.LoopCache;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.poll.AcceptEvents;
import dev.netpoll.internal.poll.Errno;
import dev.netpoll.internal.poll.ListenSocket;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.ReceiveBuffer;
import dev.netpoll.internal.poll.Transport;
import dev.netpoll.internal.poll.TransportEvents;
import dev.netpoll.internal.poll.TransportException;
import dev.netpoll.internal.poll.socket.Pollable;
import dev.netpoll.internal.poll.socket.Slots;
import dev.netpoll.internal.poll.socket.Wakeup;
import java.io.IOException;
import java.net.SocketAddress;
import java.util.ArrayDeque;

/**
 * An epoll instance and an eventfd for wake-ups.
 *
 * <p>Invariants:
 * <ul>
 *   <li>I1. An event is delivered only to the registration it was fetched for: see {@link Slots}.
 *   <li>I2. A transport with work that no further edge will announce is in {@link #again}; while that is not empty,
 *       no wait blocks.
 *   <li>I3. The receive block is given back before a wait that follows an empty turn.
 * </ul>
 */
final class EpollPoller implements Poller {
    private static final int FIRST_EVENTS = 64;
    private static final int MOST_EVENTS = 1024;

    /** No slot has this token: they are not negative. */
    private static final long WAKEUP = -1;

    /** This thread's own: nobody borrows it. */
    final Scratch scratch = new Scratch();

    private final LoopCache memory = new LoopCache(SegmentPool.shared());
    final ReceiveBuffer receiveBuffer = new ReceiveBuffer(memory);

    private final Slots slots = new Slots();
    private final ArrayDeque<EpollTransport> again = new ArrayDeque<>();
    private final int epoll;
    private final Wakeup wakeup;
    private EpollEvents events = new EpollEvents(FIRST_EVENTS);

    /** The batch: how many events it has, which comes next, and how many of {@link #again} belong to it. */
    private int fetched;

    private int next;
    private int continued;

    private boolean quiet;
    private boolean closed;

    EpollPoller() throws TransportException {
        epoll = LibcEpoll.create(scratch);
        if (epoll < 0) {
            throw new TransportException("epoll_create1", -epoll);
        }
        try {
            wakeup = new Wakeup(scratch);
        } catch (TransportException e) {
            LibcUnistd.close(scratch, epoll);
            throw e;
        }
        // Edge-triggered and never read: every write is an edge, and saves the read. The counter would need centuries
        // to overflow.
        int added = LibcEpoll.add(scratch, epoll, wakeup.fd(), LibcEpoll.EPOLLIN | LibcEpoll.EPOLLET, WAKEUP);
        if (added < 0) {
            wakeup.close(scratch);
            LibcUnistd.close(scratch, epoll);
            throw new TransportException("epoll_ctl", -added);
        }
    }

    @Override
    public boolean fetch(long timeoutNanos) throws IOException {
        continued = again.size();
        if (quiet && continued == 0 && timeoutNanos != 0) {
            receiveBuffer.release();
        }
        next = 0;
        fetched = LibcEpoll.await(scratch, epoll, events, continued > 0 ? 0 : timeoutNanos);
        if (fetched < 0) {
            int error = -fetched;
            fetched = 0;
            if (error != Errno.EINTR) {
                throw new TransportException("epoll_wait", error);
            }
        }
        quiet = true;
        return fetched > 0 || continued > 0;
    }

    @Override
    public boolean deliver() {
        while (next < fetched) {
            int index = next++;
            long token = events.data(index);
            Pollable pollable = token == WAKEUP ? null : slots.find(token);
            if (pollable != null) {
                quiet = false;
                ((Readiness) pollable).ready(events.events(index)); // only such are added
                return true;
            }
        }
        if (continued > 0) { // only those that waited before this turn: who joined since had its share
            continued--;
            quiet = false;
            again.remove().continueTurn();
            return true;
        }
        slots.recycle();
        if (fetched == events.capacity() && fetched < MOST_EVENTS) {
            events = new EpollEvents(fetched * 2);
        }
        fetched = 0;
        next = 0;
        return false;
    }

    @Override
    public boolean hasMore() {
        return !again.isEmpty();
    }

    @Override
    public void quiesce() {
        receiveBuffer.release();
    }

    /** {@return the descriptor of the epoll instance, which is readable when there are events} */
    int descriptor() {
        return epoll;
    }

    @Override
    public void wakeup() {
        wakeup.signal();
    }

    @Override
    public void register(Transport transport, TransportEvents receiver) throws TransportException {
        ((EpollTransport) transport).register(this, receiver);
    }

    @Override
    public void connect(Transport transport, SocketAddress remote, TransportEvents receiver) {
        ((EpollTransport) transport).connect(this, remote, receiver);
    }

    @Override
    public void listen(ListenSocket socket, AcceptEvents receiver) throws TransportException {
        ((EpollListenSocket) socket).listen(this, receiver);
    }

    /** Continues with the transport in the next turn. */
    void again(EpollTransport transport) {
        again.add(transport);
    }

    /** Registers a descriptor, and returns 0 or an error number negated. */
    <P extends Pollable & Readiness> int add(P pollable, int interest) {
        long token = slots.add(pollable);
        int added = LibcEpoll.add(scratch, epoll, pollable.fd(), interest, token);
        if (added < 0) {
            slots.remove(pollable);
        }
        return added;
    }

    /** Takes a registration back, if there is one. Before the descriptor is closed: a copy of it may live on. */
    void remove(Pollable pollable) {
        if (pollable.isRegistered() && !closed) {
            LibcEpoll.remove(scratch, epoll, pollable.fd());
            slots.remove(pollable);
        }
    }

    @Override
    public LoopCache memory() {
        return memory;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            again.clear();
            receiveBuffer.release();
            wakeup.close(scratch);
            LibcUnistd.close(scratch, epoll);
        }
    }
}

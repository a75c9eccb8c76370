// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.epoll;

import dev.netpoll.internal.ffi.EpollEvents;
import dev.netpoll.internal.ffi.Leftovers;
import dev.netpoll.internal.ffi.LibcEpoll;
import dev.netpoll.internal.ffi.LibcUnistd;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.LoopCache;
import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.ReceiveBuffer;
import dev.netpoll.internal.poll.Turns;
import dev.netpoll.internal.poll.posix.Binder;
import dev.netpoll.internal.poll.posix.Pollable;
import dev.netpoll.internal.poll.posix.Slots;
import dev.netpoll.internal.poll.posix.Wakeup;
import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import dev.netpoll.memory.MemoryLimitException;
import java.io.IOException;
import java.net.SocketAddress;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A poller that waits with epoll: an epoll instance, and an eventfd for wake-ups.
 *
 * <p>Invariants:
 * <ul>
 *   <li>I1. The poller delivers an event only to the registration that it was fetched for: see {@link Slots}.
 *   <li>I2. A transport with work that no further edge will announce is in {@link #turns}; while one waits there for
 *       the next turn, no wait blocks.
 *   <li>I3. The poller gives the receive block back before a wait that follows an empty turn.
 *   <li>I4. An exception of a transport's event fails that transport, and the poller delivers the rest of the batch.
 * </ul>
 */
final class EpollPoller implements Poller {
    private static final Consumer<Pollable> LOOK_AGAIN = EpollPoller::lookAgain; // created before it is needed

    private static final int EVENTS = 1024;

    /** Not a token of a slot: those are not negative. */
    private static final long WAKEUP = -1;

    private final LoopCache memory = new LoopCache(SegmentPool.shared());
    final ReceiveBuffer receiveBuffer = new ReceiveBuffer(memory);

    /** The sockets that continue without an event. */
    final Turns turns = new Turns();

    private final Slots slots = new Slots();
    private final EpollEvents events;
    private final int epoll;
    private final Wakeup wakeup;

    /** Belongs to this poller alone. After the end, one that other pollers share. */
    private Scratch scratch;

    /** The number of events in the batch, and the index of the next one. */
    private int fetched;

    private int next;

    /** Whether an Error may have lost edges, so that all sockets must check themselves. Cleared once they have. */
    private boolean edgesLost;

    private boolean quiet;
    private boolean closed;

    EpollPoller() throws TransportException {
        scratch = new Scratch();
        events = new EpollEvents(EVENTS);
        int created = LibcEpoll.create(scratch);
        Wakeup eventfd = null;
        try {
            epoll = Binder.check("epoll_create1", created);
            eventfd = new Wakeup(scratch);
            wakeup = eventfd;
            // Edge-triggered and never read: every write is an edge, so no read is needed. The counter would overflow
            // only after centuries.
            int edges = LibcEpoll.EPOLLIN | LibcEpoll.EPOLLET;
            Binder.check("epoll_ctl", LibcEpoll.add(scratch, epoll, eventfd.fd(), edges, WAKEUP));
        } catch (Throwable t) {
            if (eventfd != null) {
                eventfd.close(scratch);
            }
            if (created >= 0) {
                LibcUnistd.close(scratch, created);
            }
            events.close();
            scratch.giveBack();
            throw t;
        }
    }

    Scratch scratch() {
        return scratch;
    }

    @Override
    public boolean fetch(long timeoutNanos) throws IOException {
        boolean goesOn = turns.begin();
        if (quiet && !goesOn && timeoutNanos != 0) {
            receiveBuffer.release();
        }
        if (Leftovers.exist()) {
            Leftovers.release(scratch);
        }
        if (edgesLost) {
            slots.forEach(LOOK_AGAIN);
            edgesLost = false; // only after all were told
            goesOn = true;
        }
        next = 0;
        fetched = 0;
        fetched = await(goesOn ? 0 : Leftovers.bounded(turns.bounded(timeoutNanos)));
        quiet = true;
        return fetched > 0 || goesOn;
    }

    private int await(long timeoutNanos) throws TransportException {
        int result;
        try {
            result = LibcEpoll.await(scratch, epoll, events, timeoutNanos);
        } catch (OutOfMemoryError | StackOverflowError e) {
            // Either the JVM could not make the call, or it did, and lost edges that will not be reported again.
            edgesLost = true;
            return 0;
        }
        if (result < 0 && result != -Errno.EINTR) {
            throw new TransportException("epoll_wait", -result);
        }
        return Math.max(result, 0);
    }

    private static void lookAgain(Pollable pollable) {
        if (pollable instanceof EpollTransport transport) {
            transport.lookAgain();
        }
    }

    @Override
    public boolean deliver() {
        while (next < fetched) {
            int index = next++;
            long token = events.data(index);
            Pollable pollable = token == WAKEUP ? null : slots.find(token);
            if (pollable != null) {
                quiet = false;
                Readiness ready = (Readiness) pollable; // add() accepts nothing else
                deliver(ready, index);
                return true;
            }
        }
        if (continueOne()) {
            quiet = false;
            return true;
        }
        slots.recycle();
        fetched = 0;
        next = 0;
        return false;
    }

    private void deliver(Readiness ready, int index) {
        boolean told = false;
        try {
            ready.ready(events.events(index));
            told = true;
        } catch (Throwable t) {
            ready.crashed(t); // I4
            told = true;
        } finally {
            if (!told) { // an Error again
                edgesLost = true;
            }
        }
    }

    private boolean continueOne() {
        boolean told = false;
        try {
            boolean any = turns.continueOne();
            told = true;
            return any;
        } finally {
            if (!told) {
                edgesLost = true;
            }
        }
    }

    @Override
    public boolean hasMore() {
        return edgesLost || !turns.isEmpty();
    }

    @Override
    public long untilRetry(long now) {
        return Leftovers.bounded(turns.untilRetry(now));
    }

    /** {@return the block to receive into, or null if there is no memory} */
    @Nullable
    Block receiveBlock() {
        try {
            return receiveBuffer.block();
        } catch (MemoryLimitException | OutOfMemoryError e) {
            return null;
        }
    }

    @Override
    public void quiesce() {
        receiveBuffer.release();
    }

    /** {@return the descriptor of the epoll instance, which is readable while there are events} */
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

    /** Registers a descriptor, and returns 0 or an error number negated. */
    <P extends Pollable & Readiness> int add(P pollable, int interest) {
        long token = slots.add(pollable);
        int added = -Errno.ENOMEM; // in case the call fails in the JVM
        try {
            added = LibcEpoll.add(scratch, epoll, pollable.fd(), interest, token);
        } finally {
            if (added < 0) {
                slots.remove(pollable);
            }
        }
        return added;
    }

    /**
     * Removes a registration, if there is one. Call it before closing the descriptor: a copy of that may live on. If it
     * throws, the registration still exists.
     */
    void remove(Pollable pollable) {
        if (pollable.isRegistered() && !closed) {
            LibcEpoll.remove(scratch, epoll, pollable.fd());
            slots.remove(pollable);
        }
    }

    /** Like {@link #remove}, for a descriptor about to be closed: it gets no more events, even if this fails. */
    void leave(Pollable pollable) {
        try {
            remove(pollable);
        } finally {
            if (pollable.isRegistered() && !closed) {
                slots.remove(pollable);
            }
        }
    }

    @Override
    public void limitBy(MemoryBudget budget) {
        receiveBuffer.limitBy(budget);
    }

    @Override
    public LoopCache memory() {
        return memory;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            turns.clear();
            receiveBuffer.release();
            wakeup.close(scratch);
            LibcUnistd.close(scratch, epoll);
            events.close();
            Scratch own = scratch;
            scratch = Closed.SCRATCH;
            own.giveBack();
        }
    }

    /** For a use of the poller after its end. */
    private static final class Closed {
        static final Scratch SCRATCH = new Scratch();
    }
}

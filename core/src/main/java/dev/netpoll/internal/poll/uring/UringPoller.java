// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import dev.netpoll.internal.memory.LoopCache;
import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.poll.posix.Pollable;
import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import java.net.SocketAddress;

/**
 * The poller of the io_uring backend. One object in layers: {@link MovableRing} gives it another ring when its loop
 * gets another thread, {@link RingTurn} submits, waits and delivers, and this class adds and removes sockets, passes
 * wake-ups on, and closes.
 *
 * <p><b>Threads.</b> The thread that drives the loop, unless stated otherwise.
 */
final class UringPoller extends RingTurn {
    /** How long to wait for cancelled operations to end; it takes microseconds. */
    private static final long END_NANOS = 1_000_000_000;

    private static final long SETTLE_NANOS = 10_000_000;

    private boolean closed;

    UringPoller(Features features, RingSize size) throws TransportException {
        super(features, size);
    }

    @Override
    public LoopCache memory() {
        return memory;
    }

    @Override
    public void limitBy(MemoryBudget limit) {
        buffers.limitBy(limit);
    }

    @Override
    public void wakeup() {
        waker.wake(ring().descriptor());
    }

    // ---------------------------------------------------------------- sockets come

    @Override
    public void register(Transport transport, TransportEvents receiver) throws TransportException {
        ((UringTransport) transport).register(this, receiver);
    }

    @Override
    public void connect(Transport transport, SocketAddress remote, TransportEvents receiver) {
        ((UringTransport) transport).connect(this, remote, receiver);
    }

    @Override
    public void listen(ListenSocket socket, AcceptEvents receiver) throws TransportException {
        ((UringListenSocket) socket).listen(this, receiver);
    }

    long add(Pollable pollable) {
        return slots.add(pollable);
    }

    // ---------------------------------------------------------------- sockets go

    /** Ends a receive, and delivers its last bytes. */
    void endReceive(UringTransport transport, long token) {
        long end = System.nanoTime() + END_NANOS;
        submissions.cancelAll(transport.fd());
        submit();
        do {
            deliverNow(Operation.of(Operation.RECEIVE, token));
            deliverNow(Operation.of(Operation.RECEIVE_BULK, token));
        } while (transport.isReceiving() && System.nanoTime() - end < 0 && settle(1));
    }

    /** Submits, and lets the kernel finish cancelled operations: only then does it release a socket. */
    void finish() {
        submit();
        settle(0);
    }

    /** Submits, and waits a little for something to complete; {@return false if the ring has failed} */
    private boolean settle(int wanted) {
        try {
            takeOver();
            checkFailure();
            enter(wanted, SETTLE_NANOS, 0);
            return true;
        } catch (TransportException e) {
            failure = e;
            return false;
        }
    }

    void remove(Pollable pollable) {
        if (pollable.isRegistered() && !closed) {
            slots.remove(pollable);
        }
    }

    // ---------------------------------------------------------------- the end

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            turns.clear();
            waker.close(scratch());
            ring().close(scratch());
            dropAll();
            closeSpare();
            zeroCopyRing.close(scratch());
            buffers.close();
            submissions.close();
            giveScratchBack();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.memory.LoopCache;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.Turns;
import dev.netpoll.internal.poll.posix.Pollable;
import dev.netpoll.internal.poll.posix.Slots;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.TransportException;
import org.jspecify.annotations.Nullable;

/**
 * The layer of a {@link UringPoller} that gives a loop another ring when it gets another thread, and holds the state
 * that outlives a ring.
 *
 * <p>A ring is bound to a thread. When user code holds up a loop's thread, another thread drives the loop. It closes
 * the old ring, enables one that was opened beforehand, continues with the completions of the old one, and makes all
 * sockets restart their operations.
 *
 * <pre>
 * spare --takeOver(): its owner enables it--> half begun --buffers, wake-ups and sockets are in it--> begun
 * begun --leave(): its owner, at the end--> closed
 * begun --takeOver(): another thread, which continues with the spare--> closed
 * half begun --takeOver(), after an Error interrupted it: continues with another ring--> closed
 * </pre>
 *
 * <ul>
 *   <li>I1 Only the {@link #owner} submits to the ring and takes completions out. It changes under {@link #handOver}.
 *   <li>I2 A ring is replaced only if all its completions are in {@link #completions}. Else bytes would be lost, so the
 *       loop fails instead.
 *   <li>I3 Once {@link #failure} is set, nothing is submitted any more, and the loop's next fetch throws it.
 * </ul>
 *
 * <p><b>Threads.</b> The thread that drives the loop, unless stated otherwise. A successor may call {@link #takeOver}
 * while its predecessor calls {@link #leave}.
 */
abstract class MovableRing implements Poller {
    /** Belongs to this poller alone. After the end, one that other pollers share. */
    private Scratch scratch;

    final Features features;
    private final RingSize size;
    final LoopCache memory = new LoopCache(SegmentPool.shared());
    final Slots slots = new Slots();

    /** The sockets that continue without a completion. */
    final Turns turns = new Turns();

    final Completions completions = new Completions();

    /** The operations that the next wait submits. */
    final Submissions submissions;

    /** The buffers that the kernel receives into. */
    final BufferRings buffers;

    /** Ends the waits. Any thread. */
    final Waker waker;

    /** Sends without copying for this loop's sockets. Any thread. */
    final ZeroCopyRing zeroCopyRing;

    /** Whether an operation polls {@link #zeroCopyRing}. */
    volatile boolean zeroCopyWatched;

    private volatile Ring ring;

    /** The ring for the next thread, so that taking over needs no resource that may be missing. */
    private @Nullable Ring spare;

    /** The lock for changes of {@link #owner}. */
    private final Object handOver = new Object();

    /** The thread that the ring is bound to. */
    private @Nullable Thread owner;

    /** Whether the owner has set up the ring. Owner only. */
    private boolean begun;

    /** Whether the owner is setting up the ring. Owner only. */
    private boolean beginning;

    /** Whether {@link #ring} is only partly set up, and has nothing under way: an Error interrupted it. */
    private boolean halfBegun;

    /** Created beforehand, for failures with no memory for a better exception. */
    private final TransportException broken = new TransportException("io_uring on another thread", Errno.ENOMEM);

    /** Why nothing is submitted any more, or null. */
    @Nullable
    TransportException failure;

    MovableRing(Features features, RingSize size) throws TransportException {
        this.features = features;
        this.size = size;
        zeroCopyRing = new ZeroCopyRing(features.setup());
        Scratch own = new Scratch();
        scratch = own;
        BufferRings receives = null;
        Ring first = null;
        Ring second = null;
        Waker wakeups = null;
        try {
            receives = new BufferRings(features, size, memory);
            first = Ring.open(own, features.setup(), size);
            second = Ring.open(own, features.setup(), size);
            wakeups = new Waker(features, own);
            buffers = receives;
            ring = first;
            spare = second;
            waker = wakeups;
            submissions = new Submissions(first, this::submit);
        } catch (Throwable t) {
            close(own, first, second, wakeups, receives);
            throw t;
        }
    }

    private static void close(
            Scratch scratch,
            @Nullable Ring first,
            @Nullable Ring second,
            @Nullable Waker waker,
            @Nullable BufferRings buffers) {
        if (waker != null) {
            waker.close(scratch);
        }
        if (first != null) {
            first.close(scratch);
        }
        if (second != null) {
            second.close(scratch);
        }
        if (buffers != null) {
            buffers.close();
        }
        scratch.giveBack();
    }

    /** Submits the operations that were added in this turn. */
    abstract void submit();

    final Scratch scratch() {
        return scratch;
    }

    /** {@return the current ring; any thread} */
    final Ring ring() {
        return ring;
    }

    // ---------------------------------------------------------------- threads

    /** May be called again after an Error, or if the kernel lacked a resource; it then starts with another ring. */
    @Override
    public final void takeOver() throws TransportException {
        Thread current = Thread.currentThread();
        if (owner == current && (begun || beginning)) { // sockets that move to another ring may submit
            return;
        }
        synchronized (handOver) {
            try {
                boolean isFirst = owner == null && !ring.isClosed() && !halfBegun;
                owner = current;
                begun = false;
                beginning = true;
                if (isFirst) {
                    halfBegun = true;
                    begin(ring);
                } else {
                    goOnWithAnotherRing();
                }
                halfBegun = false;
                begun = true;
            } catch (TransportException e) {
                if (e != broken && (Errno.isShortage(e.errno()) || e.errno() == Errno.EAGAIN)) {
                    throw new IllegalStateException("the next ring cannot be had yet", e); // so the driver tries again
                }
                failure = e;
                throw e;
            } finally {
                beginning = false;
            }
        }
    }

    @Override
    public final void leave() {
        synchronized (handOver) {
            if (owner == Thread.currentThread()) { // no other thread has taken over yet
                owner = null;
                ring.close(scratch); // I1 of Ring
            }
        }
    }

    private void goOnWithAnotherRing() throws TransportException {
        Ring old = ring;
        if (!old.isClosed() && !old.isTaken() && !halfBegun) {
            throw broken; // I2
        }
        if (spare == null) {
            spare = Ring.open(scratch, features.setup(), size);
        }
        Ring next = spare;
        // I1 of Ring: only the old ring's thread could continue its operations; so closing cancels them.
        old.close(scratch);
        halfBegun = true;
        ring = next;
        spare = null;
        submissions.attach(next);
        zeroCopyWatched = false;
        begin(next);
        moveCompletions();
        buffers.provideAgain();
        slots.forEach(MovableRing::move);
        prepareSpare();
    }

    private static void move(Pollable pollable) {
        Completable moved = (Completable) pollable;
        try {
            moved.moved();
        } catch (Throwable t) {
            moved.crashed(t); // I3 of RingTurn
        }
    }

    private void begin(Ring next) throws TransportException {
        next.enable(scratch);
        buffers.attach(scratch, next.descriptor().fd());
        waker.attach(this);
    }

    /** Lets no undelivered completion end an operation that {@link Completable#moved} begins again. */
    private void moveCompletions() {
        for (int i = completions.begin(); i < completions.end(); i++) {
            int kind = Operation.kind(completions.operation(i));
            int result = completions.result(i);
            boolean isMultishot = Operation.receives(kind) || kind == Operation.ACCEPT;
            boolean isCutShort = result == -Errno.ENOBUFS || result == -Errno.ECANCELED;
            if (isMultishot && !isCutShort) {
                completions.setMore(i);
            } else if (kind != Operation.SEND) {
                completions.remove(i);
            } else if (slots.find(completions.operation(i)) instanceof Completable target) {
                target.arrived(kind);
            }
        }
    }

    // ---------------------------------------------------------------- the spare

    /** Opens a ring for the next thread, if there is none and the kernel has the resources. */
    final void prepareSpare() {
        if (spare == null) {
            try {
                spare = Ring.open(scratch, features.setup(), size);
            } catch (TransportException | OutOfMemoryError e) {
                // retried when it is needed
            }
        }
    }

    final void closeSpare() {
        Ring unused = spare;
        if (unused != null) {
            spare = null;
            unused.close(scratch);
        }
    }

    // ---------------------------------------------------------------- the end

    final void checkFailure() throws TransportException {
        TransportException e = failure;
        if (e != null) {
            throw e;
        }
    }

    /**
     * Withdraws what was collected for a descriptor (I3 of Ring), and cancels what the kernel has taken for its socket:
     * that would hold the socket open, and its peer would wait for ever. If the first throws, the ring fails: else the
     * kernel might get memory and a number that already have another owner.
     */
    final void withdraw(int fd, long token) {
        try {
            boolean _ = submissions.withdrawAll(fd);
        } catch (Throwable t) {
            failure = broken;
            return;
        }
        try {
            submissions.cancelEach(token);
        } catch (Throwable t) {
            // the others of the loop are innocent; the close shuts down a socket that was not left in order
        }
    }

    /** Gives the scratch back, as the last step of closing. */
    final void giveScratchBack() {
        Scratch own = scratch;
        scratch = Closed.SCRATCH;
        own.giveBack();
    }

    /** For a use of the poller after its end. */
    private static final class Closed {
        static final Scratch SCRATCH = new Scratch();
    }
}

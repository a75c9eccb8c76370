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
 * The layer of a {@link UringPoller} that gives a loop another ring when it gets another thread, and holds what
 * outlives a ring.
 *
 * <p>A ring is bound to a thread. When user code holds up a loop's thread, another thread drives the loop. It enables a
 * ring that was made beforehand, closes the old one, goes on with what the old one has completed, and has all sockets
 * begin anew what was under way.
 *
 * <pre>
 * spare --takeOver(): its owner enables it--> half begun --buffers, wake-ups and sockets are in it--> begun
 * begun --leave(): its owner, at the end--> closed
 * begun --takeOver(): another thread, which goes on with the spare--> closed
 * half begun --takeOver(), after an Error came in between: goes on with another ring--> closed
 * </pre>
 *
 * <ul>
 *   <li>I1 Only the {@link #owner} submits to the ring and takes completions out. It changes under {@link #handOver}.
 *   <li>I2 A ring gives way to another only if all that it has completed is in {@link #completions}. Else bytes would
 *       be lost, so the loop fails instead.
 *   <li>I3 Once {@link #failure} is set, nothing is submitted any more, and the loop learns why when it fetches.
 * </ul>
 *
 * <p><b>Threads.</b> The thread that drives the loop, where nothing else is said. A successor may call {@link
 * #takeOver} while the thread before it calls {@link #leave}.
 */
abstract class MovableRing implements Poller {
    /** This poller's own: nobody borrows it. After the end, one that others have too. */
    private Scratch scratch;

    final Features features;
    private final RingSize size;
    final LoopCache memory = new LoopCache(SegmentPool.shared());
    final Slots slots = new Slots();

    /** Those that go on without a completion. */
    final Turns turns = new Turns();

    final Completions completions = new Completions();

    /** What the next wait begins. */
    final Submissions submissions;

    /** What the kernel receives into. */
    final BufferRings buffers;

    final Waker waker;
    final ZeroCopyRing zeroCopyRing;

    /** Whether an operation waits for something in {@link #zeroCopyRing}. */
    volatile boolean zeroCopyWatched;

    private volatile Ring ring;

    /** For the next thread, so that one that takes over needs nothing that may not be had. */
    private @Nullable Ring spare;

    /** Held to change the {@link #owner}. */
    private final Object handOver = new Object();

    /** The thread that the ring is bound to. */
    private @Nullable Thread owner;

    /** Whether its owner has made the ring ready. Owner only. */
    private boolean begun;

    /** Whether the owner makes it ready just now. Owner only. */
    private boolean beginning;

    /** Whether {@link #ring} is not quite ready, and has nothing under way: an Error came in between. */
    private boolean halfBegun;

    /** For when there is no memory to say more. */
    private final TransportException broken = new TransportException("io_uring on another thread", Errno.ENOMEM);

    /** Why the ring takes nothing any more, or null. */
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

    /** Has the kernel begin what was added in this turn. */
    abstract void submit();

    final Scratch scratch() {
        return scratch;
    }

    /** {@return the ring of now; any thread} */
    final Ring ring() {
        return ring;
    }

    // ---------------------------------------------------------------- threads

    /** After an Error, or if the kernel is short of something, it may be called again, and begins with another ring. */
    @Override
    public final void takeOver() throws TransportException {
        Thread current = Thread.currentThread();
        if (owner == current && (begun || beginning)) { // what moves to another ring may have to submit
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
                if (e != broken && isPassing(e.errno())) {
                    throw new IllegalStateException("the next ring cannot be had yet", e); // so the driver tries again
                }
                failure = e;
                throw e;
            } finally {
                beginning = false;
            }
        }
    }

    private static boolean isPassing(int errno) {
        return errno == Errno.ENOMEM || errno == Errno.EAGAIN || errno == Errno.EMFILE || errno == Errno.ENFILE;
    }

    @Override
    public final void leave() {
        synchronized (handOver) {
            if (owner == Thread.currentThread()) { // nobody has taken over yet
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
        // I1 of Ring: what the old one has under way, its thread would have to go on with; so it is cancelled.
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

    /** What is still to be delivered ends nothing: {@link Completable#moved} begins it anew. */
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

    /** Makes a ring for the next thread, if there is none and it can be had. */
    final void prepareSpare() {
        if (spare == null) {
            try {
                spare = Ring.open(scratch, features.setup(), size);
            } catch (TransportException | OutOfMemoryError e) {
                // tried again when it is needed
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
     * What was collected for a descriptor is not submitted any more (I3 of Ring), whatever happens: rather the ring
     * fails than memory and a number that are somebody else's by then reach the kernel.
     */
    final void withdraw(int fd) {
        try {
            boolean _ = submissions.withdrawAll(fd);
        } catch (Throwable t) {
            failure = broken;
        }
    }

    /** Gives the scratch back, as the last part of the poller. */
    final void giveScratchBack() {
        Scratch own = scratch;
        scratch = Closed.SCRATCH;
        own.giveBack();
    }

    /** For who uses a poller after its end, if anybody does. */
    private static final class Closed {
        static final Scratch SCRATCH = new Scratch();
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import static dev.netpoll.internal.ffi.IoUring.IORING_CQE_F_BUFFER;

import dev.netpoll.internal.ffi.IoUring;
import dev.netpoll.internal.ffi.Leftovers;
import dev.netpoll.internal.ffi.LibcUnistd;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.poll.posix.Pollable;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The layer of a {@link UringPoller} that runs a turn: it submits the operations that the sockets have collected,
 * waits, announces received bytes, and delivers the completions.
 *
 * <pre>
 * collected --fetch(), submit()--> the kernel's --it completes, within the same call--> in the ring
 * in the ring --the same call takes it out--> announced to its socket --deliver()--> delivered
 * </pre>
 *
 * <ul>
 *   <li>I1 The poller delivers a completion only to the registration that submitted the operation: see {@link
 *       dev.netpoll.internal.poll.posix.Slots}.
 *   <li>I2 A transport with work that no completion will announce is in {@link #turns}; while one waits there for the
 *       next turn, no wait blocks.
 *   <li>I3 An exception of a transport's completion fails that transport; the rest of the batch is delivered.
 * </ul>
 *
 * <p><b>Threads.</b> The thread that drives the loop, unless stated otherwise.
 */
abstract class RingTurn extends MovableRing {
    private static final Consumer<Pollable> CRASH_AGAIN = RingTurn::crashAgain; // created before it is needed

    /** With this many completions in a turn, it pays to wait a moment for more. */
    private static final int BUSY = 16;

    private static final int PATIENT_WANTED = 64;
    private static final int PATIENCE_MICROS = 50;

    /** After this long without received bytes, the loop gives the receive buffers back. */
    private static final long QUIET_NANOS = 5_000_000;

    /** Whether the last turn had many completions. Written by the loop. */
    private volatile boolean isBusy;

    /** Whether an Error interrupted a failing socket, so that all must check themselves. Cleared once they have. */
    private boolean crashesLost;

    /** When turns stopped receiving bytes, or 0 if the last turn received some. */
    private long quietSince;

    /** Whether a receive begins with the next wait: then it must find a buffer. */
    private boolean receiveBegins;

    RingTurn(Features features, RingSize size) throws TransportException {
        super(features, size);
    }

    // ---------------------------------------------------------------- submitting and waiting

    @Override
    public final boolean fetch(long timeoutNanos) throws IOException {
        takeOver();
        if (crashesLost) {
            slots.forEach(CRASH_AGAIN);
            crashesLost = false; // only after all have checked
        }
        boolean goesOn = turns.begin();
        checkFailure();
        if (Leftovers.exist()) {
            Leftovers.release(scratch());
        }
        boolean waits = timeoutNanos != 0 && !goesOn && completions.isEmpty();
        if (waits && !receiveBegins && quietSince != 0 && System.nanoTime() - quietSince >= QUIET_NANOS) {
            quiesce();
        }
        if (waits && zeroCopyRing.isHolding()) {
            watchZeroCopy();
        }
        boolean patient = waits && isBusy && features.patient();
        int before = completions.end();
        boolean received = enter(
                patient ? PATIENT_WANTED : waits ? 1 : 0,
                waits ? Leftovers.bounded(turns.bounded(timeoutNanos)) : 0,
                patient ? PATIENCE_MICROS : 0);
        completions.beginBatch();
        boolean busy = completions.end() - before >= BUSY;
        if (busy != isBusy) {
            isBusy = busy;
        }
        if (received) {
            quietSince = 0;
        } else if (quietSince == 0) {
            quietSince = System.nanoTime() | 1; // never 0
        }
        return !completions.isEmpty() || goesOn;
    }

    /** Submits, and waits as {@link Ring#enter} does; {@return whether bytes were received} */
    final boolean enter(int wanted, long timeoutNanos, int patienceMicros) throws TransportException {
        int from = completions.end();
        buffers.publish();
        ring().enter(scratch(), completions, wanted, timeoutNanos, patienceMicros);
        taken();
        return announce(from);
    }

    /** Submits the operations that were added in this turn. If that fails, the next fetch throws the failure. */
    @Override
    final void submit() {
        int from = completions.end();
        try {
            takeOver();
            checkFailure();
            buffers.publish();
            ring().submit(scratch(), completions);
        } catch (TransportException e) {
            failure = e;
        }
        taken();
        announce(from);
    }

    private void taken() {
        if (ring().isSubmitted()) { // else the kernel has not copied all messages
            submissions.taken();
        }
        receiveBegins = false;
    }

    /**
     * Starts a receive, which ends when it is cancelled or no buffer is left.
     *
     * @param once whether it ends with the first bytes, so that a socket gets no more than it asks for
     */
    final void receive(int fd, int kind, long token, boolean once) {
        BufferRing from = buffers.of(kind);
        from.use(); // the kernel needs a buffer at once, even if no bytes have arrived
        receiveBegins = true;
        submissions.receive(fd, from.group(), once, Operation.of(kind, token));
    }

    @Override
    public final void quiesce() {
        buffers.takeBack();
        prepareSpare();
    }

    /** {@return whether the last turn had many completions} Any thread. */
    final boolean isBusy() {
        return isBusy;
    }

    @Override
    public final boolean hasMore() {
        return crashesLost || !turns.isEmpty();
    }

    @Override
    public final long untilRetry(long now) {
        return Leftovers.bounded(turns.untilRetry(now));
    }

    // ---------------------------------------------------------------- announcing

    /**
     * Takes the received bytes out of the buffers, in the order in which the kernel filled them, and announces them to
     * the sockets. It must not fail: the rest would be lost.
     *
     * @return whether there were any
     */
    private boolean announce(int from) {
        boolean received = false;
        for (int i = from; i < completions.end(); i++) {
            int flags = completions.flags(i);
            if ((flags & IORING_CQE_F_BUFFER) == 0) {
                continue;
            }
            received = true;
            long operation = completions.operation(i);
            int kind = Operation.kind(operation);
            BufferRing filled = buffers.of(kind);
            int offset = filled.offset(flags);
            completions.setBlock(i, filled.take(flags, completions.result(i)), offset);
            if (slots.find(operation) instanceof Completable target) {
                target.arrived(kind);
            }
        }
        ring().announced();
        return received;
    }

    /**
     * {@return whether the kernel may have received bytes for a socket that were not announced to it yet} Any thread.
     * Ask the kernel first: then the socket knows of the bytes that the kernel no longer has.
     */
    final boolean holds(long token) {
        if (memory.isOwner()) {
            return false; // nothing arrives meanwhile
        }
        Ring looked = ring();
        Scratch borrowed = looked.descriptor().enter();
        if (borrowed == null) {
            return true; // the loop is moving to another thread
        }
        try {
            long small = Operation.of(Operation.RECEIVE, token);
            return looked.holds(borrowed, small, Operation.of(Operation.RECEIVE_BULK, token));
        } catch (IllegalStateException e) {
            return true; // the same: its memory is gone
        } finally {
            looked.descriptor().exit(borrowed);
        }
    }

    // ---------------------------------------------------------------- delivering

    @Override
    public final boolean deliver() {
        for (int i = completions.next(); i >= 0; i = completions.next()) {
            if (deliver(i)) {
                return true;
            }
        }
        if (turns.continueOne()) {
            return true;
        }
        slots.recycle();
        return false;
    }

    /** {@return whether a socket got an event} */
    private boolean deliver(int index) {
        long operation = completions.operation(index);
        int kind = Operation.kind(operation);
        int result = completions.result(index);
        int flags = completions.flags(index);
        if (kind == Operation.CANCEL) {
            return false;
        }
        if (kind == Operation.WAKE) {
            waker.woken(this, operation, flags);
            return false;
        }
        if (kind == Operation.ZERO_COPY) {
            zeroCopyWatched = false;
            zeroCopyRing.reap(scratch());
            return false;
        }
        Block block = completions.takeBlock(index);
        if (slots.find(operation) instanceof Completable target) {
            try {
                if (block == null) {
                    target.completed(kind, result, flags);
                } else {
                    target.received(kind, buffers.of(kind).segment(block, completions.offset(index), result), flags);
                }
            } catch (Throwable t) {
                crash(target, t);
            }
            return true;
        }
        drop(kind, result, block);
        return false;
    }

    /** Delivers the waiting completions of an operation before their turn. */
    final void deliverNow(long operation) {
        for (int i = completions.begin(); i < completions.end(); i++) {
            if (completions.operation(i) == operation) {
                deliver(i);
                completions.remove(i);
            }
        }
    }

    /** Frees the resource of a completion whose socket is gone. */
    private void drop(int kind, int result, @Nullable Block block) {
        if (block != null) {
            block.release();
        } else if (kind == Operation.ACCEPT && result >= 0) {
            LibcUnistd.close(scratch(), result);
        }
    }

    /** Drops all undelivered completions. */
    final void dropAll() {
        completions.beginBatch();
        for (int i = completions.next(); i >= 0; i = completions.next()) {
            drop(Operation.kind(completions.operation(i)), completions.result(i), completions.takeBlock(i));
        }
    }

    // ---------------------------------------------------------------- crashes

    /** I3 */
    private void crash(Completable target, Throwable thrown) {
        boolean told = false;
        try {
            target.crashed(thrown);
            told = true;
        } finally {
            if (!told) { // an Error again
                crashesLost = true;
            }
        }
    }

    private static void crashAgain(Pollable pollable) {
        if (pollable instanceof UringTransport transport) {
            transport.crashAgain(); // only crashed ones do anything
        }
    }

    // ---------------------------------------------------------------- sending without copying

    /** Polls for the release of memory that was sent without copying, which then ends the next wait. */
    private void watchZeroCopy() {
        if (!zeroCopyWatched) {
            zeroCopyWatched = true;
            int fd = zeroCopyRing.fd();
            submissions.poll(fd, 0, IoUring.POLLIN, Operation.of(Operation.ZERO_COPY, 0));
        }
    }

    /** Another thread has sent without copying: wakes the loop to watch for the release. Any thread. */
    final void wakeForZeroCopy() {
        if (zeroCopyRing.isHolding() && !zeroCopyWatched) {
            wakeup();
        }
    }
}

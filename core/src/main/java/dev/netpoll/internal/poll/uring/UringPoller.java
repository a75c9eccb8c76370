// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import static dev.netpoll.internal.ffi.IoUring.IORING_CQE_F_BUFFER;

import dev.netpoll.internal.ffi.IoUring;
import dev.netpoll.internal.ffi.LibcUnistd;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.LoopCache;
import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.Turns;
import dev.netpoll.internal.poll.posix.Pollable;
import dev.netpoll.internal.poll.posix.Slots;
import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.SocketAddress;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A ring, what it completed, and the memory it receives into.
 *
 * <p>A ring is bound to a thread. When a loop gets another thread, because user code holds up the first, that one makes
 * a ring of its own, goes on with what the first has completed, and begins all operations anew that were under way: see
 * {@link #takeOver}.
 *
 * <ul>
 *   <li>I1 A completion is delivered only to the registration it was submitted for: see {@link Slots}.
 *   <li>I2 A transport with work that no completion will announce is in {@link #turns}; while one waits there for the
 *       next turn, no wait blocks.
 *   <li>I3 What the completion of a transport throws, fails that transport, and the rest of the batch is delivered.
 * </ul>
 */
final class UringPoller implements Poller {
    private static final Consumer<Pollable> CRASH_AGAIN = UringPoller::crashAgain; // made before it is needed

    /** A request or answer of the usual size fits in. */
    static final int BUFFER = 4 << 10;

    private static final int BULK_BUFFER = 64 << 10;

    private static final int GROUP = 0;
    private static final int BULK_GROUP = 1;

    /** With so many completions in a turn, it pays to wait a moment for more. */
    private static final int BUSY = 16;

    private static final int PATIENT_WANTED = 64;
    private static final int PATIENCE_MICROS = 50;

    /** After so long without anything received, the memory to receive into is given back. */
    private static final long QUIET_NANOS = 5_000_000;

    /** How long to wait for the end of what was cancelled; it takes microseconds. */
    private static final long END_NANOS = 1_000_000_000;

    private static final long SETTLE_NANOS = 10_000_000;

    /** This poller's own: nobody borrows it. After the end, one that others have too. */
    private Scratch scratch;

    private final Features features;
    private final RingSize size;
    private final LoopCache memory = new LoopCache(SegmentPool.shared());
    private final Slots slots = new Slots();

    /** Those that go on without a completion. */
    final Turns turns = new Turns();

    private final Completions completions = new Completions();

    /** What the next wait begins. */
    final Submissions submissions;

    private final BufferRing buffers;
    private final BufferRing bulk;
    private final Waker waker;
    private final ZeroCopyRing zeroCopyRing;

    /** Whether an operation waits for something in {@link #zeroCopyRing}. */
    private volatile boolean zeroCopyWatched;

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

    /** Whether the last turn had many completions. Written by the loop. */
    private volatile boolean isBusy;

    /** Whether an Error came while one was failing, so that all look for themselves. Only cleared when they do. */
    private boolean crashesLost;

    /** When a turn first received nothing, or 0 if the last one did. */
    private long quietSince;

    /** Whether a receive begins with the next wait: then it has to find a buffer. */
    private boolean receiveBegins;

    /** For when there is no memory to say more. */
    private final TransportException broken = new TransportException("io_uring on another thread", Errno.ENOMEM);

    /** Why the ring takes nothing any more, or null. */
    private @Nullable TransportException failure;

    private boolean closed;

    private @Nullable MemoryBudget budget;

    UringPoller(Features features, RingSize size) throws TransportException {
        this.features = features;
        this.size = size;
        zeroCopyRing = new ZeroCopyRing(features.setup());
        Scratch own = new Scratch();
        scratch = own;
        BufferRing small = null;
        BufferRing big = null;
        Ring first = null;
        Ring second = null;
        Waker wakeups = null;
        try {
            small = new BufferRing(GROUP, size.buffers(), BUFFER, false, memory);
            big = new BufferRing(BULK_GROUP, size.bulkBuffers(), BULK_BUFFER, features.incremental(), memory);
            first = Ring.open(own, features.setup(), size);
            second = Ring.open(own, features.setup(), size);
            wakeups = new Waker(features, own);
            buffers = small;
            bulk = big;
            ring = first;
            spare = second;
            waker = wakeups;
            submissions = new Submissions(first, this::submit);
        } catch (Throwable t) {
            close(own, first, second, wakeups, small, big);
            throw t;
        }
    }

    private static void close(
            Scratch scratch,
            @Nullable Ring first,
            @Nullable Ring second,
            @Nullable Waker waker,
            @Nullable BufferRing small,
            @Nullable BufferRing big) {
        if (waker != null) {
            waker.close(scratch);
        }
        if (first != null) {
            first.close(scratch);
        }
        if (second != null) {
            second.close(scratch);
        }
        if (small != null) {
            small.close();
        }
        if (big != null) {
            big.close();
        }
        scratch.giveBack();
    }

    Scratch scratch() {
        return scratch;
    }

    // ---------------------------------------------------------------- threads

    /** After an Error, or if the kernel is short of something, it may be called again, and begins with another ring. */
    @Override
    public void takeOver() throws TransportException {
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
    public void leave() {
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
            throw broken; // what it has completed would be lost, and with it bytes
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
        bulk.provideAgain();
        slots.forEach(UringPoller::move);
        prepareSpare();
    }

    private static void move(Pollable pollable) {
        Completable moved = (Completable) pollable;
        try {
            moved.moved();
        } catch (Throwable t) {
            moved.crashed(t); // I3
        }
    }

    private void begin(Ring next) throws TransportException {
        next.enable(scratch);
        buffers.attach(scratch, next.descriptor().fd());
        bulk.attach(scratch, next.descriptor().fd());
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

    /** Makes a ring for the next thread, if there is none and it can be had. */
    private void prepareSpare() {
        if (spare == null) {
            try {
                spare = Ring.open(scratch, features.setup(), size);
            } catch (TransportException | OutOfMemoryError e) {
                // tried again when it is needed
            }
        }
    }

    private void closeSpare() {
        Ring unused = spare;
        if (unused != null) {
            spare = null;
            unused.close(scratch);
        }
    }

    @Override
    public void wakeup() {
        waker.wake(ring.descriptor());
    }

    /** {@return what ends its waits} */
    Waker waker() {
        return waker;
    }

    /** {@return the ring of now; any thread} */
    Ring ring() {
        return ring;
    }

    // ---------------------------------------------------------------- turns

    @Override
    public boolean fetch(long timeoutNanos) throws IOException {
        takeOver();
        if (crashesLost) {
            slots.forEach(CRASH_AGAIN);
            crashesLost = false; // not before all have looked
        }
        boolean goesOn = turns.begin();
        checkFailure();
        if (LibcUnistd.hasLeftovers()) {
            LibcUnistd.closeLeftovers(scratch);
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
                waits ? turns.bounded(timeoutNanos) : 0,
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

    /** Submits, and waits as {@link Ring#enter} does; {@return whether anything was received} */
    private boolean enter(int wanted, long timeoutNanos, int patienceMicros) throws TransportException {
        int from = completions.end();
        publish();
        ring.enter(scratch, completions, wanted, timeoutNanos, patienceMicros);
        taken();
        return announce(from);
    }

    private void taken() {
        if (ring.isSubmitted()) { // else the kernel has not copied all messages
            submissions.taken();
        }
        receiveBegins = false;
    }

    private void publish() {
        buffers.publish();
        bulk.publish();
    }

    /** Has the kernel begin what was added in this turn. If it does not, the loop learns of it when it fetches. */
    void submit() {
        int from = completions.end();
        try {
            takeOver();
            checkFailure();
            publish();
            ring.submit(scratch, completions);
        } catch (TransportException e) {
            failure = e;
        }
        taken();
        announce(from);
    }

    private void checkFailure() throws TransportException {
        TransportException e = failure;
        if (e != null) {
            throw e;
        }
    }

    /**
     * Takes what was received out of the buffers, in the order in which the kernel filled them, and says so to the
     * sockets. It does not fail: what follows would be lost.
     *
     * @return whether that was anything
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
            BufferRing filled = buffers(kind);
            int offset = filled.offset(flags);
            completions.setBlock(i, filled.take(flags, completions.result(i)), offset);
            if (slots.find(operation) instanceof Completable target) {
                target.arrived(kind);
            }
        }
        ring.announced();
        return received;
    }

    @Override
    public boolean deliver() {
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

    /** {@return whether anybody was told} */
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
            zeroCopyRing.reap(scratch);
            return false;
        }
        Block block = completions.takeBlock(index);
        if (slots.find(operation) instanceof Completable target) {
            try {
                if (block == null) {
                    target.completed(kind, result, flags);
                } else {
                    target.received(kind, buffers(kind).segment(block, completions.offset(index), result), flags);
                }
            } catch (Throwable t) {
                crash(target, t);
            }
            return true;
        }
        drop(kind, result, block);
        return false;
    }

    private static void crashAgain(Pollable pollable) {
        if (pollable instanceof UringTransport transport) {
            transport.crashAgain(); // none but those that crash do anything then
        }
    }

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

    /** Whom it concerns is gone. */
    private void drop(int kind, int result, @Nullable Block block) {
        if (block != null) {
            block.release();
        } else if (kind == Operation.ACCEPT && result >= 0) {
            LibcUnistd.close(scratch, result);
        }
    }

    /** Delivers the completions of an operation that wait in the batch before their turn. */
    void deliverNow(long operation) {
        for (int i = completions.begin(); i < completions.end(); i++) {
            if (completions.operation(i) == operation) {
                deliver(i);
                completions.remove(i);
            }
        }
    }

    /** Ends a receive, and delivers what it still brings. */
    void endReceive(UringTransport transport, long token) {
        long end = System.nanoTime() + END_NANOS;
        submissions.cancelAll(transport.fd());
        submit();
        do {
            deliverNow(Operation.of(Operation.RECEIVE, token));
            deliverNow(Operation.of(Operation.RECEIVE_BULK, token));
        } while (transport.isReceiving() && System.nanoTime() - end < 0 && settle(1));
    }

    /** Submits, and has the kernel finish what was cancelled: only then it lets go of a socket. */
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

    /** {@return whether the last turn had many completions} Any thread. */
    boolean isBusy() {
        return isBusy;
    }

    /** Has the kernel end the next wait when it no longer needs memory that was sent without copying. */
    private void watchZeroCopy() {
        if (!zeroCopyWatched) {
            zeroCopyWatched = true;
            int fd = zeroCopyRing.fd();
            submissions.poll(fd, 0, IoUring.POLLIN, Operation.of(Operation.ZERO_COPY, 0));
        }
    }

    /** Another thread has sent without copying: the loop is to look when the memory is free again. Any thread. */
    void wakeForZeroCopy() {
        if (zeroCopyRing.isHolding() && !zeroCopyWatched) {
            wakeup();
        }
    }

    /** {@return what sends without copying for the sockets of this loop} Any thread. */
    ZeroCopyRing zeroCopyRing() {
        return zeroCopyRing;
    }

    @Override
    public boolean hasMore() {
        return crashesLost || !turns.isEmpty();
    }

    @Override
    public long untilRetry(long now) {
        return turns.untilRetry(now);
    }

    /**
     * {@return whether the kernel may have received for a socket what was not announced to it yet} Any thread, to be
     * asked after the kernel was: then the socket knows what it does not.
     */
    boolean holds(long token) {
        if (memory.isOwner()) {
            return false; // nothing happens meanwhile
        }
        Ring looked = ring;
        Scratch borrowed = looked.descriptor().enter();
        if (borrowed == null) {
            return true; // it passes on to another thread
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

    @Override
    public void quiesce() {
        buffers.takeBack();
        bulk.takeBack();
        prepareSpare();
    }

    // ---------------------------------------------------------------- sockets

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

    /**
     * What was collected for a descriptor is not submitted any more (I3 of Ring), whatever happens: rather the ring
     * fails than memory and a number that are somebody else's by then reach the kernel.
     */
    void withdraw(int fd) {
        try {
            boolean _ = submissions.withdrawAll(fd);
        } catch (Throwable t) {
            failure = broken;
        }
    }

    void remove(Pollable pollable) {
        if (pollable.isRegistered() && !closed) {
            slots.remove(pollable);
        }
    }

    /**
     * Receives from a socket until that is cancelled or the memory is used up.
     *
     * @param once whether it ends with what is received first, so that a socket gets no more than it asks for
     */
    void receive(int fd, int kind, long token, boolean once) {
        BufferRing from = buffers(kind);
        from.use(); // the kernel wants a buffer at once, even if nothing is there to be received
        receiveBegins = true;
        submissions.receive(fd, from.group(), once, Operation.of(kind, token));
    }

    BufferRing buffers(int kind) {
        return kind == Operation.RECEIVE_BULK ? bulk : buffers;
    }

    @Override
    public void limitBy(MemoryBudget limit) {
        budget = limit;
    }

    /** There is no memory to receive into. */
    void refused() {
        MemoryBudget limit = budget;
        if (limit != null) {
            limit.turns().refused();
        }
    }

    /** {@return whether memory is used up, so that nobody gets big buffers} */
    boolean isCrowded() {
        MemoryBudget limit = budget;
        return limit != null && limit.isExceeded();
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
            waker.close(scratch);
            ring.close(scratch);
            completions.beginBatch();
            for (int i = completions.next(); i >= 0; i = completions.next()) {
                drop(Operation.kind(completions.operation(i)), completions.result(i), completions.takeBlock(i));
            }
            closeSpare();
            zeroCopyRing.close(scratch);
            buffers.close();
            bulk.close();
            submissions.close();
            Scratch own = scratch;
            scratch = Closed.SCRATCH;
            own.giveBack();
        }
    }

    /** For who uses a poller after its end, if anybody does. */
    private static final class Closed {
        static final Scratch SCRATCH = new Scratch();
    }
}

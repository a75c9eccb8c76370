// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import static dev.netpoll.internal.ffi.IoUring.IORING_ENTER_GETEVENTS;
import static dev.netpoll.internal.ffi.IoUring.IORING_ENTER_NO_IOWAIT;
import static dev.netpoll.internal.ffi.IoUring.IORING_FEAT_NO_IOWAIT;
import static dev.netpoll.internal.ffi.IoUring.IORING_OP_NOP;
import static dev.netpoll.internal.ffi.IoUring.IORING_SETUP_CQSIZE;
import static dev.netpoll.internal.ffi.IoUring.IORING_SETUP_R_DISABLED;

import dev.netpoll.internal.ffi.EnterArgument;
import dev.netpoll.internal.ffi.GuardedFd;
import dev.netpoll.internal.ffi.IoUring;
import dev.netpoll.internal.ffi.IoUringParams;
import dev.netpoll.internal.ffi.LibcUnistd;
import dev.netpoll.internal.ffi.MappingException;
import dev.netpoll.internal.ffi.RingMemory;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.TransportException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A submission queue and a completion queue. They belong to the thread that enabled the ring: with SINGLE_ISSUER and
 * DEFER_TASKRUN the kernel works only inside that thread's {@link #enter}, and rejects other threads' submissions.
 *
 * <pre>
 *   made disabled, by any thread --enable--> bound to a thread --close, by any thread--> closed
 * </pre>
 *
 * <ul>
 *   <li>I1 Outside {@link #submit} and {@link #enter} the kernel neither completes operations nor touches their memory:
 *       so a ring whose thread is elsewhere can be closed, and the memory reused. The one exception is the end of the
 *       thread, so the ring is closed before that.
 *   <li>I2 Outside them the completion queue is empty, too, and the kernel holds no overflow: all completions are in
 *       {@link Completions}. So none is lost with the ring.
 *   <li>I3 An entry that names a descriptor is submitted, or withdrawn, before that descriptor is closed, as the number
 *       may soon belong to another file.
 * </ul>
 */
final class Ring {
    /** How often to retry a submission that the kernel cannot take for the moment. */
    private static final int MAX_TRIES = 100;

    /** How often to retry a submission if the JVM has no memory for the call. */
    private static final int MAX_CALLS = 3;

    /** The JVM could not make the call. */
    private static final int NOT_CALLED = Integer.MIN_VALUE;

    /** Replaces a withdrawn entry. */
    private static final long NOTHING = RingMemory.head(IORING_OP_NOP, 0, 0, -1);

    /** How often another thread checks while the owner takes completions out. */
    private static final int MAX_LOOKS = 1000;

    private static final long NOBODY = Operation.of(Operation.CANCEL, 0);

    private static final VarHandle ANNOUNCED;

    static {
        try {
            ANNOUNCED = MethodHandles.lookup().findVarHandle(Ring.class, "announced", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final GuardedFd fd;
    private final RingMemory memory;
    private final int features;
    private final int waitFlags;
    private final EnterArgument argument;
    private int tail;
    private int consumed;

    /** The sockets know of all completions before this one. Written by the owner. */
    @SuppressWarnings("UnusedVariable") // through ANNOUNCED
    private int announced;

    private boolean closed;

    /**
     * Other threads use it to wake the ring's thread. One that runs out of stack may not have called {@link #exit}.
     * Then the close must not wait for the collector: the ring's operations would keep its sockets open.
     */
    private static final class RingFd extends GuardedFd {
        RingFd(int fd) {
            super(fd);
        }

        @Override
        protected void closingLate(Scratch scratch) {
            LibcUnistd.replace(scratch, fd());
        }
    }

    private Ring(int fd, RingMemory memory, int features) {
        this.fd = new RingFd(fd);
        this.memory = memory;
        this.argument = memory.argument();
        this.features = features;
        // Waiting for peers must not count as waiting for a disk (iowait).
        waitFlags = IORING_ENTER_GETEVENTS | (has(IORING_FEAT_NO_IOWAIT) ? IORING_ENTER_NO_IOWAIT : 0);
    }

    /** Opens a ring that is not bound to a thread yet. */
    static Ring open(Scratch scratch, int setupFlags, RingSize size) throws TransportException {
        int flags = setupFlags | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE;
        IoUringParams params = new IoUringParams(scratch, flags, size.completions());
        int fd = IoUring.setup(scratch, size.submissions(), params);
        if (fd < 0) {
            throw new TransportException("io_uring_setup", -fd);
        }
        boolean made = false;
        RingMemory mapped = null;
        try {
            mapped = RingMemory.map(scratch, fd, params);
            Ring ring = new Ring(fd, mapped, params.features());
            made = true;
            return ring;
        } catch (MappingException e) {
            throw new TransportException("mmap of an io_uring", e.errno());
        } finally {
            if (!made) {
                if (mapped != null) {
                    mapped.close();
                }
                LibcUnistd.close(scratch, fd);
            }
        }
    }

    /** Binds the ring to the calling thread. */
    void enable(Scratch scratch) throws TransportException {
        int result = IoUring.enable(scratch, fd.fd());
        if (result < 0) {
            throw new TransportException("io_uring_register", -result);
        }
    }

    /** {@return whether the kernel has this {@code IORING_FEAT_...}} */
    boolean has(int feature) {
        return (features & feature) != 0;
    }

    /** {@return the descriptor} Other threads use it between its enter and exit, to wake the ring's thread. */
    GuardedFd descriptor() {
        return fd;
    }

    /** {@return whether the submission queue is full} */
    boolean isFull() {
        return tail - memory.submittedUpTo() == memory.submissions();
    }

    /** {@return whether the kernel has taken all submissions} */
    boolean isSubmitted() {
        return tail == memory.submittedUpTo();
    }

    /** Adds a submission queue entry, for which there must be room; see {@link RingMemory#submission}. */
    void add(long head, long address, long lengthAndFlags, long operation, int bufferGroup) {
        memory.submission(tail, head, address, lengthAndFlags, operation, bufferGroup);
        tail++; // last: an entry half written for lack of stack does not count
    }

    /** Withdraws an operation that the kernel has not taken yet; {@return whether there was one} */
    boolean withdraw(long operation) {
        boolean found = false;
        for (int i = memory.submittedUpTo(); i != tail; i++) {
            if (memory.submissionUserData(i) == operation) {
                memory.submission(i, NOTHING, 0, 0, NOBODY, 0);
                found = true;
            }
        }
        return found;
    }

    /** Withdraws all operations on a descriptor that the kernel has not taken yet (I3). */
    void withdrawAll(int descriptor) {
        for (int i = memory.submittedUpTo(); i != tail; i++) {
            if ((int) (memory.submissionHead(i) >>> Integer.SIZE) == descriptor) {
                memory.submission(i, NOTHING, 0, 0, NOBODY, 0);
            }
        }
    }

    /**
     * Submits all entries. Operations that the kernel can do at once are then complete. If the JVM lacks memory,
     * entries may be left: see {@link #isSubmitted}.
     */
    void submit(Scratch scratch, Completions completions) throws TransportException {
        memory.submitUpTo(tail);
        for (int tries = 0; tail != memory.submittedUpTo(); tries++) {
            int result = submitSome(scratch);
            drain(scratch, completions);
            if (result == NOT_CALLED) {
                if (tries >= MAX_CALLS) {
                    return;
                }
            } else if (result < 0 && (!isPassing(-result) || tries == MAX_TRIES)) {
                throw new TransportException("io_uring_enter", -result);
            }
        }
        drain(scratch, completions);
    }

    private int submitSome(Scratch scratch) {
        try {
            return IoUring.submit(scratch, fd.fd(), tail - memory.submittedUpTo());
        } catch (OutOfMemoryError | StackOverflowError e) {
            return NOT_CALLED;
        }
    }

    /**
     * Submits, and waits.
     *
     * @param wanted how many completions to wait for
     * @param timeoutNanos how long to wait for one at most; a negative value has no limit
     * @param patienceMicros how long to wait for all of them; afterwards one is enough
     */
    void enter(Scratch scratch, Completions completions, int wanted, long timeoutNanos, int patienceMicros)
            throws TransportException {
        memory.submitUpTo(tail);
        argument.limit(timeoutNanos, patienceMicros);
        int result = enter(scratch, tail - memory.submittedUpTo(), wanted, waitFlags);
        drain(scratch, completions);
        if (result < 0 && result != NOT_CALLED && result != -Errno.ETIME && !isPassing(-result)) {
            throw new TransportException("io_uring_enter", -result);
        }
    }

    /** Loses nothing if the JVM cannot make the call: the completions are in memory shared with the kernel. */
    private int enter(Scratch scratch, int submissions, int wanted, int flags) {
        try {
            return IoUring.enter(scratch, fd.fd(), submissions, wanted, flags, argument);
        } catch (OutOfMemoryError | StackOverflowError e) {
            return NOT_CALLED;
        }
    }

    private static boolean isPassing(int errno) {
        return errno == Errno.EINTR || errno == Errno.EAGAIN || errno == Errno.EBUSY;
    }

    /** I2. When entered, the kernel moves overflowed completions into the queue if there is room. */
    private void drain(Scratch scratch, Completions completions) {
        take(completions);
        while (memory.hasOverflow()) {
            argument.limit(0, 0);
            int _ = enter(scratch, 0, 0, IORING_ENTER_GETEVENTS);
            if (!take(completions)) {
                return; // the next enter reports why
            }
        }
    }

    private boolean take(Completions completions) {
        int to = completions.take(memory, consumed, memory.completedUpTo());
        if (to == consumed) {
            return false;
        }
        consumed = to;
        memory.consumeUpTo(to);
        return true;
    }

    /** {@return whether all completions were taken out} Only a lack of memory leaves some. */
    boolean isTaken() {
        return consumed == memory.completedUpTo() && !memory.hasOverflow();
    }

    /** The sockets now know of all completions that were taken out. */
    void announced() {
        ANNOUNCED.setRelease(this, consumed);
    }

    /**
     * {@return whether there may be an unannounced completion of one of these operations} Any thread. If not, those
     * taken out meanwhile were announced.
     */
    boolean holds(Scratch scratch, long operation, long other) {
        IoUring.awaitCompletions(scratch, fd.fd());
        for (int looks = 0; looks < MAX_LOOKS; looks++) {
            int from = (int) ANNOUNCED.getAcquire(this);
            int to = memory.completedUpTo();
            if (memory.hasOverflow()) {
                return true;
            }
            for (int i = from; i != to; i++) {
                long found = memory.userData(i);
                if (found == operation || found == other) {
                    return true;
                }
            }
            if (memory.consumedUpTo() == from) {
                return false; // so no entry was overwritten before it was read
            }
            Thread.onSpinWait(); // the owner is taking them out, and will soon announce them
        }
        return true;
    }

    boolean isClosed() {
        return closed;
    }

    /** Closes the ring, which cancels its operations. Any thread, but only the ring's owner. Idempotent. */
    void close(Scratch scratch) {
        if (!closed) {
            closed = true;
            try {
                memory.close(); // the kernel keeps the ring until it is no longer mapped
            } finally {
                fd.close(scratch);
            }
        }
    }
}

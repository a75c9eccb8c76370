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
 * A submission queue and a completion queue. It belongs to the thread that enabled it: with SINGLE_ISSUER and
 * DEFER_TASKRUN the kernel does its part only inside that thread's {@link #enter}, and takes submissions of no other.
 *
 * <pre>
 *   made disabled, by any thread --enable--> bound to a thread --close, by any thread--> closed
 * </pre>
 *
 * <ul>
 *   <li>I1 Outside of {@link #submit} and {@link #enter} the kernel neither completes anything nor touches memory that
 *       it was given: so a ring whose thread is elsewhere can be closed, and its memory used again. Only when a thread
 *       ends, the kernel does so once more: so the ring is closed before its thread ends.
 *   <li>I2 Outside of them the completion queue is empty too, and the kernel keeps nothing that did not fit: all is
 *       in {@link Completions}. So no completion is lost with the ring.
 *   <li>I3 A submission that names a descriptor is submitted before that descriptor is closed, since the number may
 *       soon belong to somebody else.
 * </ul>
 */
final class Ring {
    /** How often a submission is tried again that the kernel, or the JVM, has no memory for. */
    private static final int MAX_TRIES = 100;

    /** How often, if the JVM has no memory for the call. */
    private static final int MAX_CALLS = 3;

    /** The JVM could not make the call. */
    private static final int NOT_CALLED = Integer.MIN_VALUE;

    /** What is done instead of what was withdrawn. */
    private static final long NOTHING = RingMemory.head(IORING_OP_NOP, 0, 0, -1);

    /** How often somebody else looks while the owner takes completions out. */
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

    /** Whom the completions before this one concern, knows of them. Written by the owner. */
    @SuppressWarnings("UnusedVariable") // through ANNOUNCED
    private int announced;

    private boolean closed;

    /**
     * Others use it to wake the ring's thread. One that meets the end of its stack may not have said that it left. The
     * close must not wait for the collector then: what the ring has under way would keep its sockets open.
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
        // A thread that waits for its peers does not wait for a disk.
        waitFlags = IORING_ENTER_GETEVENTS | (has(IORING_FEAT_NO_IOWAIT) ? IORING_ENTER_NO_IOWAIT : 0);
    }

    /** Makes one that is not bound to a thread yet. */
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

    /** Binds it to the calling thread. */
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

    /** {@return the descriptor: for others to wake its thread, inside of enter and exit} */
    GuardedFd descriptor() {
        return fd;
    }

    /** {@return whether as many submissions wait as fit} */
    boolean isFull() {
        return tail - memory.submittedUpTo() == memory.submissions();
    }

    /** {@return whether the kernel has taken all that was added} */
    boolean isSubmitted() {
        return tail == memory.submittedUpTo();
    }

    /** Adds a submission, for which there must be room; see {@link RingMemory#submission}. */
    void add(long head, long address, long lengthAndFlags, long operation, int bufferGroup) {
        memory.submission(tail, head, address, lengthAndFlags, operation, bufferGroup);
        tail++; // last: one that is half written, for want of stack, is none
    }

    /** Takes an operation back that the kernel has not taken yet; {@return whether it was so} */
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

    /** Takes all operations on a descriptor back that the kernel has not taken yet (I3). */
    void withdrawAll(int descriptor) {
        for (int i = memory.submittedUpTo(); i != tail; i++) {
            if ((int) (memory.submissionHead(i) >>> Integer.SIZE) == descriptor) {
                memory.submission(i, NOTHING, 0, 0, NOBODY, 0);
            }
        }
    }

    /**
     * Has the kernel begin all that was added. What it can do at once is complete then. Without memory in the JVM,
     * something may be left, see {@link #isSubmitted}.
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
     * @param timeoutNanos how long to wait for one at most; negative: without limit
     * @param patienceMicros how long to wait for all that are wanted
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

    /** What the kernel has done lies in memory that it shares with us: so nothing is lost if the call can't be made. */
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

    /** I2. The kernel puts what did not fit into the queue when it is entered and there is room. */
    private void drain(Scratch scratch, Completions completions) {
        take(completions);
        while (memory.hasOverflow()) {
            argument.limit(0, 0);
            int _ = enter(scratch, 0, 0, IORING_ENTER_GETEVENTS);
            if (!take(completions)) {
                return; // the next enter says why
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

    /** {@return whether nothing is left here that was completed} Only a lack of memory leaves something. */
    boolean isTaken() {
        return consumed == memory.completedUpTo() && !memory.hasOverflow();
    }

    /** Whom the completions concern that were taken out, knows of them now. */
    void announced() {
        ANNOUNCED.setRelease(this, consumed);
    }

    /**
     * {@return whether a completion of one of these operations may lie here that was not announced} Any thread. What is
     * taken out meanwhile is announced by the time that this returns.
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
                return false; // so none was overwritten that we were to see
            }
            Thread.onSpinWait(); // the owner takes them out, and will have announced them soon
        }
        return true;
    }

    boolean isClosed() {
        return closed;
    }

    /** Gives it up, with all that is under way. Any thread, but only one: the ring's owner. Idempotent. */
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

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import static dev.netpoll.internal.ffi.IoUring.IORING_ENTER_GETEVENTS;
import static dev.netpoll.internal.ffi.IoUring.IORING_ENTER_NO_IOWAIT;
import static dev.netpoll.internal.ffi.IoUring.IORING_FEAT_NO_IOWAIT;
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
import dev.netpoll.internal.poll.Errno;
import dev.netpoll.internal.poll.TransportException;

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
    /** How often a submission is tried again that the kernel has no memory for. */
    private static final int MAX_TRIES = 100;

    private final GuardedFd fd;
    private final RingMemory memory;
    private final int features;
    private final int waitFlags;
    private final EnterArgument argument = new EnterArgument();
    private int tail;
    private int consumed;
    private boolean closed;

    private Ring(int fd, RingMemory memory, int features) {
        this.fd = new GuardedFd(fd);
        this.memory = memory;
        this.features = features;
        // A thread that waits for its peers does not wait for a disk.
        waitFlags = IORING_ENTER_GETEVENTS | (has(IORING_FEAT_NO_IOWAIT) ? IORING_ENTER_NO_IOWAIT : 0);
    }

    /** Makes one that is not bound to a thread yet. */
    static Ring open(Scratch scratch, int setupFlags, RingSize size) throws TransportException {
        IoUringParams params =
                new IoUringParams(setupFlags | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE, size.completions());
        int fd = IoUring.setup(scratch, size.submissions(), params);
        if (fd < 0) {
            throw new TransportException("io_uring_setup", -fd);
        }
        try {
            return new Ring(fd, RingMemory.map(scratch, fd, params), params.features());
        } catch (MappingException e) {
            LibcUnistd.close(scratch, fd);
            throw new TransportException("mmap of an io_uring", e.errno());
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
        memory.submission(tail++, head, address, lengthAndFlags, operation, bufferGroup);
    }

    /** Has the kernel begin all that was added. What it can do at once is complete then. */
    void submit(Scratch scratch, Completions completions) throws TransportException {
        memory.submitUpTo(tail);
        for (int tries = 0; tail != memory.submittedUpTo(); tries++) {
            int result = IoUring.submit(scratch, fd.fd(), tail - memory.submittedUpTo());
            drain(scratch, completions);
            if (result < 0 && (!isPassing(-result) || tries == MAX_TRIES)) {
                throw new TransportException("io_uring_enter", -result);
            }
        }
        drain(scratch, completions);
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
        int result = enter(scratch, wanted, timeoutNanos, patienceMicros);
        drain(scratch, completions);
        if (result < 0 && result != -Errno.ETIME && !isPassing(-result)) {
            throw new TransportException("io_uring_enter", -result);
        }
    }

    private int enter(Scratch scratch, int wanted, long timeoutNanos, int patienceMicros) {
        int unsubmitted = tail - memory.submittedUpTo();
        argument.limit(timeoutNanos, patienceMicros);
        return IoUring.enter(scratch, fd.fd(), unsubmitted, wanted, waitFlags, argument);
    }

    private static boolean isPassing(int errno) {
        return errno == Errno.EINTR || errno == Errno.EAGAIN || errno == Errno.EBUSY;
    }

    /** I2. The kernel puts what did not fit into the queue when it is entered and there is room. */
    private void drain(Scratch scratch, Completions completions) {
        take(completions);
        while (memory.hasOverflow()) {
            int _ = IoUring.enter(scratch, fd.fd(), 0, 0, IORING_ENTER_GETEVENTS, argument.limit(0, 0));
            if (!take(completions)) {
                return; // the next enter says why
            }
        }
    }

    private boolean take(Completions completions) {
        int to = memory.completedUpTo();
        if (to == consumed) {
            return false;
        }
        completions.take(memory, consumed, to);
        consumed = to;
        memory.consumeUpTo(to);
        return true;
    }

    boolean isClosed() {
        return closed;
    }

    /** Gives it up, with all that is under way. Any thread, but only one: the ring's owner. Idempotent. */
    void close(Scratch scratch) {
        if (!closed) {
            closed = true;
            memory.close(); // the kernel keeps the ring until it is no longer mapped
            fd.close(scratch);
        }
    }
}

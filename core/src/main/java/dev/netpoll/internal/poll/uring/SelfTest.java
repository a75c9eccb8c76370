// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import static dev.netpoll.internal.ffi.IoUring.IORING_SETUP_DEFER_TASKRUN;
import static dev.netpoll.internal.ffi.IoUring.IORING_SETUP_NO_SQARRAY;
import static dev.netpoll.internal.ffi.IoUring.IORING_SETUP_SINGLE_ISSUER;
import static dev.netpoll.internal.ffi.IoUring.IORING_SETUP_SUBMIT_ALL;

import dev.netpoll.internal.ffi.BufferRingMemory;
import dev.netpoll.internal.ffi.GuardedFd;
import dev.netpoll.internal.ffi.IoUring;
import dev.netpoll.internal.ffi.LibcEventfd;
import dev.netpoll.internal.ffi.LibcUnistd;
import dev.netpoll.internal.ffi.RingMemory;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.TransportException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Detects the features of this kernel's io_uring by using them: a no-op, a wake-up and two reads into one buffer. */
final class SelfTest implements Runnable {
    /** Without these, io_uring would be slower than epoll. They require Linux 6.1. */
    static final int NEEDED = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL;

    /** Newest first. */
    private static final int[] SETUPS = {NEEDED | IORING_SETUP_NO_SQARRAY, NEEDED};

    private static final RingSize SIZE = new RingSize(8, 16, 2, 2);
    private static final long WAIT_NANOS = 1_000_000_000;
    private static final int GROUP = 0;
    private static final int BUFFER_ID = 1;

    private final Scratch scratch = new Scratch();
    private final Completions completions = new Completions();
    private @Nullable Features features;
    private @Nullable Throwable failure;

    /** {@return the detected features, or null if the test failed} */
    @Nullable
    Features features() {
        return features;
    }

    /** {@return why the test failed, or null} */
    @Nullable
    Throwable failure() {
        return failure;
    }

    @Override
    public void run() {
        try {
            features = test();
        } catch (Throwable e) { // whatever it is, io_uring is not available
            failure = e;
        } finally {
            scratch.giveBack();
        }
    }

    private Features test() throws TransportException {
        int setup = 0;
        Ring ring = null;
        for (int i = 0; ring == null; i++) {
            setup = SETUPS[i];
            try {
                ring = Ring.open(scratch, setup, SIZE);
            } catch (TransportException e) {
                if (e.errno() != Errno.EINVAL || i + 1 == SETUPS.length) {
                    throw e;
                }
            }
        }
        try {
            ring.enable(scratch);
            testNoOperation(ring);
            boolean messages = testMessage(ring);
            boolean incremental = testBuffers(ring);
            return new Features(setup, incremental, messages, ring.has(IoUring.IORING_FEAT_MIN_TIMEOUT));
        } finally {
            ring.close(scratch);
        }
    }

    private void testNoOperation(Ring ring) throws TransportException {
        long operation = Operation.of(Operation.SEND, 0x0123_4567_89ab_cdefL); // tests the layouts
        ring.add(RingMemory.head(IoUring.IORING_OP_NOP, 0, 0, -1), 0, 0, operation, 0);
        int place = await(ring);
        check("a no-op", completions.operation(place) == operation && completions.result(place) == 0);
    }

    /** {@return whether any thread can post a completion} */
    private boolean testMessage(Ring ring) throws TransportException {
        GuardedFd fd = ring.descriptor();
        long operation = Operation.of(Operation.WAKE, 1);
        int result = IoUring.sendMessage(scratch, fd.fd(), operation);
        if (result == -Errno.EINVAL) {
            return false;
        }
        check("posting a message", result >= 0);
        check("receiving a message", completions.operation(await(ring)) == operation);
        return true;
    }

    /** {@return whether a buffer is filled piece by piece} */
    private boolean testBuffers(Ring ring) throws TransportException {
        try (BufferRingMemory buffers = new BufferRingMemory(2);
                Arena arena = Arena.ofConfined()) {
            int registered = buffers.register(scratch, ring.descriptor().fd(), GROUP, IoUring.IOU_PBUF_RING_INC);
            boolean incremental = registered == 0;
            if (!incremental) {
                registered = buffers.register(scratch, ring.descriptor().fd(), GROUP, 0);
            }
            if (registered < 0) {
                throw new TransportException("io_uring_register of buffers", -registered);
            }
            MemorySegment memory = arena.allocate(2 * Long.BYTES, Long.BYTES);
            // SAFETY: the memory lives until after the last wait; the kernel writes only then.
            buffers.buffer(0, memory.address(), 2 * Long.BYTES, BUFFER_ID);
            buffers.publishUpTo(1);
            boolean more = read(ring, memory, 0, 7);
            if (more && incremental) {
                read(ring, memory, Long.BYTES, 11);
            }
            return more && incremental;
        }
    }

    /** Reads a number from an eventfd into the buffer; {@return whether there is room for another} */
    private boolean read(Ring ring, MemorySegment memory, long at, long number) throws TransportException {
        int eventfd = LibcEventfd.eventfd(scratch);
        if (eventfd < 0) {
            throw new TransportException("eventfd", -eventfd);
        }
        try {
            LibcEventfd.write(scratch, eventfd, number);
            long head = RingMemory.head(IoUring.IORING_OP_READ, IoUring.IOSQE_BUFFER_SELECT, 0, eventfd);
            ring.add(head, 0, Long.BYTES, Operation.of(Operation.RECEIVE, 1), GROUP);
            int place = await(ring);
            int flags = completions.flags(place);
            check(
                    "a buffer",
                    completions.result(place) == Long.BYTES
                            && flags >>> IoUring.IORING_CQE_BUFFER_SHIFT == BUFFER_ID
                            && memory.get(ValueLayout.JAVA_LONG, at) == number);
            return (flags & IoUring.IORING_CQE_F_BUF_MORE) != 0;
        } finally {
            LibcUnistd.close(scratch, eventfd);
        }
    }

    private int await(Ring ring) throws TransportException {
        ring.enter(scratch, completions, 1, WAIT_NANOS, 0);
        completions.beginBatch();
        int place = completions.next();
        if (place < 0) {
            throw new TransportException("io_uring_enter", Errno.ETIME);
        }
        return place;
    }

    private static void check(String what, boolean holds) {
        if (!holds) {
            throw new IllegalStateException(what + " did not work as documented");
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import static dev.netpoll.internal.ffi.IoUring.IORING_ASYNC_CANCEL_ALL;
import static dev.netpoll.internal.ffi.IoUring.IORING_ASYNC_CANCEL_FD;
import static dev.netpoll.internal.ffi.IoUring.IORING_OP_ASYNC_CANCEL;
import static dev.netpoll.internal.ffi.IoUring.IORING_OP_POLL_ADD;
import static dev.netpoll.internal.ffi.IoUring.IORING_OP_RECV;
import static dev.netpoll.internal.ffi.IoUring.IORING_OP_SEND;
import static dev.netpoll.internal.ffi.IoUring.IORING_OP_SENDMSG;
import static dev.netpoll.internal.ffi.IoUring.IORING_RECV_MULTISHOT;
import static dev.netpoll.internal.ffi.IoUring.IOSQE_BUFFER_SELECT;
import static dev.netpoll.internal.ffi.IoUring.IOSQE_CQE_SKIP_SUCCESS;

import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.ffi.Messages;
import dev.netpoll.internal.ffi.RingMemory;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.poll.posix.ZeroCopySender;
import org.jspecify.annotations.Nullable;

/**
 * Collects the operations of a loop's sockets, and submits them with the next wait, or earlier if the queue is full.
 * Not thread-safe: loop only.
 */
final class Submissions {
    /** The most messages of several parts in one submission. */
    private static final int MESSAGES = 32;

    private static final long NOBODY = Operation.of(Operation.CANCEL, 0);

    private final Runnable submit;
    private final Messages messages = new Messages(MESSAGES);
    private Ring ring;

    /** Calls {@code submit} when the ring is full. */
    Submissions(Ring ring, Runnable submit) {
        this.ring = ring;
        this.submit = submit;
    }

    /** Collects for another ring from now on. */
    void attach(Ring next) {
        ring = next;
        messages.reset();
    }

    /** Frees the memory. */
    void close() {
        messages.close();
    }

    /** The kernel has taken all submissions: their messages can be reused. */
    void taken() {
        messages.reset();
    }

    /** {@return the ring if it has room, else null: then it is broken, and the next fetch reports why} */
    private @Nullable Ring room() {
        if (ring.isClosed()) {
            return null; // and there is no other ring
        }
        if (ring.isFull()) {
            submit.run();
        }
        return ring.isFull() ? null : ring;
    }

    /** Adds an operation. */
    void add(int opcode, int flags, int ioprio, int fd, long address, int length, int operationFlags, long operation) {
        Ring to = room();
        if (to != null) {
            long head = RingMemory.head(opcode, flags, ioprio, fd);
            to.add(head, address, RingMemory.pair(length, operationFlags), operation, 0);
        }
    }

    /** Receives into a buffer group, once, or until it is cancelled or no buffer is left. */
    void receive(int fd, int bufferGroup, boolean once, long operation) {
        Ring to = room();
        if (to != null) {
            int again = once ? 0 : IORING_RECV_MULTISHOT;
            long head = RingMemory.head(IORING_OP_RECV, IOSQE_BUFFER_SELECT, again, fd);
            to.add(head, 0, 0, operation, bufferGroup);
        }
    }

    /**
     * Waits until a descriptor is ready.
     *
     * @param flags 0 or IORING_POLL_ADD_MULTI
     * @param events as in poll(2)
     */
    void poll(int fd, int flags, int events, long operation) {
        add(IORING_OP_POLL_ADD, 0, 0, fd, 0, flags, events, operation);
    }

    /** Cancels all operations on a descriptor. */
    void cancelAll(int fd) {
        int flags = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD;
        add(IORING_OP_ASYNC_CANCEL, IOSQE_CQE_SKIP_SUCCESS, 0, fd, 0, 0, flags, NOBODY);
    }

    /** Withdraws an operation that the kernel has not taken yet; {@return whether there was one} */
    boolean withdraw(long operation) {
        return !ring.isClosed() && ring.withdraw(operation);
    }

    /** Withdraws a descriptor's operations that the kernel has not taken yet; {@return whether there may be any} */
    boolean withdrawAll(int fd) {
        if (ring.isClosed() || ring.isSubmitted()) {
            return false;
        }
        ring.withdrawAll(fd);
        return true;
    }

    /** Cancels one operation. */
    void cancel(long operation) {
        add(IORING_OP_ASYNC_CANCEL, IOSQE_CQE_SKIP_SUCCESS, 0, -1, operation, 0, 0, NOBODY);
    }

    /** Cancels every operation that a stream socket may have. Names no descriptor, so it may be submitted later. */
    void cancelEach(long token) {
        for (int kind = Operation.RECEIVE; kind <= Operation.HANG_UP; kind++) {
            cancel(Operation.of(kind, token));
        }
    }

    /** Sends as many segments as fit in a message, up to the first that {@code large} takes; {@return their bytes} */
    int send(int fd, Segment head, @Nullable ZeroCopySender large, long operation) {
        if (room() == null) {
            return 0;
        }
        Segment second = head.next;
        if (second == null || second.block == null || isTaken(large, second)) {
            add(IORING_OP_SEND, 0, 0, fd, head.address(), head.length(), sendFlags(second), operation);
            return head.length();
        }
        if (messages.isFull()) {
            submit.run();
        }
        int parts = 0;
        int bytes = 0;
        Segment s = head;
        while (s != null && s.block != null && parts < Messages.PARTS && bytes + s.length() > 0 && !isTaken(large, s)) {
            messages.part(parts++, s.address(), s.length());
            bytes += s.length();
            s = s.next;
        }
        add(IORING_OP_SENDMSG, 0, 0, fd, messages.take(parts), 1, sendFlags(s), operation);
        return bytes;
    }

    private static boolean isTaken(@Nullable ZeroCopySender large, Segment segment) {
        return large != null && large.takes(segment);
    }

    /** Adds MSG_MORE if more follows at once, so that the kernel does not send a small packet now. */
    private static int sendFlags(@Nullable Segment next) {
        int flags = LibcSocket.MSG_NOSIGNAL | LibcSocket.MSG_DONTWAIT;
        return next == null ? flags : flags | LibcSocket.MSG_MORE;
    }
}

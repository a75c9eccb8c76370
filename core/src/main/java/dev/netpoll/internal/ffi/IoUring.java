// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import java.lang.ref.Reference;

/**
 * {@code <linux/io_uring.h>}: the three system calls and their numbers, which are the same on x86-64 and aarch64.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/io_uring.7.html">io_uring(7)</a>
 */
public final class IoUring {
    // Flags of io_uring_setup.
    public static final int IORING_SETUP_CQSIZE = 1 << 3;
    public static final int IORING_SETUP_R_DISABLED = 1 << 6;
    public static final int IORING_SETUP_SUBMIT_ALL = 1 << 7;
    public static final int IORING_SETUP_SINGLE_ISSUER = 1 << 12;
    public static final int IORING_SETUP_DEFER_TASKRUN = 1 << 13;
    public static final int IORING_SETUP_NO_SQARRAY = 1 << 16;

    // Features that io_uring_setup reports.
    public static final int IORING_FEAT_MIN_TIMEOUT = 1 << 15;
    public static final int IORING_FEAT_NO_IOWAIT = 1 << 17;

    // Flags of io_uring_enter.
    public static final int IORING_ENTER_GETEVENTS = 1;
    public static final int IORING_ENTER_EXT_ARG = 1 << 3;
    public static final int IORING_ENTER_NO_IOWAIT = 1 << 7;

    // Operations of io_uring_register.
    public static final int IORING_REGISTER_ENABLE_RINGS = 12;
    public static final int IORING_REGISTER_PBUF_RING = 22;
    public static final int IORING_REGISTER_SEND_MSG_RING = 31;

    // Operations.
    public static final int IORING_OP_NOP = 0;
    public static final int IORING_OP_POLL_ADD = 6;
    public static final int IORING_OP_SENDMSG = 9;
    public static final int IORING_OP_ACCEPT = 13;
    public static final int IORING_OP_ASYNC_CANCEL = 14;
    public static final int IORING_OP_READ = 22;
    public static final int IORING_OP_SEND = 26;
    public static final int IORING_OP_RECV = 27;
    public static final int IORING_OP_MSG_RING = 40;
    public static final int IORING_OP_SEND_ZC = 47;

    // Flags of a submission.
    public static final int IOSQE_BUFFER_SELECT = 1 << 5;
    public static final int IOSQE_CQE_SKIP_SUCCESS = 1 << 6;

    // Flags of single operations, in ioprio or in the flags of the operation.
    public static final int IORING_RECV_MULTISHOT = 1 << 1;
    public static final int IORING_SEND_ZC_REPORT_USAGE = 1 << 3;
    public static final int IORING_ACCEPT_MULTISHOT = 1;
    public static final int IORING_POLL_ADD_MULTI = 1;
    public static final int IORING_ASYNC_CANCEL_ALL = 1;
    public static final int IORING_ASYNC_CANCEL_FD = 1 << 1;

    // Flags of a completion.
    public static final int IORING_CQE_F_BUFFER = 1;
    public static final int IORING_CQE_F_MORE = 1 << 1;
    public static final int IORING_CQE_F_NOTIF = 1 << 3;
    public static final int IORING_CQE_F_BUF_MORE = 1 << 4;
    public static final int IORING_CQE_BUFFER_SHIFT = 16;

    /** In the result of a notification: the kernel had to copy. */
    public static final int IORING_NOTIF_USAGE_ZC_COPIED = 1 << 31;

    /** In the flags of the submission queue: the kernel keeps completions that did not fit. */
    public static final int IORING_SQ_CQ_OVERFLOW = 1 << 1;

    /** The kernel fills a buffer of the ring piece by piece. */
    public static final int IOU_PBUF_RING_INC = 2;

    // Bits of POLL_ADD, as poll(2) has them.
    public static final int POLLIN = 0x1;
    public static final int POLLOUT = 0x4;
    public static final int POLLERR = 0x8;
    public static final int POLLHUP = 0x10;
    public static final int POLLRDHUP = 0x2000;

    private static final long IO_URING_SETUP = 425;
    private static final long IO_URING_ENTER = 426;
    private static final long IO_URING_REGISTER = 427;

    private IoUring() {}

    /** Creates a ring; {@return its descriptor, closed on exec, or the error number negated} */
    public static int setup(Scratch scratch, int entries, IoUringParams params) {
        try {
            // SAFETY: the parameters own the memory of the struct, and are reachable until after the call.
            return (int) Syscall.call(scratch, IO_URING_SETUP, entries, params.address(), 0, 0, 0, 0);
        } finally {
            Reference.reachabilityFence(params);
        }
    }

    /**
     * Submits {@code toSubmit} entries, then waits within the argument's limits.
     *
     * @return how many entries were taken, or the error number negated: ETIME after a wait without result
     */
    public static int enter(
            Scratch scratch, int ring, int toSubmit, int minComplete, int flags, EnterArgument argument) {
        try {
            // SAFETY: the argument owns the memory of both structs, and is reachable until after the call.
            return (int) Syscall.call(
                    scratch,
                    IO_URING_ENTER,
                    ring,
                    toSubmit,
                    minComplete,
                    flags | IORING_ENTER_EXT_ARG,
                    argument.address(),
                    EnterArgument.SIZE);
        } finally {
            Reference.reachabilityFence(argument);
        }
    }

    /** Submits only. */
    public static int submit(Scratch scratch, int ring, int toSubmit) {
        return (int) Syscall.call(scratch, IO_URING_ENTER, ring, toSubmit, 0, 0, 0, 0);
    }

    /** Enables a ring that was created disabled, and binds it to the calling thread. */
    public static int enable(Scratch scratch, int ring) {
        return (int) Syscall.call(scratch, IO_URING_REGISTER, ring, IORING_REGISTER_ENABLE_RINGS, 0, 0, 0, 0);
    }

    /**
     * Waits until the kernel has queued the completions of all work it has done for a ring. For threads other than the
     * ring's: the kernel refuses the call, but only after taking the lock that it holds between the work and its
     * completion.
     */
    public static void awaitCompletions(Scratch scratch, int ring) {
        Syscall.call(scratch, IO_URING_REGISTER, ring, IORING_REGISTER_ENABLE_RINGS, 0, 0, 0, 0);
    }

    /** Registers memory to receive into with a ring. */
    static int registerBuffers(Scratch scratch, int ring, long registration) {
        // SAFETY: the registration lies in the scratch, which the errno argument keeps alive.
        return (int) Syscall.call(scratch, IO_URING_REGISTER, ring, IORING_REGISTER_PBUF_RING, registration, 1, 0, 0);
    }

    /** Posts a completion to a ring, from any thread. */
    public static int sendMessage(Scratch scratch, int ring, long operation) {
        long submission = scratch.ringMessage(ring, operation);
        // SAFETY: the submission lies in the scratch, which the errno argument keeps alive.
        return (int) Syscall.call(scratch, IO_URING_REGISTER, -1, IORING_REGISTER_SEND_MSG_RING, submission, 1, 0, 0);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import static dev.netpoll.internal.ffi.IoUring.IORING_CQE_F_MORE;
import static dev.netpoll.internal.ffi.IoUring.IORING_CQE_F_NOTIF;
import static dev.netpoll.internal.ffi.IoUring.IORING_NOTIF_USAGE_ZC_COPIED;
import static dev.netpoll.internal.ffi.IoUring.IORING_OP_SEND_ZC;
import static dev.netpoll.internal.ffi.IoUring.IORING_SEND_ZC_REPORT_USAGE;
import static dev.netpoll.internal.ffi.IoUring.IORING_SETUP_DEFER_TASKRUN;
import static dev.netpoll.internal.ffi.IoUring.IORING_SETUP_SINGLE_ISSUER;

import dev.netpoll.internal.base.Log;
import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.ffi.RingMemory;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.TransportException;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Sends without copying for the sockets of a loop, and holds the memory until the kernel reports that it no longer
 * reads it: when the peer has acknowledged the bytes, or the connection is gone.
 *
 * <p>It uses a separate ring: the loop's ring is closed when the loop gets another thread, which would lose
 * notifications. This ring is bound to no thread: a thread that holds the lock may use it.
 *
 * <pre>
 *   slot:  vacant --send--> held --completion without MORE, or notification--> vacant
 * </pre>
 *
 * <ul>
 *   <li>I1 A slot holds a reference to its block while the kernel may read it. A completion with MORE, whatever its
 *       result, announces a notification with the same slot; one without MORE is the last.
 *   <li>I2 A send never waits (MSG_DONTWAIT): it completes during its submission.
 * </ul>
 *
 * <p><b>Threads.</b> Any; the lock guards everything, and is held during system calls. Only {@link #close} waits in
 * one.
 *
 * @see <a href="https://man7.org/linux/man-pages/man3/io_uring_prep_send_zc.3.html">io_uring_prep_send_zc(3)</a>
 */
final class ZeroCopyRing {
    /** The most sends that may hold memory; further ones copy. */
    private static final int SLOTS_MAX = 4096;

    private static final int SLOTS_FIRST = 16;
    private static final RingSize SIZE = new RingSize(8, 256, 1, 1);

    /** How long closing waits for the kernel, which releases the memory of a reset connection at once. */
    private static final long CLOSE_NANOS = 1_000_000_000;

    private final int setup;
    private final Object lock = new Object();
    private final Completions completions = new Completions();

    private @Nullable Ring ring;
    private @Nullable Block[] blocks = new Block[SLOTS_FIRST];
    private @Nullable ZeroCopy[] senders = new ZeroCopy[SLOTS_FIRST];

    /** Vacant slots, as a stack. */
    private int[] vacant = new int[SLOTS_FIRST];

    private int vacantCount;
    private int slots;

    /** The number of sends whose memory is held. */
    private final AtomicInteger held = new AtomicInteger();

    /** The result of the last send. */
    private int result;

    private boolean isUnavailable;

    /**
     * Opens a ring at the first send.
     *
     * @param setup the flags of the loop's rings
     */
    ZeroCopyRing(int setup) {
        this.setup = setup & ~(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    }

    /** {@return whether memory is held} Any thread. */
    boolean isHolding() {
        return held.get() > 0;
    }

    /**
     * Sends a piece.
     *
     * @param flags of send(2)
     * @return as send(2), with an error number negated; ENOBUFS if no ring or slot is available
     */
    long send(Scratch scratch, int fd, Segment piece, int flags, ZeroCopy sender) {
        Block block = piece.block;
        synchronized (lock) {
            Ring open = open(scratch);
            if (open == null || block == null) {
                return -Errno.ENOBUFS;
            }
            int slot = takeSlot();
            if (slot < 0) {
                return -Errno.ENOBUFS;
            }
            block.retain(); // I1
            blocks[slot] = block;
            senders[slot] = sender;
            held.incrementAndGet();
            result = -Errno.EIO;
            long head = RingMemory.head(IORING_OP_SEND_ZC, 0, IORING_SEND_ZC_REPORT_USAGE, fd);
            int sendFlags = flags | LibcSocket.MSG_NOSIGNAL | LibcSocket.MSG_DONTWAIT;
            open.add(head, piece.address(), RingMemory.pair(piece.length(), sendFlags), slot, 0);
            try {
                open.submit(scratch, completions);
                settle();
                if (!open.isSubmitted()) {
                    vacate(slot); // the kernel never gets it, as this ring is closed
                    result = -Errno.ENOBUFS;
                    giveUp(scratch, null);
                }
            } catch (TransportException e) {
                settle();
                giveUp(scratch, e); // an entry that names the descriptor must not be submitted later
            }
            return result;
        }
    }

    private @Nullable Ring open(Scratch scratch) {
        if (ring == null && !isUnavailable) {
            try {
                Ring opened = Ring.open(scratch, setup, SIZE);
                ring = opened;
                opened.enable(scratch);
            } catch (TransportException e) {
                giveUp(scratch, null);
                Log.log(System.Logger.Level.WARNING, "no ring for sending without copies: sending with copies", e);
            }
        }
        return ring;
    }

    /** {@return a vacant slot, or -1} */
    private int takeSlot() {
        if (vacantCount > 0) {
            return vacant[--vacantCount];
        }
        if (slots == SLOTS_MAX) {
            return -1;
        }
        if (slots == blocks.length) {
            try {
                @Nullable Block[] moreBlocks = Arrays.copyOf(blocks, 2 * slots);
                @Nullable ZeroCopy[] moreSenders = Arrays.copyOf(senders, 2 * slots);
                vacant = Arrays.copyOf(vacant, 2 * slots);
                blocks = moreBlocks;
                senders = moreSenders;
            } catch (OutOfMemoryError e) {
                return -1;
            }
        }
        return slots++;
    }

    /** Handles the completions. */
    private void settle() {
        completions.beginBatch();
        for (int i = completions.next(); i >= 0; i = completions.next()) {
            int slot = (int) completions.operation(i);
            int flags = completions.flags(i);
            if ((flags & IORING_CQE_F_NOTIF) == 0) {
                result = completions.result(i);
            } else if ((completions.result(i) & IORING_NOTIF_USAGE_ZC_COPIED) != 0) {
                ZeroCopy sender = senders[slot];
                if (sender != null) {
                    sender.copied();
                }
            }
            if ((flags & IORING_CQE_F_MORE) == 0) { // I1
                vacate(slot);
            }
        }
    }

    private void vacate(int slot) {
        Block block = blocks[slot];
        if (block == null) {
            throw new IllegalStateException("the kernel gave back slot " + slot + ", which is vacant");
        }
        blocks[slot] = null;
        senders[slot] = null;
        vacant[vacantCount++] = slot;
        held.decrementAndGet();
        block.release();
    }

    /** Releases memory that the kernel no longer reads. */
    void reap(Scratch scratch) {
        if (held.get() > 0) {
            synchronized (lock) {
                try {
                    reap(scratch, 0);
                } catch (TransportException e) {
                    Log.log(
                            System.Logger.Level.WARNING,
                            "the memory of sends without copies can't be given back now",
                            e);
                }
            }
        }
    }

    private void reap(Scratch scratch, long timeoutNanos) throws TransportException {
        Ring open = ring;
        if (open != null) {
            open.enter(scratch, completions, timeoutNanos > 0 ? 1 : 0, timeoutNanos, 0);
            settle();
        }
    }

    /** {@return the ring's descriptor, readable while there are completions, or -1} */
    int fd() {
        synchronized (lock) {
            return ring == null ? -1 : ring.descriptor().fd();
        }
    }

    /** Waits a moment for the kernel. Memory that it still holds then is never reused: it might still be sent. */
    void close(Scratch scratch) {
        synchronized (lock) {
            try {
                long end = System.nanoTime() + CLOSE_NANOS;
                for (long left = CLOSE_NANOS; held.get() > 0 && left > 0; left = end - System.nanoTime()) {
                    reap(scratch, left);
                }
                giveUp(scratch, null);
            } catch (TransportException e) {
                giveUp(scratch, e);
            }
        }
    }

    /** Closes the ring, and opens no other. */
    private void giveUp(Scratch scratch, @Nullable TransportException cause) {
        isUnavailable = true;
        Ring open = ring;
        if (open != null) {
            ring = null;
            open.close(scratch);
        }
        if (held.get() > 0) {
            Log.log(
                    System.Logger.Level.WARNING,
                    "the kernel may still send from " + held + " blocks, and will not say when it has: lost",
                    cause);
            Arrays.fill(blocks, null);
            held.set(0);
        }
    }
}

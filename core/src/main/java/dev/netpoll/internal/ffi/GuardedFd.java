// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A descriptor that several threads use and one closes. It keeps {@code close(2)} from running while a call with the
 * descriptor is under way, and calls from starting afterwards, when the number may belong to somebody else. What has a
 * descriptor of its own may extend it.
 *
 * <pre>
 *   state = (ENDED?) + (SURRENDERED?) + number of users
 *
 *   0 --enter--> n --exit--> 0                 open
 *   0 --close--> ENDED                         closes at once
 *   n --close--> ENDED + n --exit--> ENDED     the last one out closes
 *   n --surrender--> ENDED + SURRENDERED + n   the caller waits for the users, nobody closes
 *     --the wait takes too long--> ENDED + n   the last one out closes
 * </pre>
 *
 * <p>Every use has this shape, so that nothing can fail between entering and leaving:
 *
 * <pre>
 *   Scratch scratch = fd.enter();
 *   if (scratch == null) {
 *       ... it is closed
 *   }
 *   try {
 *       ... calls with fd.fd() and the scratch
 *   } finally {
 *       fd.exit(scratch);
 *   }
 * </pre>
 *
 * <p>Invariants: I1. ENDED is never taken back. I2. Nobody enters once ENDED is set. I3. close(2) runs exactly once,
 * by whoever makes the transition to plain ENDED; never after a surrender that succeeded.
 */
public class GuardedFd {
    /** Result of {@link #surrender}: somebody stays inside. */
    public static final int BUSY = -1;

    private static final int ENDED = 1 << 31;
    private static final int SURRENDERED = 1 << 30;

    /** How long to wait for calls that never block. Who takes longer was stopped in the middle. */
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final int SPINS = 200;
    private static final long PAUSE_NANOS = TimeUnit.MICROSECONDS.toNanos(50);

    private static final VarHandle STATE;

    static {
        LibcUnistd.link();
        try {
            STATE = MethodHandles.lookup().findVarHandle(GuardedFd.class, "state", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final int fd;

    private volatile int state;

    public GuardedFd(int fd) {
        this.fd = fd;
        OwnedFds.add(fd);
    }

    /**
     * {@return the descriptor} Use it between a successful {@link #enter} and {@link #exit}, or as the one thread that
     * may call {@link #close} and has not yet.
     */
    public final int fd() {
        return fd;
    }

    /** {@return a scratch: the descriptor stays open until {@link #exit} takes it back; or null: it is closed} */
    public final @Nullable Scratch enter() {
        Scratch scratch = Scratch.take(); // before, as it might fail
        int seen;
        do {
            seen = state;
            if (seen < 0) {
                scratch.giveBack();
                return null;
            }
        } while (!STATE.weakCompareAndSet(this, seen, seen + 1));
        return scratch;
    }

    /** Ends what {@link #enter} began. */
    public final void exit(Scratch scratch) {
        int before = (int) STATE.getAndAdd(this, -1);
        if (before == ENDED + 1) {
            LibcUnistd.close(scratch, fd);
        }
        scratch.giveBack();
    }

    /** {@return whether it is closed or surrendered, so that the number may be another descriptor's} */
    public final boolean isEnded() {
        return state < 0;
    }

    /** Closes, now or when the last user leaves. Idempotent. */
    public final void close(Scratch scratch) {
        if ((int) STATE.getAndBitwiseOr(this, ENDED) == 0) {
            LibcUnistd.close(scratch, fd);
        }
    }

    /**
     * Ends the use here without closing, and waits until nobody is inside; calls never block, so that is soon.
     *
     * @return the descriptor, which is the caller's now; or {@link #BUSY} if somebody stays inside for too long, who
     *     closes it when he leaves
     */
    public final int surrender() {
        STATE.getAndBitwiseOr(this, ENDED | SURRENDERED);
        OwnedFds.remove(fd);
        long end = System.nanoTime() + PATIENCE_NANOS;
        for (int i = 0; state != (ENDED | SURRENDERED); i++) {
            if (i < SPINS) {
                Thread.onSpinWait();
            } else if (System.nanoTime() - end < 0) {
                pause();
            } else if (leaveToUsers()) {
                return BUSY;
            }
        }
        return fd;
    }

    @SuppressWarnings("ThreadPriorityCheck") // a virtual thread that finds no memory for a timer would sleep for ever
    private static void pause() {
        if (Thread.currentThread().isVirtual()) {
            Thread.yield();
        } else {
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    /** {@return whether users are left, the last of whom closes} */
    private boolean leaveToUsers() {
        int seen;
        do {
            seen = state;
            if (seen == (ENDED | SURRENDERED)) {
                return false;
            }
        } while (!STATE.weakCompareAndSet(this, seen, seen & ~SURRENDERED));
        return true;
    }
}

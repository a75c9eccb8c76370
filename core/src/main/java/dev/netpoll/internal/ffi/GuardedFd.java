// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A descriptor that several threads use and one closes. It keeps {@code close(2)} from running while a call with the
 * descriptor is under way, and calls from starting afterwards, when the number may belong to somebody else. What has a
 * descriptor of its own may extend it.
 *
 * <pre>
 *   state = (ENDED?) + number of users
 *
 *   0 --enter--> n --exit--> 0          open
 *   0 --close--> ENDED                  closes at once
 *   n --close--> ENDED + n --exit--> ENDED     the last one out closes
 *   n --surrender--> ENDED + n          the caller waits for the users, nobody closes
 * </pre>
 *
 * <p>Invariants: I1. ENDED is never taken back. I2. Nobody enters once ENDED is set. I3. close(2) runs exactly once,
 * by whoever makes the transition to plain ENDED, except after surrender: never.
 */
public class GuardedFd {
    private static final int ENDED = 1 << 31;
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

    /** Written before ENDED is set, read after it was seen. */
    private boolean surrendered;

    private volatile int state;

    public GuardedFd(int fd) {
        this.fd = fd;
    }

    /**
     * {@return the descriptor} Use it between a successful {@link #enter} and {@link #exit}, or as the one thread that
     * may call {@link #close} and has not yet.
     */
    public final int fd() {
        return fd;
    }

    /** {@return true: the descriptor stays open until {@link #exit}; false: it is closed} */
    public final boolean enter() {
        int seen;
        do {
            seen = state;
            if (seen < 0) {
                return false;
            }
        } while (!STATE.weakCompareAndSet(this, seen, seen + 1));
        return true;
    }

    /** Ends what {@link #enter} began. */
    public final void exit(Scratch scratch) {
        int before = (int) STATE.getAndAdd(this, -1);
        if (before == ENDED + 1 && !surrendered) {
            LibcUnistd.close(scratch, fd);
        }
    }

    /** Closes, now or when the last user leaves. Idempotent. */
    public final void close(Scratch scratch) {
        if ((int) STATE.getAndBitwiseOr(this, ENDED) == 0) {
            LibcUnistd.close(scratch, fd);
        }
    }

    /** Ends the use here without closing, and waits until nobody is inside; calls never block, so that is soon. */
    public final int surrender() {
        surrendered = true;
        STATE.getAndBitwiseOr(this, ENDED);
        while (state != ENDED) {
            Thread.onSpinWait();
        }
        return fd;
    }
}

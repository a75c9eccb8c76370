// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import dev.netpoll.internal.base.Classes;
import dev.netpoll.internal.base.StackRoom;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.Cleaner;
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
 *   n --close--> ENDED + n + 1 --exit--> ENDED the last one out closes; who closes is one of them for a moment
 *   n --surrender--> ENDED + SURRENDERED + n   the caller waits for the users, nobody closes
 *     --the wait takes too long--> ENDED + n + 1 --exit--> ENDED   as after a close
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
 * by whoever makes the transition to plain ENDED; never after a surrender that succeeded. I4. Who closes while others
 * are inside sets {@code lastResort} before it leaves, so the last one out sees it; the collector closes instead of a
 * user that never leaves, or that leaves where no stack is left.
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
        Classes.initialize(MethodHandles.lookup(), LastResort.class);
        try {
            STATE = MethodHandles.lookup().findVarHandle(GuardedFd.class, "state", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final int fd;

    private volatile int state;

    /** Written by who ends the use while others are inside. */
    private Cleaner.@Nullable Cleanable lastResort;

    /** Closes it, once: the last user, or the collector instead of one that never leaves. */
    private record LastResort(int fd) implements Runnable {
        static final Cleaner CLEANER = Cleaner.create();

        @Override
        public void run() {
            Scratch scratch = Scratch.take();
            try {
                LibcUnistd.close(scratch, fd);
            } finally {
                scratch.giveBack();
            }
        }
    }

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
        try {
            leave(scratch);
        } finally {
            scratch.giveBack();
        }
    }

    private void leave(Scratch scratch) {
        int before = (int) STATE.getAndAdd(this, -1);
        if (before == ENDED + 1) {
            // A close that fails half-way is never done. Without room it does not begin, and the collector closes (I4).
            StackRoom.needMuch();
            Cleaner.Cleanable own = lastResort; // I4
            if (own != null) {
                own.clean();
            } else {
                LibcUnistd.close(scratch, fd);
            }
        }
    }

    /** {@return whether it is closed or surrendered, so that the number may be another descriptor's} */
    public final boolean isEnded() {
        return state < 0;
    }

    /**
     * Closes, now or when the last user leaves, or when the collector finds that none is left: a user that has met the
     * end of its stack may not have said that it left. Idempotent.
     */
    public final void close(Scratch scratch) {
        int users;
        do {
            users = state;
            if (users < 0) {
                return;
            }
        } while (!STATE.weakCompareAndSet(this, users, users == 0 ? ENDED : ENDED | (users + 1)));
        if (users == 0) {
            LibcUnistd.close(scratch, fd);
            return;
        }
        try {
            closingLate(scratch);
        } finally {
            leaveToOthers(scratch);
        }
    }

    /** Leaves, as one of the users, a descriptor that has ended: the last of them closes it, or the collector (I4). */
    private void leaveToOthers(Scratch scratch) {
        try {
            lastResort = LastResort.CLEANER.register(this, new LastResort(fd));
        } finally {
            leave(scratch);
        }
    }

    /** Somebody is inside, so that closing may take a while: says the end in another way, if there is one. */
    protected void closingLate(Scratch scratch) {}

    /**
     * Ends the use here without closing, and waits until nobody is inside; calls never block, so that is soon.
     *
     * @return the descriptor, which is the caller's now; or {@link #BUSY} if somebody stays inside for too long, who
     *     closes it when he leaves
     */
    public final int surrender() {
        Scratch scratch = Scratch.take();
        try {
            return surrender(scratch);
        } finally {
            scratch.giveBack();
        }
    }

    private int surrender(Scratch scratch) {
        STATE.getAndBitwiseOr(this, ENDED | SURRENDERED);
        OwnedFds.remove(fd);
        long end = System.nanoTime() + PATIENCE_NANOS;
        for (int i = 0; state != (ENDED | SURRENDERED); i++) {
            if (i < SPINS) {
                Thread.onSpinWait();
            } else if (System.nanoTime() - end < 0) {
                pause();
            } else if (joinUsers()) {
                leaveToOthers(scratch);
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

    /** {@return whether users are left, of whom the caller is one then} */
    private boolean joinUsers() {
        int seen;
        do {
            seen = state;
            if (seen == (ENDED | SURRENDERED)) {
                return false;
            }
        } while (!STATE.weakCompareAndSet(this, seen, (seen & ~SURRENDERED) + 1));
        return true;
    }
}

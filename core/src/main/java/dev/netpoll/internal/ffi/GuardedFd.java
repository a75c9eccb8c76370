// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import dev.netpoll.internal.base.Classes;
import dev.netpoll.internal.base.Cleaners;
import dev.netpoll.internal.base.StackRoom;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.Cleaner;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A descriptor that several threads use and one closes. It prevents {@code close(2)} during a call with the descriptor,
 * and calls after the close, when the number may belong to another file. Classes that own a descriptor may extend it.
 *
 * <pre>
 *   state = (ENDED?) + (SURRENDERED?) + number of users
 *
 *   0 --enter--> n --exit--> 0                 open
 *   0 --close--> ENDED                         closes at once
 *   n --close--> ENDED + n + 1 --exit--> ENDED the last one out closes; the closing thread is a user for a moment
 *   n --surrender--> ENDED + SURRENDERED + n   the caller waits for the users, and none closes
 *     --the wait takes too long--> ENDED + n + 1 --exit--> ENDED   as after a close
 * </pre>
 *
 * <p>Every use has this form, so that nothing can fail between entering and leaving:
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
 * <p>Invariants: I1. ENDED is never cleared. I2. No thread enters once ENDED is set. I3. The thread that makes the
 * transition to plain ENDED runs close(2), exactly once; never after a successful surrender. I4. A thread that closes
 * while others are inside sets {@code lastResort} before it leaves, so the last one out sees it; the collector closes
 * instead of a user that never leaves, or that leaves without enough stack.
 */
public class GuardedFd {
    /** Result of {@link #surrender}: another thread stays inside. */
    public static final int BUSY = -1;

    private static final int ENDED = 1 << 31;
    private static final int SURRENDERED = 1 << 30;

    /** How long to wait for calls that never block. A thread that takes longer was stopped half-way. */
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

    /** Written by the thread that ends the use while others are inside. */
    private Cleaner.@Nullable Cleanable lastResort;

    /** Closes the descriptor, once: run by the last user, or by the collector instead of a user that never leaves. */
    private record LastResort(int fd) implements Runnable {
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

    /** {@return a scratch: the descriptor stays open until {@link #exit} takes it back; or null if closed} */
    public final @Nullable Scratch enter() {
        Scratch scratch = Scratch.take(); // first, as it might fail
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
            // A close that fails half-way never completes. Without room it does not begin, and the collector closes
            // (I4).
            StackRoom.needMuch();
            Cleaner.Cleanable own = lastResort; // I4
            if (own != null) {
                own.clean();
            } else {
                LibcUnistd.close(scratch, fd);
            }
        }
    }

    /** {@return whether it is closed or surrendered, so that the number may belong to another file} */
    public final boolean isEnded() {
        return state < 0;
    }

    /**
     * Closes now, or when the last user leaves, or when the collector finds that no user is left: a user that ran out
     * of stack may not have recorded that it left. Idempotent.
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

    /** Leaves an ended descriptor, as one of its users: the last of them closes it, or the collector (I4). */
    private void leaveToOthers(Scratch scratch) {
        try {
            lastResort = Cleaners.cleaner().register(this, new LastResort(fd));
        } finally {
            leave(scratch);
        }
    }

    /** Another thread is inside, so closing may take a while: signals the end in another way, if there is one. */
    protected void closingLate(Scratch scratch) {}

    /**
     * Ends the use without closing, and waits until no thread is inside; that is soon, as calls never block.
     *
     * @return the descriptor, which now belongs to the caller; or {@link #BUSY} if a thread stays inside for too long,
     *     which closes it on leaving
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

    @SuppressWarnings("ThreadPriorityCheck") // without memory for a timer, a virtual thread would sleep for ever
    private static void pause() {
        if (Thread.currentThread().isVirtual()) {
            Thread.yield();
        } else {
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    /** {@return whether users are left; then the caller is one of them} */
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

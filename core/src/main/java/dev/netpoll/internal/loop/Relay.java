// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import dev.netpoll.internal.memory.LoopCache;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Moves the right to drive an event loop: its {@link Baton}, the thread that has it, and the memory that comes with it.
 *
 * <p>The driver lends the baton around user code and reclaims it afterwards. If another driver has it by then, the
 * thread stops driving. A driver may also rest until the supervisor awakens it.
 *
 * <p><b>Threads.</b> Methods marked <i>loop</i> only for the holder of the baton, the others on any thread.
 */
abstract class Relay {
    private static final VarHandle HOLDER;
    private static final VarHandle RUNS;
    private static final VarHandle STIRRED;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            HOLDER = lookup.findVarHandle(Relay.class, "holder", Thread.class);
            RUNS = lookup.findVarHandle(Relay.class, "runs", long.class);
            STIRRED = lookup.findVarHandle(Relay.class, "stirred", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    final Baton baton = new Baton();
    final @Nullable Supervisor supervisor;
    private final LoopCache memory;
    private final Pause pause = new Pause();

    /** Whether the driver was awakened but perhaps not unparked. */
    private volatile boolean unparkDue;

    /** The driver of the current epoch; {@link EventLoop#start} creates the first one. */
    volatile @Nullable Driver driver;

    /** The thread that holds the baton, or null. Threads only compare it with themselves. */
    @SuppressWarnings("UnusedVariable") // through HOLDER
    private @Nullable Thread holder;

    /** The user code that runs while the baton is lent. */
    @Nullable
    Activation lentTo;

    /** For {@link Watchman}: progress, written by the driver. */
    private long runs;

    /** Whether any thread used a connection of this loop lately, which shows that threads do get processors. */
    @SuppressWarnings("UnusedVariable") // through STIRRED
    private boolean stirred;

    Relay(LoopCache memory, @Nullable Supervisor supervisor) {
        this.memory = memory;
        this.supervisor = supervisor;
    }

    /** {@return the memory of this loop: fastest on its thread, but legal on any} */
    public final LoopCache memory() {
        return memory;
    }

    /** <i>Loop.</i> {@return the calling thread's objects for runs} */
    public final Spares spares() {
        return Objects.requireNonNull(driver).spares;
    }

    /** {@return whether the calling thread holds this loop} */
    public final boolean inLoop() {
        return HOLDER.getOpaque(this) == Thread.currentThread();
    }

    // ---- around user code

    /**
     * <i>Loop.</i> Lends the baton to run user code; until {@link #reclaim} the thread must not touch the loop.
     *
     * @return the argument for {@link #reclaim}
     */
    public final long lend(Activation activation) {
        Driver current = Objects.requireNonNull(driver);
        assert inLoop();
        lentTo = activation;
        RUNS.setOpaque(this, runs + 1);
        letGo();
        baton.lend(current.epoch);
        noticed();
        return current.epoch;
    }

    /** The user code has returned; {@return false if the loop has another driver now} */
    public final boolean reclaim(long loan) {
        boolean _ = Thread.interrupted(); // an interrupt status that user code left behind
        if (!baton.reclaim(loan)) {
            return false;
        }
        lentTo = null;
        hold();
        return true;
    }

    /**
     * Runs {@code action} on the loop, if the calling thread runs user code with the loop lent: it takes the loop back
     * for that time, so that no thread waits for another. Exceptions of the action propagate.
     *
     * @return false if the calling thread has not lent this loop, or another driver has taken it over
     */
    public final boolean borrow(Runnable action) {
        Driver current = Driver.current();
        if (current == null || current.loop != this || !baton.reclaim(current.epoch)) {
            return false;
        }
        try {
            hold();
            action.run();
        } finally {
            letGo();
            baton.lend(current.epoch);
            noticed();
        }
        return true;
    }

    /**
     * {@return whether the calling thread has lent this loop and another driver can take it over} If that happens,
     * {@link Activation#relieved} is called.
     */
    public final boolean isRelievable() {
        Driver current = driver;
        Supervisor overseer = supervisor;
        return current != null
                && current.thread == Thread.currentThread()
                && baton.isLent(current.epoch)
                && overseer != null
                && overseer.hasRoom();
    }

    /** {@return whether enough threads remain to take over loops, so that this one may be lent} Any thread. */
    public final boolean hasReserve() {
        Supervisor overseer = supervisor;
        return overseer == null || overseer.hasReserve();
    }

    /** {@return how many runs of user code it has begun} */
    public final long runs() {
        return (long) RUNS.getOpaque(this);
    }

    // ---- the baton moves

    /** The calling thread has taken the baton. */
    final void hold() {
        HOLDER.setOpaque(this, Thread.currentThread());
        memory.own();
    }

    /** The calling thread is about to let go of the baton. */
    final void letGo() {
        memory.release();
        HOLDER.setOpaque(this, null);
    }

    /** <i>Loop, for the last time.</i> The baton has no holder any more. */
    final void leaveForGood() {
        HOLDER.setOpaque(this, null);
    }

    /** The driver's thread died without leaving the loop. Supervisor only. */
    final void abandon() {
        letGo();
    }

    /** Makes the supervisor look at this loop. */
    final void noticed() {
        Supervisor overseer = supervisor;
        if (overseer != null) {
            overseer.notice();
        }
    }

    // ---- rest and pause

    /** Wakes the driver if it rests, or pauses. */
    final void awaken() {
        Driver current = driver;
        if ((baton.awaken() || unparkDue || pause.lasts()) && current != null) {
            unparkDue = true;
            LockSupport.unpark(current.thread); // without memory the thread stays parked, and the next call tries again
            unparkDue = false;
        }
    }

    /** <i>Loop.</i> Lets the driver wait a while after a failed turn. */
    final void pause(long nanos) {
        pause.take(supervisor, nanos);
    }

    /** {@return after how many nanoseconds to look at the pause again; -1 if there is none} Supervisor only. */
    final long lookAtPause(long at) {
        return pause.lasts() ? pause.look(at, driver) : -1;
    }

    /** Notes that a thread uses a connection of this loop, so threads do get processors. Any thread. */
    public final void stir() {
        if (!(boolean) STIRRED.getOpaque(this)) {
            STIRRED.setOpaque(this, true);
        }
    }

    final boolean isStirred() {
        boolean was = (boolean) STIRRED.getOpaque(this);
        STIRRED.setOpaque(this, false);
        return was;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A thread that drives a loop for one epoch of its {@link Baton}: until the loop ends, or another driver takes over.
 * Afterwards it finishes the user code it is in, if any, and ends.
 */
final class Driver implements Runnable {
    /** So that a thread can be asked what it drives. */
    private static final class DriverThread extends Thread {
        final Driver driver;

        @SuppressWarnings("ThreadPriorityCheck") // the usual one, whoever makes it
        DriverThread(Driver driver, String name, boolean daemon) {
            super(null, driver, name, 0, false); // which inherits nothing, as in Threads
            this.driver = driver;
            setDaemon(daemon);
            setPriority(NORM_PRIORITY);
        }
    }

    /**
     * After so many failures in a row, and nothing that went well between them, a loop ends: after some ten seconds.
     */
    private static final int FAILURES_MAX = 200;

    private static final long PAUSE_NANOS = 1_000_000;
    private static final long PAUSE_MAX_NANOS = 50 * PAUSE_NANOS;

    final EventLoop loop;
    final long epoch;
    final Thread thread;
    final Spares spares;

    /** Whether it is a platform thread in place of a virtual one that finds no carrier. */
    final boolean isStandIn;

    /** Whether it takes one of the places that the supervisor has for extra threads. */
    volatile boolean countsAsStandIn;

    /** The number that the system has given to the platform thread it is, or {@link SystemThread#NONE}. */
    volatile int systemThread;

    /** Whether its thread could not be started, so that the loop needs another one. */
    volatile boolean startFailed;

    /** Held by who is about to pass its baton on: the supervisor and the driver may want to at the same time. */
    private final AtomicBoolean claimed = new AtomicBoolean();

    /** How many turns failed since the last one that did not. The thread itself only. */
    private int failures;

    /** What the thread runs, or null. The thread itself only. */
    private @Nullable Activation running;

    static {
        LoopFailure.prepare();
    }

    private Driver(EventLoop loop, long epoch, boolean isStandIn, @Nullable String platformName, boolean daemon) {
        this.loop = loop;
        this.epoch = epoch;
        this.isStandIn = isStandIn;
        this.thread = platformName == null
                ? Threads.virtual(loop.name(), this)
                : new DriverThread(this, platformName, daemon);
        this.spares = Spares.ofDriver(thread, loop.memory());
    }

    static Driver virtual(EventLoop loop, long epoch) {
        return new Driver(loop, epoch, false, null, true);
    }

    static Driver platform(EventLoop loop, long epoch, boolean daemon) {
        return new Driver(loop, epoch, false, loop.name(), daemon);
    }

    static Driver standIn(EventLoop loop, long epoch) {
        return new Driver(loop, epoch, true, loop.name() + "-stand-in", true);
    }

    /** {@return what the calling thread drives, or has driven and not yet left, or null} */
    static @Nullable Driver current() {
        Thread current = Thread.currentThread();
        if (current.isVirtual()) {
            return VirtualDrivers.find(current);
        }
        return current instanceof DriverThread it ? it.driver : null;
    }

    /** The thread is about to wait; {@return whether the user code had anything to do before} */
    boolean beforeBlocking() {
        Activation current = running;
        return current != null && current.beforeBlocking();
    }

    /** {@return whether the caller alone may now try to pass the baton on} If it fails to, it has to unclaim. */
    boolean claim() {
        return claimed.compareAndSet(false, true);
    }

    void unclaim() {
        claimed.set(false);
    }

    /** Starts the thread, once; throws if there is no memory for it. */
    void start() {
        if (!thread.isVirtual()) {
            thread.start();
            return;
        }
        VirtualDrivers.add(this);
        boolean started = false;
        try {
            thread.start();
            started = true;
        } finally {
            if (!started) {
                VirtualDrivers.remove(this);
            }
        }
    }

    /**
     * Whatever is thrown, also by what sees to that: the thread goes on, with the next turn if it can. Nothing may fail
     * between the throw and the next try, so what is to be done about it is done in there.
     */
    @Override
    public void run() {
        Throwable thrown = null;
        boolean goesOn = true;
        while (goesOn) {
            try {
                Throwable before = thrown;
                thrown = null;
                goesOn = before == null ? loop.baton.take(epoch) : overcome(before);
                if (goesOn) {
                    drive();
                    goesOn = false;
                }
            } catch (Throwable t) {
                thrown = t;
            }
        }
        leave();
    }

    private void leave() {
        if (thread.isVirtual()) {
            VirtualDrivers.remove(this);
        }
        try {
            spares.end();
            loop.poller().leave();
        } catch (Throwable t) {
            LoopFailure.DRIVER_NOT_LEFT.log(t);
        }
        Watchman.ended(this, loop.supervisor);
        loop.noticed(); // whether it has left the loop in order
    }

    private boolean take() {
        if (!loop.baton.take(epoch)) {
            return false;
        }
        loop.hold();
        return true;
    }

    /** Drives until the loop has ended or is lost. The caller has the baton. */
    private void drive() throws IOException {
        if (!thread.isVirtual() && loop.supervisor != null && systemThread == SystemThread.NONE) {
            systemThread = SystemThread.current();
        }
        loop.hold();
        loop.poller().takeOver();
        spares.begin();
        while (loop.isAlive()) {
            if (!turn()) {
                return; // another driver has taken over
            }
            failures = 0;
        }
        loop.end();
    }

    /**
     * Something was thrown in a turn. That is its end, but the loop goes on, unless its poller has failed or nothing
     * else happens any more: memory may be short for seconds.
     *
     * @return whether to go on
     */
    private boolean overcome(Throwable thrown) {
        failures++;
        if (!regain()) {
            return false;
        }
        boolean isFatal = thrown instanceof IOException || failures >= FAILURES_MAX;
        if (isFatal || failures == 1) {
            (isFatal ? LoopFailure.LOOP_FAILED : LoopFailure.TURN_FAILED).log(loop.name(), thrown);
        }
        if (isFatal) {
            loop.end();
            return false;
        }
        pause();
        return true;
    }

    /** Something was thrown, anywhere in a turn; {@return whether the baton is still this driver's, which holds it} */
    private boolean regain() {
        running = null;
        Baton baton = loop.baton;
        boolean held = baton.isHeld(epoch) || baton.reclaim(epoch) || baton.take(epoch);
        if (!held && baton.isIdle(epoch)) {
            boolean _ = baton.awaken();
            held = baton.take(epoch);
        }
        if (held) {
            loop.lentTo = null;
            loop.hold();
        }
        return held;
    }

    private void pause() {
        try {
            loop.pause(Math.min(failures * PAUSE_NANOS, PAUSE_MAX_NANOS));
        } catch (Throwable t) {
            Thread.onSpinWait(); // even this may need memory
        }
    }

    /** {@return false if the baton was lost} A driver that takes over begins with what is left of the batch. */
    private boolean turn() throws IOException {
        loop.beginTurn();
        while (loop.poller().deliver()) {
            if (!runDue()) {
                return false;
            }
        }
        loop.runTasksAndTimers();
        if (!runDue() || hasReturned()) {
            return false;
        }
        return !loop.isAlive() || loop.rest(this); // the last resident may have left: nobody would end the wait
    }

    /** Runs what is due, or has workers do it; {@return false if the baton was lost} */
    private boolean runDue() {
        Activation next = loop.firstDue();
        boolean isWorker = (isStandIn || loop.watchman().workersStarve()) && loop.hasReserve();
        for (; next != null; next = loop.firstDue()) {
            if (next.isInline() || isWorker) {
                loop.removeFirstDue();
                if (!run(next)) {
                    return false;
                }
            } else if (loop.workers().offer(next)) {
                loop.removeFirstDue();
            } else {
                break; // they go on in the next turn
            }
        }
        return !isWorker || runQueued();
    }

    /** Workers get no carrier, so the driver runs what waits for them. */
    private boolean runQueued() {
        Workers workers = loop.workers();
        for (Activation next = workers.poll(); next != null; next = workers.poll()) {
            if (!run(next)) {
                return false;
            }
        }
        return true;
    }

    /** {@return false if the baton was lost} */
    private boolean run(Activation next) {
        running = next;
        try {
            next.run(spares);
            running = null;
            return loop.baton.isHeld(epoch);
        } catch (Throwable t) {
            boolean held = regain();
            Workers.giveUp(next, t);
            return held;
        }
    }

    /** Returns the loop to a virtual thread, if this is a stand-in that is no longer needed. */
    private boolean hasReturned() {
        if (!isStandIn || !loop.watchman().isReturnDue()) {
            return false;
        }
        loop.letGo();
        if (loop.watchman().giveBack(this)) {
            return true;
        }
        loop.hold();
        return false;
    }

    // ---- resting ----

    /** Lets others have the carrier; {@return false if the baton was lost} */
    @SuppressWarnings("ThreadPriorityCheck") // virtual threads are scheduled by us all
    boolean giveWay() {
        loop.letGo();
        loop.baton.offer(epoch);
        Thread.yield();
        return take();
    }

    /** Parks until the supervisor, to whom the loop is number {@code key}, awakens it; false if the baton was lost. */
    boolean park(int key) {
        loop.letGo();
        loop.baton.idle(epoch);
        Supervisor supervisor = loop.supervisor;
        if (supervisor == null || !supervisor.arm(loop.poller(), key)) {
            loop.awaken(); // nobody else will
        } else {
            supervisor.notice(); // of the time until which it rests
        }
        while (loop.baton.isIdle(epoch)) {
            LockSupport.park(this);
            boolean _ = Thread.interrupted(); // means nothing here, and would end every park
        }
        return take();
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A thread that drives a loop for one epoch of its {@link Baton}: until the loop ends, or another driver takes over.
 * Then it finishes the user code it is running, if any, and ends.
 */
final class Driver implements Runnable {
    /** A platform thread that knows its driver. */
    private static final class DriverThread extends Thread {
        final Driver driver;

        @SuppressWarnings("ThreadPriorityCheck") // the default priority, not the creator's
        DriverThread(Driver driver, String name, boolean daemon) {
            super(null, driver, name, 0, false); // inherits nothing, as in Threads
            this.driver = driver;
            setDaemon(daemon);
            setPriority(NORM_PRIORITY);
        }
    }

    /** After this many failed turns in a row, about ten seconds, the loop ends. */
    private static final int FAILURES_MAX = 200;

    private static final int LEAVE_STEPS = 5;

    private static final long PAUSE_NANOS = 1_000_000;
    private static final long PAUSE_MAX_NANOS = 50 * PAUSE_NANOS;

    final EventLoop loop;
    final long epoch;
    final Thread thread;
    final Spares spares;

    /** Whether this is a platform thread in place of a virtual one that gets no carrier. */
    final boolean isStandIn;

    /** Whether this counts against the supervisor's limit of extra threads. */
    volatile boolean countsAsStandIn;

    /** The system's number of this platform thread, or {@link SystemThread#NONE}. */
    volatile int systemThread;

    /** Whether its thread could not be started, so that the loop needs another one. */
    volatile boolean startFailed;

    /** Held by the thread that passes this driver's baton on: supervisor and driver may try at the same time. */
    private final AtomicBoolean claimed = new AtomicBoolean();

    /** Failed turns since the last successful one. The thread itself only. */
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

    /** {@return the calling thread's driver, even if it has lost its loop and not yet ended; or null} */
    static @Nullable Driver current() {
        Thread current = Thread.currentThread();
        if (current.isVirtual()) {
            return VirtualDrivers.find(current);
        }
        return current instanceof DriverThread it ? it.driver : null;
    }

    /** The thread is about to wait; {@return whether anything was done before that} */
    boolean beforeBlocking() {
        Activation current = running;
        return current != null && current.beforeBlocking();
    }

    /** {@return whether the caller alone may now try to pass the baton on} A caller that fails must unclaim. */
    boolean claim() {
        return claimed.compareAndSet(false, true);
    }

    void unclaim() {
        claimed.set(false);
    }

    /** Starts the thread, once. Throws if there is no memory for it. */
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
     * Survives every exception, even those of its own error handling, and continues with the next turn if it can.
     * Nothing may fail between the throw and the next try, so all error handling is inside the try.
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

    /** Each step happens, whatever becomes of those before; the log comes last. */
    private void leave() {
        Throwable failure = null;
        for (int step = 0; step < LEAVE_STEPS; step++) {
            try {
                leave(step);
            } catch (Throwable t) {
                failure = t;
            }
        }
        if (failure != null) {
            LoopFailure.DRIVER_NOT_LEFT.log(failure);
        }
    }

    private void leave(int step) {
        switch (step) {
            case 0 -> {
                if (thread.isVirtual()) {
                    VirtualDrivers.remove(this);
                }
            }
            case 1 -> spares.end();
            case 2 -> loop.poller().leave();
            case 3 -> Watchman.ended(this, loop.supervisor);
            case 4 -> loop.noticed(); // in case it has not left the loop in order
            default -> throw new AssertionError(step);
        }
    }

    private boolean take() {
        if (!loop.baton.take(epoch)) {
            return false;
        }
        loop.hold();
        return true;
    }

    /** Drives until the loop has ended or this driver has lost it. The caller holds the baton. */
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
     * A turn threw. The turn is over, but the loop goes on, as memory may be short for seconds; unless its poller
     * failed, or every turn fails.
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

    /** A turn threw, at any point; {@return whether this driver still has the baton, and now holds it} */
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
            Thread.onSpinWait(); // even this may allocate
        }
    }

    /** {@return false if the baton was lost} A driver that takes over begins with the rest of the batch. */
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
        return !loop.isAlive() || loop.rest(this); // the last resident may have left: nothing would end the wait
    }

    /** Runs due user code, or passes it to workers; {@return false if the baton was lost} */
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

    /** Workers get no carrier, so the driver runs their queue. */
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

    /** Gives the loop back to a virtual thread, if this is a stand-in that is no longer needed. */
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

    /**
     * Yields the carrier to others; {@return false if the baton was lost}
     *
     * @param aside whether to leave the carrier for a moment: a carrier whose thread yields may go on with that thread
     *     again and again, and look at no other queue
     */
    @SuppressWarnings("ThreadPriorityCheck") // virtual threads share their carriers by yielding
    boolean giveWay(boolean aside) {
        loop.letGo();
        loop.baton.offer(epoch);
        if (aside) {
            boolean _ = Thread.interrupted(); // an interrupt has no meaning here, and would end the park
            LockSupport.parkNanos(this, 1);
        } else {
            Thread.yield();
        }
        return take();
    }

    /** Parks until the supervisor, which knows the loop by {@code key}, awakens it; false if the baton was lost. */
    boolean park(int key) {
        loop.letGo();
        loop.baton.idle(epoch);
        Supervisor supervisor = loop.supervisor;
        if (supervisor == null || !supervisor.arm(loop.poller(), key)) {
            loop.awaken(); // nothing else will
        } else {
            supervisor.notice(); // of the time when the rest ends
        }
        while (loop.baton.isIdle(epoch)) {
            LockSupport.park(this);
            boolean _ = Thread.interrupted(); // an interrupt has no meaning here, and would end every park
        }
        return take();
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Holds what a turn of an event loop works on: events, due runs, tasks, signals and timers; then the loop rests.
 *
 * <p><b>Threads.</b> Methods marked <i>loop</i>, and those of the driver, only for the holder of the baton; the others
 * on any thread. A thread's actions before {@link #execute} happen-before the task.
 */
abstract class Turn extends Relay implements Executor {
    /** How often the loop gives back unused memory and threads. */
    private static final long TRIM_NANOS = Duration.ofSeconds(1).toNanos();

    /** After how long the loop retries a resident whose signal call failed. */
    private static final long RETRY_NANOS = Duration.ofMillis(10).toNanos();

    private static final VarHandle TURNS;

    static {
        try {
            TURNS = MethodHandles.lookup().findVarHandle(Turn.class, "turns", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final String name;
    final Poller poller;
    final Tasks tasks;
    final TimerHeap timers = new TimerHeap();
    private final MemoryBudget budget;
    private final DueQueue due = new DueQueue();
    private final Workers workers;
    private final Rest rest;

    private final Timer trim = new Timer() {
        @Override
        protected void expired(long now) {
            memory().trim();
            spares().trim();
            workers.trim();
            budget.look();
        }
    };

    /** Retries failed signal calls. */
    private final Timer signalAgain = new Timer() {
        @Override
        protected void expired(long now) {
            tasks.retry();
        }
    };

    /**
     * Makes the loop call {@link EventLoop.Resident#signalled} of all residents, a few seconds later if it sleeps. For
     * use where an Error may have left no stack for {@link #signal}: a store calls nothing. Any thread.
     */
    public volatile boolean looksAtAll;

    /** Whether the next turn evicts all residents. Written by the loop, and by the stopper before STOPPING. */
    volatile boolean evictionDue;

    private long now = System.nanoTime();

    /** For {@link Watchman}: progress, written by the driver. */
    private long turns;

    Turn(Poller poller, String name, MemoryBudget budget, @Nullable Supervisor supervisor) {
        super(poller.memory(), supervisor);
        this.poller = poller;
        this.budget = budget;
        this.name = name;
        tasks = new Tasks(name, poller, supervisor == null ? () -> {} : supervisor::notice);
        workers = new Workers(name, poller.memory(), Threads.carriers());
        rest = new Rest(this, poller);
        poller.limitBy(budget);
    }

    /** Tells the loop its index at the supervisor that waits for its events. Called before the start. */
    final void watch(Supervisor watching, int index) throws TransportException {
        rest.supervised(watching, index);
    }

    /** <i>Loop.</i> Evicts all residents, or calls {@code signalled} of all, if that is due. */
    abstract void lookAtResidents();

    final String name() {
        return name;
    }

    /** {@return the memory budget of all connections of the group} Any thread. */
    public final MemoryBudget budget() {
        return budget;
    }

    /** {@return the poller; <i>loop</i>} */
    public final Poller poller() {
        return poller;
    }

    /** {@return when this turn's events were delivered, in terms of {@link System#nanoTime()}; <i>loop</i>} */
    public final long now() {
        return now;
    }

    // ---- what is left to the loop

    /**
     * Runs a task on the loop, soon and in order with others of the same caller. An accepted task runs once, if
     * necessary on the caller at the loop's end.
     *
     * @throws RejectedExecutionException if the loop has ended; then the task does not run
     */
    @Override
    public final void execute(Runnable task) {
        tasks.execute(task);
    }

    /**
     * Makes the loop call {@link EventLoop.Resident#signalled}, soon and at least once after this. Several signals
     * before the call count as one. Any thread; allocates nothing and never throws.
     *
     * @return false if the loop has ended: then it will not call, and the caller must act
     */
    public final boolean signal(EventLoop.Resident resident) {
        return tasks.signal(resident);
    }

    /** {@return whether tasks or signals wait} Any thread. */
    final boolean hasTasks() {
        return looksAtAll || !tasks.isEmpty();
    }

    /** Wakes the loop if it waits despite tasks or signals: an Error may have kept the producer from waking it. */
    final void ringIfForgotten() {
        if (hasTasks()) {
            tasks.ring();
            awaken();
        }
    }

    /** Repeats a failed wake-up; {@return whether there was one} Supervisor only. */
    final boolean ringAgain() {
        return tasks.ringAgain();
    }

    // ---- timers

    /** <i>Loop.</i> Arms a timer or moves its deadline. */
    public final void arm(Timer timer, long deadline) {
        timers.arm(timer, deadline);
    }

    /** <i>Loop.</i> Disarms a timer; does nothing if it is not armed. */
    public final void disarm(Timer timer) {
        timers.disarm(timer);
    }

    /** {@return nanoseconds until the first timer or the poller's next need, 0 if due, -1 if there is none} */
    final long untilFirstTimer(long at) {
        long timer = timers.untilFirst(at);
        long retry = poller.untilRetry(at);
        return retry < 0 || (timer >= 0 && timer < retry) ? timer : retry;
    }

    // ---- runs of user code

    /** <i>Loop.</i> Adds a due run of user code, which begins within this turn. */
    public final void addDue(Activation activation) {
        due.add(activation);
    }

    /** <i>Loop.</i> Like {@link #addDue}, but for the next turn, so that others get their share of this one. */
    public final void addLater(Activation activation) {
        due.addLater(activation);
    }

    /** {@return the first due run, or null} */
    @Nullable
    final Activation firstDue() {
        return due.peek();
    }

    final void removeFirstDue() {
        due.poll();
    }

    final Workers workers() {
        return workers;
    }

    /** {@return whether runs wait for workers} */
    final boolean isWaitingForWorkers() {
        return workers.isWaiting() || !due.isEmpty();
    }

    final boolean engageWorkers() {
        return workers.engage();
    }

    /** Wakes a thread that waits for something on this loop. Any thread. */
    public final void unpark(Thread waiter) {
        hasWoken();
        LockSupport.unpark(waiter);
    }

    /** The calling thread has started or woken another one. A loop on a virtual thread makes room for it. */
    public final void hasWoken() {
        if (inLoop()) {
            rest.hasWoken();
        }
    }

    /** <i>Loop, at its end.</i> Moves all due runs to other threads. */
    final void endDue() {
        do {
            for (Activation left = due.poll(); left != null; left = due.poll()) {
                workers.runApart(left);
            }
            due.beginTurn();
        } while (!due.isEmpty());
    }

    // ---- one turn, for the driver

    final void beginTurn() {
        TURNS.setOpaque(this, turns + 1);
        due.beginTurn();
    }

    /** Runs tasks and timers. */
    final void runTasksAndTimers() {
        lookAtResidents();
        if (tasks.run()) {
            rest.hasWoken(); // for a thread that waits for a task
        }
        timers.look(now);
        if (tasks.hasFailed() && !signalAgain.isArmed()) {
            timers.armOwn(signalAgain, now + RETRY_NANOS);
        }
        if (!trim.isArmed() && (memory().isActive() || spares().isActive() || workers.isUsed())) {
            timers.armOwn(trim, now + TRIM_NANOS);
        }
    }

    /** Waits for the next events, tasks or timers; {@return false if the baton was lost} */
    final boolean rest(Driver me) throws IOException {
        return rest.rest(me);
    }

    /** Announces that the loop is about to wait; {@return whether it may} */
    final boolean fallAsleep() {
        return !due.hasLater() && tasks.fallAsleep() && !evictionDue && !looksAtAll;
    }

    /** Waits for events, and updates the time. */
    final boolean fetch(long timeoutNanos) throws IOException {
        try {
            return poller.fetch(timeoutNanos);
        } finally {
            tasks.wakeUp();
            now = System.nanoTime();
        }
    }

    final long turns() {
        return (long) TURNS.getOpaque(this);
    }

    /** {@return when the rest ends, or {@link Long#MAX_VALUE}} */
    final long restsUntil() {
        return rest.until();
    }
}

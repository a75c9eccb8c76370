// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import dev.netpoll.internal.base.MpscQueue;
import dev.netpoll.internal.poll.Poller;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.RejectedExecutionException;

/**
 * The tasks and signals that threads hand to a loop, and the bell that ends its waits.
 *
 * <pre>
 * sleep:  AWAKE --loop, before it waits--> ASLEEP --loop after the wait, or CAS by the first producer--> AWAKE
 * </pre>
 *
 * <ul>
 *   <li>I1 A producer adds its task or signal, then looks at sleep; the loop sets ASLEEP, then looks at what there is.
 *       All are volatile, so one of them sees the other: nothing waits behind a blocked poll.
 *   <li>I2 Only the producer whose CAS ASLEEP -> AWAKE succeeds calls wakeup(): one system call per sleep.
 *   <li>I3 A producer adds its task, then looks whether the loop has ended; the loop ends, then runs what is left. So a
 *       task that was taken is run.
 * </ul>
 */
final class Tasks {
    private static final int AWAKE = 0;
    private static final int ASLEEP = 1;

    /** Tasks run per turn at most, so that sockets are looked at even while tasks beget tasks. */
    private static final int PER_TURN = 1024;

    private static final VarHandle SLEEP;

    static {
        try {
            SLEEP = MethodHandles.lookup().findVarHandle(Tasks.class, "sleep", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final String loopName;
    private final Poller poller;
    private final Runnable failed;
    private final MpscQueue<Runnable> queue = new MpscQueue<>();
    private final Signals signals = new Signals();
    private final Object leftovers = new Object();

    @SuppressWarnings("UnusedVariable") // through SLEEP
    private volatile int sleep = AWAKE;

    /** Whether the bell failed when somebody needed it. */
    private volatile boolean unrung;

    private volatile boolean ended;

    /** Makes one that calls {@code bellFailed}, which must not throw, when its poller could not be woken. */
    Tasks(String loopName, Poller poller, Runnable bellFailed) {
        this.loopName = loopName;
        this.poller = poller;
        failed = bellFailed;
    }

    /** Takes a task; throws {@link RejectedExecutionException} if the loop has ended. Any thread. */
    void execute(Runnable task) {
        if (ended) {
            throw new RejectedExecutionException("the event loop " + loopName + " has ended");
        }
        queue.offer(task);
        ring();
        if (ended) { // I3
            runLeftovers();
        }
    }

    /** Has a resident called by the loop, soon; {@return false if the loop has ended} Any thread; never throws. */
    boolean signal(EventLoop.Resident resident) {
        if (!signals.push(resident)) {
            return false;
        }
        ring();
        return true;
    }

    /** Wakes the loop if it sleeps. If the bell fails, the next one rings again, or the loop's supervisor. */
    void ring() {
        if (sleep == ASLEEP && SLEEP.compareAndSet(this, ASLEEP, AWAKE)) { // I2
            try {
                poller.wakeup();
            } catch (Throwable t) {
                sleep = ASLEEP;
                unrung = true;
                failed.run();
            }
        }
    }

    /** {@return whether a bell that had failed was rung again} */
    boolean ringAgain() {
        if (!unrung) {
            return false;
        }
        unrung = false;
        ring();
        return true;
    }

    /** <i>Loop.</i> {@return whether none waits, nor a signal} */
    boolean isEmpty() {
        return queue.isEmpty() && signals.isEmpty();
    }

    /** <i>Loop.</i> {@return whether signals have failed, so that {@link #retry} is to be called a while later} */
    boolean hasFailed() {
        return signals.hasFailed();
    }

    /** <i>Loop.</i> Has the signals that have failed called again. */
    void retry() {
        signals.retry();
    }

    /** <i>Loop.</i> It is about to wait; {@return whether it may} */
    boolean fallAsleep() {
        sleep = ASLEEP; // I1
        return isEmpty();
    }

    /** <i>Loop.</i> The wait is over. */
    void wakeUp() {
        sleep = AWAKE;
    }

    /** <i>Loop.</i> Runs what waits, or as much as a turn may take; {@return whether there was anything} */
    boolean run() {
        signals.run(loopName);
        for (int i = 0; i < PER_TURN; i++) {
            Runnable task = queue.poll();
            if (task == null) {
                return i > 0;
            }
            runSafely(task);
        }
        return true;
    }

    /** <i>Loop.</i> Takes no more, and runs what is left. */
    void end() {
        ended = true; // I3
        signals.end(loopName);
        runLeftovers();
    }

    /** After the end, whoever holds the lock is the queue's one consumer. */
    private void runLeftovers() {
        synchronized (leftovers) {
            for (Runnable task = queue.poll(); task != null; task = queue.poll()) {
                runSafely(task);
            }
        }
    }

    void runSafely(Runnable task) {
        try {
            task.run();
        } catch (Throwable t) { // also checked ones, which other languages throw freely
            LoopFailure.TASK_FAILED.log(loopName, t);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import dev.netpoll.internal.base.MpscQueue;
import dev.netpoll.internal.poll.Poller;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.RejectedExecutionException;

/**
 * The tasks and signals that threads hand to a loop, and the wake-up ("bell") that ends the loop's waits.
 *
 * <pre>
 * sleep:  AWAKE --loop, before it waits--> ASLEEP --loop after the wait, or CAS by the first producer--> AWAKE
 * </pre>
 *
 * <ul>
 *   <li>I1 A producer adds its task or signal, then reads {@code sleep}; the loop sets ASLEEP, then checks for tasks
 *       and signals. All are volatile, so one of them sees the other: nothing waits behind a blocked poll.
 *   <li>I2 Only the producer whose CAS ASLEEP -> AWAKE succeeds calls wakeup(): one system call per sleep.
 *   <li>I3 A producer adds its task, then checks whether the loop has ended; the loop ends, then runs what is left. So
 *       every accepted task runs.
 * </ul>
 */
final class Tasks {
    private static final int AWAKE = 0;
    private static final int ASLEEP = 1;

    /** The most tasks per turn, so that the loop serves sockets even if tasks keep adding tasks. */
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

    /** Whether a wake-up has failed and is still needed. */
    private volatile boolean unrung;

    private volatile boolean ended;

    /** Calls {@code bellFailed}, which must not throw, when the poller cannot be woken. */
    Tasks(String loopName, Poller poller, Runnable bellFailed) {
        this.loopName = loopName;
        this.poller = poller;
        failed = bellFailed;
    }

    /** Adds a task; throws {@link RejectedExecutionException} if the loop has ended. Any thread. */
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

    /** Makes the loop call a resident soon; {@return false if the loop has ended} Any thread; never throws. */
    boolean signal(EventLoop.Resident resident) {
        if (!signals.push(resident)) {
            return false;
        }
        ring();
        return true;
    }

    /** Wakes the loop if it sleeps. If that fails, the next producer or the loop's supervisor tries again. */
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

    /** Repeats a failed wake-up; {@return whether there was one} */
    boolean ringAgain() {
        if (!unrung) {
            return false;
        }
        unrung = false;
        ring();
        return true;
    }

    /** <i>Loop.</i> {@return whether neither a task nor a signal waits} */
    boolean isEmpty() {
        return queue.isEmpty() && signals.isEmpty();
    }

    /** <i>Loop.</i> {@return whether calls of residents have failed, so that {@link #retry} must follow later} */
    boolean hasFailed() {
        return signals.hasFailed();
    }

    /** <i>Loop.</i> Retries the failed calls. */
    void retry() {
        signals.retry();
    }

    /** <i>Loop.</i> The loop is about to wait; {@return whether it may} */
    boolean fallAsleep() {
        sleep = ASLEEP; // I1
        return isEmpty();
    }

    /** <i>Loop.</i> The wait is over. */
    void wakeUp() {
        sleep = AWAKE;
    }

    /** <i>Loop.</i> Runs tasks and signals, up to the limit of a turn; {@return whether there were any} */
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

    /** <i>Loop.</i> Rejects new tasks and signals, and runs the remaining ones. */
    void end() {
        ended = true; // I3
        signals.end(loopName);
        runLeftovers();
    }

    /** After the end, the holder of the lock is the queue's one consumer. */
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
        } catch (Throwable t) { // even checked exceptions, which other languages throw freely
            LoopFailure.TASK_FAILED.log(loopName, t);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import dev.netpoll.internal.base.SpmcRing;
import dev.netpoll.internal.memory.BlockSource;
import java.util.Arrays;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Virtual threads that run a loop's due user code that may block. One worker takes run after run from the queue, so a
 * batch costs one hand-off instead of one per run. If it blocks in a run, the loop notices in its next turn, and
 * another worker continues with the rest.
 *
 * <pre>
 *   queue --poll--> worker's run --returns--> next run ... queue empty --> idle, parked --loop: runs wait--> next run
 *                                --blocks--> loop: another worker         idle --loop was quiet, or ends--> ended
 * </pre>
 *
 * <ul>
 *   <li>W1 While a run waits in the queue, the loop does not rest: it checks the workers every turn. So nothing needs
 *       to wake the loop when a worker blocks or goes idle too early.
 *   <li>W2 Idle workers are in {@code idle}; only the thread that takes one out (CAS) may wake it.
 *   <li>W3 The loop sets {@code closed}, then ends the idle workers; a worker becomes idle, then checks {@code closed}.
 * </ul>
 *
 * <p><b>Limits.</b> {@link #QUEUED_MAX} waiting runs (the loop keeps the rest), {@link #IDLE_MAX} idle workers; there
 * are no more workers than connections, as a connection has one run at a time.
 */
final class Workers {
    static final int QUEUED_MAX = 1024;
    private static final int IDLE_MAX = 1024;

    /** At the loop's end, starting a thread is retried for about a second. */
    private static final int START_TRIES = 100;

    private static final long START_PAUSE_NANOS = 10_000_000;

    private final SpmcRing<Activation> queue = new SpmcRing<>(QUEUED_MAX);
    private final AtomicReferenceArray<@Nullable Worker> idle = new AtomicReferenceArray<>(IDLE_MAX);

    /** A hint: where to look first for a free place, and just below it for a worker. */
    private int nearTop;

    /** Workers woken last, which perhaps still run. Loop only. */
    private final @Nullable Worker[] running;

    private final ThreadFactory threads;
    private final BlockSource blocks;

    /** Whether a worker was woken since the last trim. Loop only. */
    private boolean used;

    private volatile boolean closed;

    Workers(String loopName, BlockSource blocks, int parallelism) {
        this.blocks = blocks;
        running = new Worker[parallelism];
        String name = loopName + "-worker";
        threads = task -> Threads.virtual(name, task);
    }

    private final class Worker implements Runnable {
        final Thread thread = threads.newThread(this);
        private final Spares spares = new Spares(thread, blocks);
        private volatile boolean go;
        private volatile boolean end;

        /** {@return whether it is running, or only waits for a processor} */
        boolean isRunnable() {
            return thread.getState() == Thread.State.RUNNABLE;
        }

        @Override
        public void run() {
            boolean goesOn = true;
            while (goesOn) {
                try {
                    runQueued();
                    goesOn = standBy();
                } catch (Throwable t) {
                    // Goes on: no other thread would.
                }
            }
        }

        private void runQueued() {
            for (Activation next = queue.poll(); next != null; next = queue.poll()) {
                runSafely(next, spares);
                boolean _ = Thread.interrupted(); // an interrupt status that user code left behind
            }
        }

        /** {@return whether there is more to do} */
        private boolean standBy() {
            if (closed || !addIdle(this)) {
                return false;
            }
            if (closed) { // W3
                endIdle();
            }
            while (!go) {
                try {
                    LockSupport.park(this);
                } catch (OutOfMemoryError e) {
                    Thread.onSpinWait(); // no memory for parking; but it counts as idle, so it must wait
                }
                boolean _ = Thread.interrupted();
            }
            go = false;
            return !end;
        }

        void letGo() {
            go = true;
            LockSupport.unpark(thread);
        }
    }

    static {
        LoopFailure.prepare();
    }

    /** <i>Loop.</i> Queues a run; {@return false if there is no room} */
    boolean offer(Activation activation) {
        return queue.offer(activation);
    }

    /** {@return the next run, which the caller must run, or null} Any thread. */
    @Nullable
    Activation poll() {
        return queue.poll();
    }

    /** {@return whether runs wait} */
    boolean isWaiting() {
        return !queue.isEmpty();
    }

    /** <i>Loop.</i> Wakes workers for the waiting runs; {@return whether it woke any} */
    boolean engage() {
        int waiting = queue.size();
        boolean engaged = false;
        for (int i = 0; i < running.length && waiting > 0; i++) {
            Worker worker = running[i];
            if (worker == null || !worker.isRunnable()) {
                running[i] = letOneGo();
                if (running[i] == null) {
                    break;
                }
                engaged = true;
                waiting--;
            }
        }
        used |= engaged;
        return engaged;
    }

    /** {@return a worker that now runs, or null if there is no memory for one; then the next turn tries again} */
    private @Nullable Worker letOneGo() {
        Worker worker = takeIdle();
        if (worker != null) {
            worker.letGo();
            return worker;
        }
        try {
            worker = new Worker();
            worker.thread.start();
            return worker;
        } catch (Throwable t) {
            LoopFailure.NO_WORKER.log(t);
            return null;
        }
    }

    private boolean addIdle(Worker worker) {
        int first = nearTop;
        for (int n = 0; n < IDLE_MAX; n++) {
            int i = (first + n) & (IDLE_MAX - 1);
            if (idle.getOpaque(i) == null && idle.compareAndSet(i, null, worker)) {
                nearTop = i + 1;
                return true;
            }
        }
        return false;
    }

    private @Nullable Worker takeIdle() {
        int first = nearTop - 1;
        for (int n = 0; n < IDLE_MAX; n++) {
            int i = (first - n) & (IDLE_MAX - 1);
            Worker worker = idle.getOpaque(i);
            if (worker != null && idle.compareAndSet(i, worker, null)) {
                nearTop = i;
                return worker;
            }
        }
        return null;
    }

    /** <i>Loop.</i> {@return whether workers were woken since the last {@link #trim}} */
    boolean isUsed() {
        return used;
    }

    /** <i>Loop.</i> Ends idle workers if none was needed since the last call. */
    void trim() {
        if (used) {
            used = false;
            return;
        }
        endIdle();
        queue.clear();
        Arrays.fill(running, null);
    }

    private void endIdle() {
        for (Worker worker = takeIdle(); worker != null; worker = takeIdle()) {
            worker.end = true;
            worker.letGo();
        }
    }

    /** <i>Loop.</i> The loop ends: each waiting run gets its own thread. */
    void end() {
        closed = true; // W3
        for (Activation left = queue.poll(); left != null; left = queue.poll()) {
            runApart(left);
        }
        endIdle();
    }

    /** Runs this on its own thread. */
    void runApart(Activation left) {
        for (int tries = 1; ; tries++) {
            try {
                threads.newThread(() -> runSafely(left, null)).start();
                return;
            } catch (Throwable t) {
                if (tries == START_TRIES) {
                    giveUp(left, t);
                    return;
                }
                LockSupport.parkNanos(START_PAUSE_NANOS); // memory may come back
            }
        }
    }

    private static void runSafely(Activation next, @Nullable Spares spares) {
        try {
            next.run(spares);
        } catch (Throwable t) {
            giveUp(next, t);
        }
    }

    /** A run has failed: its {@link Activation#failed} deals with the consequences. */
    static void giveUp(Activation failed, Throwable cause) {
        try {
            failed.failed(cause);
        } catch (Throwable t) {
            LoopFailure.RUN_NOT_GIVEN_UP.log(t);
        }
        LoopFailure.RUN_FAILED.log(cause);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import dev.netpoll.internal.memory.BlockSource;
import dev.netpoll.internal.memory.LoopCache;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.queue.MpscQueue;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * A thread that owns sockets: turn = poll → deliver → run tasks → expire timers.
 *
 * <p><b>Place.</b> Made by a group of loops; connections live on one loop for all their life.
 *
 * <p><b>Threads.</b> Methods marked <i>loop</i> only on the loop's thread, the others on any. What a thread did before
 * {@link #execute} happens-before the task.
 *
 * <p><b>Fails.</b> What a task, timer or event throws is logged and does not end the loop. A poller that fails does:
 * all residents are evicted.
 */
public final class EventLoop implements Executor {
    /*
     * Life:   NEW --start--> RUNNING --stop (any thread)--> STOPPING --no residents left (loop)--> ENDED
     * Sleep:  AWAKE --loop, before it blocks--> ASLEEP --loop after poll, or CAS by the first producer--> AWAKE
     *
     * I1  A producer adds its task, then looks at sleep; the loop sets ASLEEP, then looks at the tasks. Both are
     *     volatile, so one of them sees the other: no task waits behind a blocked poll.
     * I2  Only the producer whose CAS ASLEEP -> AWAKE succeeds calls wakeup(): one system call per sleep.
     * I3  residents, timers and now are touched by the loop's thread only.
     */
    private static final int NEW = 0;
    private static final int RUNNING = 1;
    private static final int STOPPING = 2;
    private static final int ENDED = 3;

    private static final int AWAKE = 0;
    private static final int ASLEEP = 1;

    /** Tasks run per turn at most, so that sockets are looked at even while tasks beget tasks. */
    private static final int TASKS_PER_TURN = 1024;

    private static final System.Logger LOG = System.getLogger("dev.netpoll");

    private static final VarHandle LIFE;
    private static final VarHandle SLEEP;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            LIFE = lookup.findVarHandle(EventLoop.class, "life", int.class);
            SLEEP = lookup.findVarHandle(EventLoop.class, "sleep", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Something that lives on a loop until it removes itself: a connection, a listener. */
    public abstract static class Resident {
        private int index = -1;

        /** <i>Loop.</i> The loop ends: close now. Must lead to {@link EventLoop#remove}. */
        protected abstract void evict();
    }

    private static final class LoopThread extends Thread {
        LoopThread(EventLoop loop, String name, boolean daemon) {
            super(null, loop::run, name, 0, false);
            setDaemon(daemon);
        }
    }

    /** How often unused memory is given back. */
    private static final long TRIM_NANOS = Duration.ofSeconds(1).toNanos();

    private final Poller poller;
    private final LoopCache memory;
    private final LoopThread thread;
    private final MpscQueue<Runnable> tasks = new MpscQueue<>();
    private final TimerHeap timers = new TimerHeap();

    private final Timer trim = new Timer() {
        @Override
        protected void expired(long now) {
            memory.trim();
        }
    };

    private final List<Resident> residents = new ArrayList<>();
    private final AtomicInteger assigned = new AtomicInteger();
    private final ReentrantLock leftovers = new ReentrantLock();
    private long now = System.nanoTime();

    @SuppressWarnings("UnusedVariable") // through LIFE
    private volatile int life = NEW;

    @SuppressWarnings("UnusedVariable") // through SLEEP
    private volatile int sleep = AWAKE;

    private volatile int residentCount;

    /** Makes a loop that drives {@code poller} and closes it in the end; {@link #start} starts its thread. */
    public EventLoop(Poller poller, String name, boolean daemon) {
        this.poller = poller;
        this.memory = poller.memory();
        this.thread = new LoopThread(this, name, daemon);
    }

    /** {@return whether the calling thread is an event loop, of whichever group, and so must not block} */
    public static boolean onLoop() {
        return Thread.currentThread() instanceof LoopThread;
    }

    /** {@return whether the calling thread is this loop's} */
    public boolean inLoop() {
        return Thread.currentThread() == thread;
    }

    /** Starts the thread; once. */
    public void start() {
        if (LIFE.compareAndSet(this, NEW, RUNNING)) {
            thread.start();
        }
    }

    /**
     * Runs a task on the loop, soon and in order with others of the same caller. A task that was taken is run once, if
     * need be by the caller at the loop's end.
     *
     * @throws RejectedExecutionException if the loop has ended; the task is not run then
     */
    @Override
    public void execute(Runnable task) {
        if (life == ENDED) {
            throw new RejectedExecutionException("the event loop " + thread.getName() + " has ended");
        }
        submit(task);
        if (life == ENDED) {
            runLeftovers(); // the loop's own last look may have come before the task
        }
    }

    private void submit(Runnable task) {
        tasks.offer(task);
        if (sleep == ASLEEP && SLEEP.compareAndSet(this, ASLEEP, AWAKE)) {
            poller.wakeup();
        }
    }

    /** {@return the memory of this loop: fastest on its thread, but legal on any} */
    public BlockSource memory() {
        return memory;
    }

    /** {@return the poller; <i>loop</i>} */
    public Poller poller() {
        return poller;
    }

    /** {@return the time this turn's events were delivered at, in terms of {@link System#nanoTime()}; <i>loop</i>} */
    public long now() {
        return now;
    }

    /** <i>Loop.</i> Arms a timer or moves its deadline. */
    public void arm(Timer timer, long deadline) {
        timers.arm(timer, deadline);
    }

    /** <i>Loop.</i> Disarms a timer; does nothing if it is not armed. */
    public void disarm(Timer timer) {
        timers.disarm(timer);
    }

    /** <i>Loop.</i> Lets a resident in. A loop that is stopping evicts it at once. */
    public void add(Resident resident) {
        assert inLoop() && resident.index < 0;
        resident.index = residents.size();
        residents.add(resident);
        residentCount = residents.size();
        if (life >= STOPPING) {
            execute(resident::evict);
        }
    }

    /** <i>Loop.</i> Lets a resident go; does nothing if it is not in. */
    public void remove(Resident resident) {
        assert inLoop();
        int hole = resident.index;
        if (hole < 0) {
            return;
        }
        resident.index = -1;
        Resident last = residents.removeLast();
        if (last != resident) {
            residents.set(hole, last);
            last.index = hole;
        }
        residentCount = residents.size();
    }

    /** <i>Loop.</i> Calls {@code action} for each resident; the action may remove it. */
    public void forEachResident(Consumer<? super Resident> action) {
        for (Resident resident : List.copyOf(residents)) {
            action.accept(resident);
        }
    }

    /** One more connection will live here. Any thread. */
    public void assign() {
        assigned.incrementAndGet();
    }

    /** One of the connections that were assigned has ended. Any thread. */
    public void unassign() {
        assigned.decrementAndGet();
    }

    /** {@return how many connections are assigned, also those that are not yet residents; for balancing} */
    public int assigned() {
        return assigned.get();
    }

    /** {@return how many residents there are} */
    public int residentCount() {
        return residentCount;
    }

    /** {@return whether it takes new residents: it was started, and is not about to end} */
    public boolean isRunning() {
        return life == RUNNING;
    }

    /** Evicts all residents and ends the loop when the last has left. Idempotent; {@link #join} waits for it. */
    public void stop() {
        if (LIFE.compareAndSet(this, NEW, ENDED)) {
            poller.close();
            return;
        }
        if (LIFE.compareAndSet(this, RUNNING, STOPPING)) {
            submit(() -> forEachResident(resident -> runSafely(resident::evict)));
        }
    }

    /** Waits for the loop's thread to end, at most so long. */
    public boolean join(Duration timeout) throws InterruptedException {
        return thread.getState() == Thread.State.NEW || thread.join(timeout);
    }

    private void run() {
        memory.own();
        try {
            while (life == RUNNING || !residents.isEmpty()) {
                turn();
            }
        } catch (IOException | RuntimeException | Error e) {
            LOG.log(System.Logger.Level.ERROR, "the event loop " + thread.getName() + " failed", e);
        } finally {
            end();
        }
    }

    private void turn() throws IOException {
        long timeout = 0;
        if (tasks.isEmpty()) {
            timeout = timers.untilFirst(System.nanoTime());
            if (timeout != 0) {
                sleep = ASLEEP;
                if (!tasks.isEmpty()) {
                    timeout = 0;
                }
            }
        }
        poller.poll(timeout);
        sleep = AWAKE;
        now = System.nanoTime();
        runTasks();
        expireTimers();
        if (memory.isActive() && !trim.isArmed()) {
            timers.arm(trim, now + TRIM_NANOS);
        }
    }

    private void expireTimers() {
        try {
            timers.expire(now);
        } catch (RuntimeException | Error e) { // the timers behind it expire in the next turn
            LOG.log(System.Logger.Level.ERROR, "a timer on the event loop " + thread.getName() + " failed", e);
        }
    }

    private void runTasks() {
        for (int i = 0; i < TASKS_PER_TURN; i++) {
            Runnable task = tasks.poll();
            if (task == null) {
                return;
            }
            runSafely(task);
        }
    }

    private void end() {
        LIFE.setVolatile(this, STOPPING);
        forEachResident(resident -> runSafely(resident::evict));
        runTasks();
        LIFE.setVolatile(this, ENDED);
        runLeftovers();
        poller.close();
        memory.disown();
    }

    /** After the end, whoever holds the lock is the queue's one consumer. */
    private void runLeftovers() {
        leftovers.lock();
        try {
            for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
                runSafely(task);
            }
        } finally {
            leftovers.unlock();
        }
    }

    private void runSafely(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException | Error e) {
            LOG.log(System.Logger.Level.ERROR, "a task on the event loop " + thread.getName() + " failed", e);
        }
    }
}

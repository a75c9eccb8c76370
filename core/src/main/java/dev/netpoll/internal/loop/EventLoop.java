// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import dev.netpoll.internal.base.Classes;
import dev.netpoll.internal.memory.LoopCache;
import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Owns sockets: turn = poll → deliver → run what is due → run tasks → expire timers → rest.
 *
 * <p>A loop is not a thread but a {@link Baton}: its state lies in these fields, and the {@link Driver} that holds the
 * baton drives it. While the driver is inside user code that may block, the baton is lent, and the {@link Supervisor}
 * may give it to another driver, who goes on with the rest of the batch.
 *
 * <p><b>Place.</b> Made by a group of loops; connections live on one loop for all their life.
 *
 * <p><b>Threads.</b> Methods marked <i>loop</i> only for the holder of the baton, the others on any thread. What a
 * thread did before {@link #execute} happens-before the task.
 *
 * <p><b>Fails.</b> What a task, timer, event or run throws is logged and does not end the loop. A poller that fails
 * does: all residents are evicted. A driver that dies all the same is replaced by the supervisor.
 */
public final class EventLoop implements Executor {
    /*
     * Life:   NEW --start--> RUNNING --stop (any thread)--> STOPPING --no residents left (loop)--> ENDED
     *
     * L1  residents, timers, due and now are touched by the holder of the baton only.
     * L2  User code that may block never runs while the baton is held, but only while it is lent.
     */
    private static final int NEW = 0;
    private static final int RUNNING = 1;
    private static final int STOPPING = 2;
    private static final int ENDED = 3;

    private static final int END_STEPS = 8;

    /** How often and after how long those are evicted again that could not be; and called whose signal has failed. */
    private static final int EVICT_TRIES = 100;

    private static final long EVICT_PAUSE_NANOS = Duration.ofMillis(10).toNanos();

    /** How often unused memory and threads are given back. */
    private static final long TRIM_NANOS = Duration.ofSeconds(1).toNanos();

    /** How often the wait for the end looks whether the loop was woken at all. */
    private static final long BELL_NANOS = Duration.ofMillis(50).toNanos();

    private static final VarHandle LIFE;
    private static final VarHandle HOLDER;
    private static final VarHandle TURNS;
    private static final VarHandle RUNS;
    private static final VarHandle STIRRED;

    static {
        MethodHandles.Lookup lookup = MethodHandles.lookup();
        Classes.initialize(lookup, VirtualDrivers.class, SystemThread.class, Relief.class, LoopEvents.class);
        try {
            LIFE = lookup.findVarHandle(EventLoop.class, "life", int.class);
            HOLDER = lookup.findVarHandle(EventLoop.class, "holder", Thread.class);
            TURNS = lookup.findVarHandle(EventLoop.class, "turns", long.class);
            RUNS = lookup.findVarHandle(EventLoop.class, "runs", long.class);
            STIRRED = lookup.findVarHandle(EventLoop.class, "stirred", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Something that lives on a loop until it removes itself: a connection, a listener. */
    public abstract static class Resident {
        /** Its place among the {@link Residents}, or -1. */
        int index = -1;

        /** Its place among the {@link Signals}, or null. */
        volatile @Nullable Resident next;

        /** {@return whether it lives on a loop} <i>Loop.</i> */
        protected final boolean isResident() {
            return index >= 0;
        }

        /** <i>Loop.</i> The loop ends: close now. Must lead to {@link EventLoop#remove}. */
        protected abstract void evict();

        /** <i>Loop.</i> {@link EventLoop#signal} was called. It may have left the loop meanwhile. */
        protected void signalled() {}
    }

    private final String name;
    private final Poller poller;
    private final LoopCache memory;
    private final MemoryBudget budget;
    private final Tasks tasks;
    private final TimerHeap timers = new TimerHeap();
    private final DueQueue due = new DueQueue();
    private final Workers workers;
    private final Rest rest;
    private final Pause pause = new Pause();
    final Baton baton = new Baton();
    final @Nullable Supervisor supervisor;

    private final Timer trim = new Timer() {
        @Override
        protected void expired(long now) {
            memory.trim();
            spares().trim();
            workers.trim();
            budget.look();
        }
    };

    /** Looks again after those whose eviction has failed. */
    private final Timer evictAgain = new Timer() {
        @Override
        protected void expired(long now) {
            evictionDue = true;
        }
    };

    /** Calls those again whose signal has failed. */
    private final Timer signalAgain = new Timer() {
        @Override
        protected void expired(long now) {
            tasks.retry();
        }
    };

    private final Residents residents = new Residents();

    /** Made beforehand: to evict needs no memory. */
    private final Consumer<Resident> evict = this::evict;

    private final Consumer<Resident> look = this::look;

    /**
     * Has the loop call {@link Resident#signalled} of all residents, some seconds later if it sleeps. For where an
     * Error may have left no stack for {@link #signal}: storing it calls nothing. Any thread.
     */
    public volatile boolean looksAtAll;

    /** Whether the driver was awakened, and may not have been unparked. */
    private volatile boolean unparkDue;

    private boolean evictionFailed;
    private final AtomicInteger assigned = new AtomicInteger();
    private final CountDownLatch end = new CountDownLatch(1);
    private long now = System.nanoTime();

    @SuppressWarnings("UnusedVariable") // through LIFE
    private volatile int life = NEW;

    /** Whether residents are to be evicted in the next turn. Loop, and by who stops it before that is said. */
    private volatile boolean evictionDue;

    /** The driver of the current epoch; its first one is made by {@link #start}. */
    volatile @Nullable Driver driver;

    /** The thread that holds the baton; null while nobody does. Threads only ask whether it is themselves. */
    @SuppressWarnings("UnusedVariable") // through HOLDER
    private @Nullable Thread holder;

    /** What user code runs, while the baton is lent. */
    @Nullable
    Activation lentTo;

    /** For {@link Watchman}: progress, written by the driver. */
    private long turns;

    private long runs;

    /** Whether any thread used a connection of this loop lately, so that threads do get processors. */
    @SuppressWarnings("UnusedVariable") // through STIRRED
    private boolean stirred;

    private final boolean isVirtual;
    private final boolean isDaemon;
    private final Watchman watchman = new Watchman(this);

    /** Makes a loop on a platform thread that drives {@code poller} and closes it in the end, with its own budget. */
    public EventLoop(Poller poller, String name, boolean daemon) {
        this(poller, name, daemon, new MemoryBudget(MemoryBudget.defaultLimit()));
    }

    /** Makes a loop on a platform thread that drives {@code poller} and closes it in the end. */
    public EventLoop(Poller poller, String name, boolean daemon, MemoryBudget budget) {
        this(poller, name, daemon, false, null, budget);
    }

    /** Makes a loop with a supervisor and its own budget, on virtual threads if the supervisor can watch its poller. */
    public EventLoop(Poller poller, String name, boolean virtual, Supervisor supervisor) {
        this(poller, name, virtual, supervisor, new MemoryBudget(MemoryBudget.defaultLimit()));
    }

    /** Makes a loop with a supervisor, on virtual threads if the supervisor can watch its poller. */
    public EventLoop(Poller poller, String name, boolean virtual, Supervisor supervisor, MemoryBudget budget) {
        this(poller, name, true, virtual, supervisor, budget);
    }

    private EventLoop(
            Poller poller,
            String name,
            boolean daemon,
            boolean virtual,
            @Nullable Supervisor supervisor,
            MemoryBudget budget) {
        this.poller = poller;
        this.budget = budget;
        this.name = name;
        this.supervisor = supervisor;
        memory = poller.memory();
        tasks = new Tasks(name, poller, supervisor == null ? () -> {} : supervisor::notice);
        workers = new Workers(name, memory, Carriers.count());
        isVirtual = virtual;
        isDaemon = daemon;
        rest = new Rest(this, poller);
        poller.limitBy(budget);
    }

    String name() {
        return name;
    }

    /** {@return whether the calling thread holds an event loop, of whichever group, and so must not block} */
    public static boolean onLoop() {
        Driver current = Driver.current();
        return current != null && current.loop.inLoop();
    }

    /**
     * To be called before waiting: if the calling thread has lent its loop to run user code, another takes over, and
     * what the code has left to the loop is sent.
     *
     * @return whether anything was done: then it may have used up a wake-up, so look again at what is waited for
     */
    public static boolean beforeBlocking() {
        Driver current = Driver.current();
        if (current == null) {
            return false;
        }
        boolean sent = current.beforeBlocking();
        return current.loop.watchman.handOver(current) || sent;
    }

    /** {@return whether the calling thread holds this loop} */
    public boolean inLoop() {
        return HOLDER.getOpaque(this) == Thread.currentThread();
    }

    /** Starts it; once. */
    public void start() {
        if (LIFE.compareAndSet(this, NEW, RUNNING)) {
            boolean started = false;
            try {
                start(isVirtual ? Driver.virtual(this, 0) : Driver.platform(this, 0, isDaemon));
                started = true;
            } finally {
                if (!started && LIFE.compareAndSet(this, RUNNING, NEW)) {
                    stop();
                }
            }
        }
    }

    /** Starts the driver of the epoch that has begun. */
    void start(Driver next) {
        driver = next;
        next.start();
    }

    Driver successor(long epoch, boolean standIn) {
        if (standIn) {
            return Driver.standIn(this, epoch);
        }
        return isVirtual ? Driver.virtual(this, epoch) : Driver.platform(this, epoch, true);
    }

    boolean isVirtual() {
        return isVirtual;
    }

    /** The loop is number {@code index} of its supervisor; before it starts. */
    void supervised(int index) throws TransportException {
        if (supervisor != null && isVirtual) {
            rest.supervised(supervisor, index);
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
        tasks.execute(task);
    }

    /**
     * Has the loop call {@link Resident#signalled}, soon and at least once after this. Several signals before the call
     * are one. Any thread; allocates nothing and never throws.
     *
     * @return false if the loop has ended: then nothing was and will be called, and the caller sees to it
     */
    public boolean signal(Resident resident) {
        return tasks.signal(resident);
    }

    /** {@return what all connections of the group may hold together} Any thread. */
    public MemoryBudget budget() {
        return budget;
    }

    /** {@return the memory of this loop: fastest on its thread, but legal on any} */
    public LoopCache memory() {
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

    /** <i>Loop.</i> Lets a resident in, if it {@link #isRunning}. If it stops meanwhile, it evicts the resident. */
    public void add(Resident resident) {
        assert inLoop() && resident.index < 0;
        residents.add(resident);
        if (life >= STOPPING) {
            evictionDue = true;
        }
    }

    /** <i>Loop.</i> Lets a resident go; does nothing if it is not in. */
    public void remove(Resident resident) {
        assert inLoop();
        residents.remove(resident);
    }

    /** <i>Loop.</i> Calls {@code action} for each resident; the action may remove it. */
    public void forEachResident(Consumer<? super Resident> action) {
        residents.forEach(action);
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
        return residents.count();
    }

    /** {@return whether it takes new residents: it was started, and is not about to end} */
    public boolean isRunning() {
        return life == RUNNING;
    }

    /** Evicts all residents and ends the loop when the last has left. Idempotent; {@link #join} waits for it. */
    public void stop() {
        if (LIFE.compareAndSet(this, NEW, ENDED)) {
            tasks.end();
            poller.close();
            end.countDown();
            return;
        }
        if (life == RUNNING) {
            evictionDue = true; // first: who sees that it is stopping, evicts
            LIFE.compareAndSet(this, RUNNING, STOPPING);
            tasks.ring();
        }
    }

    /** Waits for the loop's end, at most so long. */
    public boolean join(Duration timeout) throws InterruptedException {
        long begin = System.nanoTime();
        long left = timeout.toNanos();
        while (life != NEW && !end.await(Math.min(left, BELL_NANOS), TimeUnit.NANOSECONDS)) {
            left = timeout.toNanos() - (System.nanoTime() - begin);
            if (left <= 0) {
                return false;
            }
            tasks.ringAgain(); // if an Error has kept it from ringing
        }
        return true;
    }

    // ---- what runs user code ----

    /** <i>Loop.</i> A run of user code is due; it begins within this turn. */
    public void addDue(Activation activation) {
        due.add(activation);
    }

    /** <i>Loop.</i> As {@link #add}, but in the next turn: the others are to have their share of this one. */
    public void addLater(Activation activation) {
        due.addLater(activation);
    }

    /** Wakes a thread that waits for something on this loop. Any thread. */
    public void unpark(Thread waiter) {
        hasWoken();
        LockSupport.unpark(waiter);
    }

    /** The calling thread has started or woken another one, which a loop on a virtual thread makes room for. */
    public void hasWoken() {
        if (inLoop()) {
            rest.hasWoken();
        }
    }

    /** Some thread uses a connection of this loop: threads do get processors. Any thread. */
    public void stir() {
        if (!(boolean) STIRRED.getOpaque(this)) {
            STIRRED.setOpaque(this, true);
        }
    }

    /**
     * <i>Loop.</i> Lends the baton, to run user code; until {@link #reclaim} the calling thread is as any other.
     *
     * @return what to reclaim it with
     */
    public long lend(Activation activation) {
        Driver current = Objects.requireNonNull(driver);
        assert inLoop();
        lentTo = activation;
        RUNS.setOpaque(this, runs + 1);
        letGo();
        baton.lend(current.epoch);
        noticed();
        return current.epoch;
    }

    /**
     * {@return whether the calling thread has lent this loop, and another can take it over: then {@link
     * Activation#relieved} is called should the caller hold it up}
     */
    public boolean isRelievable() {
        Driver current = driver;
        Supervisor overseer = supervisor;
        return current != null
                && current.thread == Thread.currentThread()
                && baton.isLent(current.epoch)
                && overseer != null
                && overseer.hasRoom();
    }

    /** <i>Loop.</i> {@return what the calling thread keeps for one run after the other} */
    public Spares spares() {
        return Objects.requireNonNull(driver).spares;
    }

    /** The user code has returned; {@return false if the loop has another driver now} */
    public boolean reclaim(long loan) {
        boolean _ = Thread.interrupted(); // a status that user code left behind
        if (!baton.reclaim(loan)) {
            return false;
        }
        lentTo = null;
        hold();
        return true;
    }

    /**
     * Runs {@code action} on the loop, if the calling thread has lent it to run user code: it takes the loop back for
     * that time, so that nobody has to wait for anybody. What the action throws is thrown on.
     *
     * @return false if the calling thread has not lent this loop, or another one has taken it over
     */
    public boolean borrow(Runnable action) {
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

    /** Sees to it that the supervisor looks at this loop. */
    void noticed() {
        Supervisor overseer = supervisor;
        if (overseer != null) {
            overseer.notice();
        }
    }

    /** The calling thread has taken the baton. */
    void hold() {
        HOLDER.setOpaque(this, Thread.currentThread());
        memory.own();
    }

    /** The calling thread is about to move the baton on. */
    void letGo() {
        memory.release();
        HOLDER.setOpaque(this, null);
    }

    // ---- for the driver that holds the baton ----

    /** {@return whether it is to be driven on: it was not stopped, or somebody still lives on it} */
    boolean isAlive() {
        return life == RUNNING || residents.count() > 0;
    }

    void beginTurn() {
        TURNS.setOpaque(this, turns + 1);
        due.beginTurn();
    }

    /** {@return the run that is due first, or null} */
    @Nullable
    Activation firstDue() {
        return due.peek();
    }

    void removeFirstDue() {
        due.poll();
    }

    Workers workers() {
        return workers;
    }

    Watchman watchman() {
        return watchman;
    }

    /** Runs tasks and timers. */
    void runTasksAndTimers() {
        if (evictionDue && life >= STOPPING) {
            evictAll();
        }
        if (looksAtAll) {
            looksAtAll = false;
            residents.forEach(look);
        }
        if (tasks.run()) {
            rest.hasWoken(); // whoever waits for a task
        }
        timers.look(now);
        if (tasks.hasFailed() && !signalAgain.isArmed()) {
            timers.armOwn(signalAgain, now + EVICT_PAUSE_NANOS);
        }
        if (!trim.isArmed() && (memory.isActive() || spares().isActive() || workers.isUsed())) {
            timers.armOwn(trim, now + TRIM_NANOS);
        }
    }

    /** Waits for what comes next; {@return false if the baton was lost} */
    boolean rest(Driver me) throws IOException {
        return rest.rest(me);
    }

    // ---- resting, for Rest; loop ----

    /** {@return whether runs wait for workers} */
    boolean isWaitingForWorkers() {
        return workers.isWaiting() || !due.isEmpty();
    }

    boolean engageWorkers() {
        return workers.engage();
    }

    /** Says that the loop is about to wait; {@return whether it may} */
    boolean fallAsleep() {
        return !due.hasLater() && tasks.fallAsleep() && !evictionDue && !looksAtAll;
    }

    /** {@return whether something was left to it} Any thread. */
    boolean hasTasks() {
        return looksAtAll || !tasks.isEmpty();
    }

    /** Wakes it if something was left to it, wherever it waits: whoever was to ring may have met an Error. */
    void ringIfForgotten() {
        if (hasTasks()) {
            tasks.ring();
            awaken();
        }
    }

    /** {@return nanoseconds until the first timer or until the poller is to be asked, 0 if due, -1 if there is none} */
    long untilFirstTimer(long at) {
        long timer = timers.untilFirst(at);
        long retry = poller.untilRetry(at);
        return retry < 0 || (timer >= 0 && timer < retry) ? timer : retry;
    }

    /** Waits for events, and takes note of the time. */
    boolean fetch(long timeoutNanos) throws IOException {
        try {
            return poller.fetch(timeoutNanos);
        } finally {
            tasks.wakeUp();
            now = System.nanoTime();
        }
    }

    // ---- for the supervisor ----

    /** The driver waits a while, as a turn has failed. */
    void pause(long nanos) {
        pause.take(supervisor, nanos);
    }

    /** Wakes the driver if it rests, or pauses. */
    void awaken() {
        Driver current = driver;
        if ((baton.awaken() || unparkDue || pause.lasts()) && current != null) {
            unparkDue = true;
            LockSupport.unpark(current.thread); // without memory the thread stays parked, and the next call tries again
            unparkDue = false;
        }
    }

    /** {@return after how many nanoseconds it wants to be looked at again, -1 for never} Supervisor only. */
    long inspect(long at, long cpuNanos, boolean late) {
        long wish = watchman.inspect(at, cpuNanos, late);
        if (!pause.lasts()) {
            return wish;
        }
        long left = pause.look(at, driver);
        return wish < 0 ? left : Math.min(wish, left);
    }

    long turns() {
        return (long) TURNS.getOpaque(this);
    }

    /** {@return how many runs of user code it has begun} */
    public long runs() {
        return (long) RUNS.getOpaque(this);
    }

    /** {@return until when it rests, or {@link Long#MAX_VALUE}} */
    long restsUntil() {
        return rest.until();
    }

    boolean isStirred() {
        boolean was = (boolean) STIRRED.getOpaque(this);
        STIRRED.setOpaque(this, false);
        return was;
    }

    /** {@return whether nobody needs to drive it any more} */
    boolean hasEnded() {
        return life == ENDED;
    }

    /** {@return whether enough threads are left to take loops over, so that one may be lent once more} Any thread. */
    public boolean hasReserve() {
        Supervisor overseer = supervisor;
        return overseer == null || overseer.hasReserve();
    }

    /** The driver's thread is gone and has left the loop as it was; supervisor only. */
    void abandon() {
        letGo();
    }

    /** If the bell has failed to ring: rings again. {@return whether it had} Supervisor only. */
    boolean ringAgain() {
        return tasks.ringAgain();
    }

    /** The last driver has come to the end. Whatever fails on the way, all of it is done. */
    void end() {
        if (life == ENDED) {
            return;
        }
        LIFE.setVolatile(this, STOPPING);
        for (int step = 0; step < END_STEPS; step++) {
            try {
                end(step);
            } catch (Throwable t) {
                LoopFailure.LOOP_END_FAILED.log(name, t);
            }
        }
        end.countDown();
    }

    private void end(int step) {
        switch (step) {
            case 0 -> evictStubbornly();
            case 1 -> tasks.run();
            case 2 -> endDue();
            case 3 -> {
                LIFE.setVolatile(this, ENDED);
                tasks.end();
            }
            case 4 -> workers.end();
            case 5 -> poller.close();
            case 6 -> spares().end();
            case 7 -> memory.disown();
            default -> throw new AssertionError(step);
        }
        if (step == END_STEPS - 1) {
            HOLDER.setOpaque(this, null);
        }
    }

    private void endDue() {
        do {
            for (Activation left = due.poll(); left != null; left = due.poll()) {
                workers.runApart(left);
            }
            due.beginTurn();
        } while (!due.isEmpty());
    }

    /** Evicts until nobody is left: what fails for want of memory may do so a while later. */
    private void evictStubbornly() {
        for (int tries = 0; residents.count() > 0 && tries < EVICT_TRIES; tries++) {
            evictAll();
            tasks.run();
            if (residents.count() > 0) {
                pause(EVICT_PAUSE_NANOS);
            }
        }
    }

    private void look(Resident resident) {
        try {
            resident.signalled(); // not by a signal: an Error may have left it half pushed
        } catch (Throwable t) {
            boolean _ = signal(resident);
        }
    }

    private void evictAll() {
        evictionDue = false;
        evictionFailed = false;
        residents.forEach(evict);
        if (evictionFailed) {
            timers.armOwn(evictAgain, System.nanoTime() + EVICT_PAUSE_NANOS);
        }
    }

    private void evict(Resident resident) {
        try {
            resident.evict();
        } catch (Throwable t) {
            evictionFailed = true;
            LoopFailure.EVICTION_FAILED.log(name, t);
        }
    }
}

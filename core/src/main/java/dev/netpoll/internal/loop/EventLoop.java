// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import dev.netpoll.internal.base.Classes;
import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.transport.TransportException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * An event loop: owns sockets and their timers, and serves them turn by turn. A turn is: poll → deliver → run due user
 * code → run tasks → expire timers → rest.
 *
 * <p>A loop is not a thread: its state is in these fields, and the {@link Driver} that holds its {@link Baton} drives
 * it. While the driver is inside user code that may block, the baton is lent, and the {@link Supervisor} may give it to
 * another driver, which continues with the rest of the batch. {@link Relay} moves the baton, {@link Turn} holds what a
 * turn works on; this class adds the loop's life and its residents.
 *
 * <p><b>Place.</b> A group creates its loops. A connection stays on one loop for its whole life.
 *
 * <p><b>Threads.</b> Methods marked <i>loop</i> only for the holder of the baton, the others on any thread. A thread's
 * actions before {@link #execute} happen-before the task.
 *
 * <p><b>Fails.</b> The loop logs an exception of a task, timer, event or run, and goes on. If its poller fails, it
 * evicts all residents and ends. The supervisor replaces a driver that dies all the same.
 */
public final class EventLoop extends Turn {
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

    /** How often, and after what pause, a failed eviction is retried. */
    private static final int EVICT_TRIES = 100;

    private static final long EVICT_PAUSE_NANOS = Duration.ofMillis(10).toNanos();

    /** How often the wait for the end checks whether the loop was woken at all. */
    private static final long BELL_NANOS = Duration.ofMillis(50).toNanos();

    private static final VarHandle LIFE;

    static {
        MethodHandles.Lookup lookup = MethodHandles.lookup();
        Classes.initialize(lookup, VirtualDrivers.class, SystemThread.class, Relief.class, LoopEvents.class);
        try {
            LIFE = lookup.findVarHandle(EventLoop.class, "life", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Something that lives on a loop until it removes itself: a connection, a listener. */
    public abstract static class Resident {
        /** Its index in {@link Residents}, or -1. */
        int index = -1;

        /** Its link in {@link Signals}, or null. */
        volatile @Nullable Resident next;

        /** {@return whether it lives on a loop} <i>Loop.</i> */
        protected final boolean isResident() {
            return index >= 0;
        }

        /** <i>Loop.</i> The loop ends: close now. Must lead to {@link EventLoop#remove}. */
        protected abstract void evict();

        /** <i>Loop.</i> Responds to {@link EventLoop#signal}. The resident may have left the loop meanwhile. */
        protected void signalled() {}
    }

    /** Retries failed evictions. */
    private final Timer evictAgain = new Timer() {
        @Override
        protected void expired(long now) {
            evictionDue = true;
        }
    };

    private final Residents residents = new Residents();

    /** Created in advance, so that evicting allocates nothing. */
    private final Consumer<Resident> evict = this::evict;

    private final Consumer<Resident> look = this::look;

    private boolean evictionFailed;
    private final AtomicInteger assigned = new AtomicInteger();
    private final CountDownLatch end = new CountDownLatch(1);

    @SuppressWarnings("UnusedVariable") // through LIFE
    private volatile int life = NEW;

    private final boolean isVirtual;
    private final boolean isDaemon;
    private final Watchman watchman = new Watchman(this);

    /** Creates a loop on a platform thread, with its own budget. It drives {@code poller} and closes it at its end. */
    public EventLoop(Poller poller, String name, boolean daemon) {
        this(poller, name, daemon, new MemoryBudget(MemoryBudget.defaultLimit()));
    }

    /** Creates a loop on a platform thread. It drives {@code poller} and closes it at its end. */
    public EventLoop(Poller poller, String name, boolean daemon, MemoryBudget budget) {
        this(poller, name, daemon, false, null, budget);
    }

    /** Like the next constructor, but with its own budget. */
    public EventLoop(Poller poller, String name, boolean virtual, Supervisor supervisor) {
        this(poller, name, virtual, supervisor, new MemoryBudget(MemoryBudget.defaultLimit()));
    }

    /** Creates a loop with a supervisor, on virtual threads if the supervisor can watch its poller. */
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
        super(poller, name, budget, supervisor);
        isVirtual = virtual;
        isDaemon = daemon;
    }

    /** {@return whether the calling thread holds an event loop, of any group, and so must not block} */
    public static boolean onLoop() {
        Driver current = Driver.current();
        return current != null && current.loop.inLoop();
    }

    /**
     * Call this before blocking. If the calling thread runs user code with its loop lent, another driver takes over,
     * and output that the code left to the loop is sent.
     *
     * @return whether anything was done: that may have consumed a wake-up, so check the awaited condition again
     */
    public static boolean beforeBlocking() {
        Driver current = Driver.current();
        if (current == null) {
            return false;
        }
        boolean sent = current.beforeBlocking();
        return current.loop.watchman.handOver(current) || sent;
    }

    /** Starts the loop, once. */
    public void start() {
        if (LIFE.compareAndSet(this, NEW, RUNNING)) {
            boolean started = false;
            try {
                start(isVirtual ? Driver.virtual(this, 0) : Driver.platform(this, 0, isDaemon));
                if (isVirtual) {
                    Threads.virtualLoopStarted();
                }
                started = true;
            } finally {
                if (!started && LIFE.compareAndSet(this, RUNNING, NEW)) {
                    stop();
                }
            }
        }
    }

    /** Starts the driver of the new epoch. */
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

    /** Tells the loop its index at its supervisor. Called before the start. */
    void supervised(int index) throws TransportException {
        if (supervisor != null && isVirtual) {
            watch(supervisor, index);
        }
    }

    /** <i>Loop.</i> Adds a resident, if it {@link #isRunning}. If it stops meanwhile, it evicts the resident. */
    public void add(Resident resident) {
        assert inLoop() && resident.index < 0;
        residents.add(resident);
        if (life >= STOPPING) {
            evictionDue = true;
        }
    }

    /** <i>Loop.</i> Removes a resident; does nothing if it is not one. */
    public void remove(Resident resident) {
        assert inLoop();
        residents.remove(resident);
    }

    /** <i>Loop.</i> Calls {@code action} for each resident; the action may remove it. */
    public void forEachResident(Consumer<? super Resident> action) {
        residents.forEach(action);
    }

    /** Counts a connection that will live here. Any thread. */
    public void assign() {
        assigned.incrementAndGet();
    }

    /** Uncounts an assigned connection that has ended. Any thread. */
    public void unassign() {
        assigned.decrementAndGet();
    }

    /** {@return how many connections are assigned, even if not yet residents; for load balancing} */
    public int assigned() {
        return assigned.get();
    }

    /** {@return how many residents there are} */
    public int residentCount() {
        return residents.count();
    }

    /** {@return whether it accepts residents: it was started and not stopped} */
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
            evictionDue = true; // first: a thread that sees STOPPING evicts
            LIFE.compareAndSet(this, RUNNING, STOPPING);
            tasks.ring();
        }
    }

    /** Waits for the loop's end, at most for {@code timeout}. */
    public boolean join(Duration timeout) throws InterruptedException {
        long begin = System.nanoTime();
        long left = timeout.toNanos();
        while (life != NEW && !end.await(Math.min(left, BELL_NANOS), TimeUnit.NANOSECONDS)) {
            left = timeout.toNanos() - (System.nanoTime() - begin);
            if (left <= 0) {
                return false;
            }
            tasks.ringAgain(); // in case an Error prevented the wake-up
        }
        return true;
    }

    // ---- for its driver and its supervisor ----

    /** {@return whether it still needs driving: it was not stopped, or has residents} */
    boolean isAlive() {
        return life == RUNNING || residents.count() > 0;
    }

    Watchman watchman() {
        return watchman;
    }

    /** {@return after how many nanoseconds to inspect it again, -1 for never} Supervisor only. */
    long inspect(long at, long cpuNanos, boolean late) {
        long wish = watchman.inspect(at, cpuNanos, late);
        long pause = lookAtPause(at);
        return wish < 0 || (pause >= 0 && pause < wish) ? pause : wish;
    }

    /** {@return whether it needs no driver any more} */
    boolean hasEnded() {
        return life == ENDED;
    }

    /** The last driver ends the loop. Every step is done, whatever fails on the way. */
    void end() {
        if (life == ENDED) {
            return;
        }
        LIFE.setVolatile(this, STOPPING);
        for (int step = 0; step < END_STEPS; step++) {
            try {
                end(step);
            } catch (Throwable t) {
                LoopFailure.LOOP_END_FAILED.log(name(), t);
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
                if ((int) LIFE.getAndSet(this, ENDED) != ENDED && isVirtual) {
                    Threads.virtualLoopEnded();
                }
                tasks.end();
            }
            case 4 -> workers().end();
            case 5 -> poller.close();
            case 6 -> spares().end();
            case 7 -> memory().disown();
            default -> throw new AssertionError(step);
        }
        if (step == END_STEPS - 1) {
            leaveForGood();
        }
    }

    /** Evicts until no resident is left: what fails for lack of memory may succeed a while later. */
    private void evictStubbornly() {
        for (int tries = 0; residents.count() > 0 && tries < EVICT_TRIES; tries++) {
            evictAll();
            tasks.run();
            if (residents.count() > 0) {
                pause(EVICT_PAUSE_NANOS);
            }
        }
    }

    @Override
    void lookAtResidents() {
        if (evictionDue && life >= STOPPING) {
            evictAll();
        }
        if (looksAtAll) {
            looksAtAll = false;
            residents.forEach(look);
        }
    }

    private void look(Resident resident) {
        try {
            resident.signalled(); // not signal(): an Error may have left it half pushed
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
            LoopFailure.EVICTION_FAILED.log(name(), t);
        }
    }
}

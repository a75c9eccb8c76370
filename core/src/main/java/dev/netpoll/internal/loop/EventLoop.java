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
 * Owns sockets: turn = poll → deliver → run what is due → run tasks → expire timers → rest.
 *
 * <p>A loop is not a thread but a {@link Baton}: its state lies in these fields, and the {@link Driver} that holds the
 * baton drives it. While the driver is inside user code that may block, the baton is lent, and the {@link Supervisor}
 * may give it to another driver, who goes on with the rest of the batch. {@link Relay} is how the baton moves, {@link
 * Turn} what a turn works on; this class is the life of a loop, and who lives on it.
 *
 * <p><b>Place.</b> Made by a group of loops; connections live on one loop for all their life.
 *
 * <p><b>Threads.</b> Methods marked <i>loop</i> only for the holder of the baton, the others on any thread. What a
 * thread did before {@link #execute} happens-before the task.
 *
 * <p><b>Fails.</b> What a task, timer, event or run throws is logged and does not end the loop. A poller that fails
 * does: all residents are evicted. A driver that dies all the same is replaced by the supervisor.
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

    /** How often and after how long those are evicted again that could not be. */
    private static final int EVICT_TRIES = 100;

    private static final long EVICT_PAUSE_NANOS = Duration.ofMillis(10).toNanos();

    /** How often the wait for the end looks whether the loop was woken at all. */
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

    /** Looks again after those whose eviction has failed. */
    private final Timer evictAgain = new Timer() {
        @Override
        protected void expired(long now) {
            evictionDue = true;
        }
    };

    private final Residents residents = new Residents();

    /** Made beforehand: to evict needs no memory. */
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
        super(poller, name, budget, supervisor);
        isVirtual = virtual;
        isDaemon = daemon;
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
            watch(supervisor, index);
        }
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

    // ---- for its driver and its supervisor ----

    /** {@return whether it is to be driven on: it was not stopped, or somebody still lives on it} */
    boolean isAlive() {
        return life == RUNNING || residents.count() > 0;
    }

    Watchman watchman() {
        return watchman;
    }

    /** {@return after how many nanoseconds it wants to be looked at again, -1 for never} Supervisor only. */
    long inspect(long at, long cpuNanos, boolean late) {
        long wish = watchman.inspect(at, cpuNanos, late);
        long pause = lookAtPause(at);
        return wish < 0 || (pause >= 0 && pause < wish) ? pause : wish;
    }

    /** {@return whether nobody needs to drive it any more} */
    boolean hasEnded() {
        return life == ENDED;
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
                LIFE.setVolatile(this, ENDED);
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
            LoopFailure.EVICTION_FAILED.log(name(), t);
        }
    }
}

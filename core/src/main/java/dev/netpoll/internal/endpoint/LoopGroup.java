// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.endpoint;

import dev.netpoll.internal.base.Classes;
import dev.netpoll.internal.base.Cleaners;
import dev.netpoll.internal.base.StackRoom;
import dev.netpoll.internal.connection.ConnectionConfig;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.loop.Supervisor;
import dev.netpoll.internal.memory.FirstUse;
import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.memory.MemoryTurns;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.poll.Mechanism;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.PollerWatch;
import dev.netpoll.internal.transport.TransportException;
import dev.netpoll.memory.BudgetStats;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.ref.Cleaner;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The event loops of one group, their supervisor, and the loops on which servers accept.
 *
 * <p><b>Place.</b> Behind {@link dev.netpoll.EventLoopGroup}. Servers and dialers take loops from it.
 *
 * <p><b>Threads.</b> Any. The loops start once, at the first use; {@code starting} guards that and the close.
 */
public final class LoopGroup {
    private static final long BUDGET_MIN = 1 << 20;
    private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(10);
    private static final AtomicInteger GROUPS = new AtomicInteger();

    /**
     * Prepares what a group needs, before a handler that has used up its stack can be the first to need it. If that
     * fails, for lack of memory or of a thread, it may succeed for the next group.
     *
     * @param classes further classes to initialise, which {@code caller} can access
     */
    public static void prepare(MethodHandles.Lookup caller, Class<?>... classes) {
        Cleaner _ = Cleaners.cleaner(); // before the first virtual thread
        FirstUse.prepare();
        Classes.initialize(
                MethodHandles.lookup(),
                ConnectionConfig.class,
                Listener.class,
                Acceptor.class,
                AcceptorStart.class,
                Dials.class,
                DialAttempt.class,
                Adoption.class,
                CompletableFuture.class);
        Classes.initialize(caller, classes);
    }

    private final Mechanism mechanism;
    private final int loopCount;
    private final boolean platformThreads;
    private final MemoryBudget budget;
    private final String name = "netpoll-" + GROUPS.getAndIncrement();
    private final Object starting = new Object();
    private final AtomicInteger nextLoop = new AtomicInteger();
    private final AtomicInteger acceptLoops = new AtomicInteger();

    /** The loops on which servers accept, until the servers end them. */
    private final Set<EventLoop> accepting = ConcurrentHashMap.newKeySet();

    private final Lookups lookups = new Lookups();

    private volatile List<EventLoop> loops = List.of();
    private @Nullable Supervisor supervisor; // guarded by starting
    private volatile boolean closed;

    /**
     * Creates a group whose loops have yet to start.
     *
     * @param platformThreads whether the loops run on platform threads, even if the mechanism could do without
     * @param budgetBytes how much memory the connections may hold together, or 0 for the default
     */
    public LoopGroup(Mechanism mechanism, int loops, boolean platformThreads, long budgetBytes) {
        this.mechanism = mechanism;
        this.loopCount = loops;
        this.platformThreads = platformThreads;
        budget = new MemoryBudget(budgetBytes == 0 ? MemoryBudget.defaultLimit() : budgetBytes);
    }

    /** Rejects a memory budget that is less than 1 MiB or more than all buffer memory. */
    public static void checkBudget(long bytes) {
        if (bytes < BUDGET_MIN) {
            throw new IllegalArgumentException("memoryBudget must be at least 1 MiB: " + bytes);
        }
        if (bytes > MemoryBudget.most()) {
            throw new IllegalArgumentException("memoryBudget must be at most what -D" + SegmentPool.MAX_PROPERTY
                    + " allows, " + MemoryBudget.most() + ": " + bytes);
        }
    }

    /** {@return the mechanism by which the loops use the system's sockets} */
    public Mechanism mechanism() {
        return mechanism;
    }

    /** {@return the name look-ups that its dials wait for} */
    Lookups lookups() {
        return lookups;
    }

    /** {@return the number of loops} */
    public int size() {
        return loopCount;
    }

    /** {@return statistics of the connections' memory budget} */
    public BudgetStats budgetStats() {
        MemoryTurns turns = budget.turns();
        return new BudgetStats(budget.limit(), budget.used(), turns.waiters(), turns.gaveUp());
    }

    /** {@return the number of open connections on all loops} */
    public int connectionCount() {
        int count = 0;
        for (EventLoop loop : loops) {
            count += loop.residentCount();
        }
        return count;
    }

    /**
     * {@return the loop for the next connection: the one with the fewest}
     *
     * @throws IllegalStateException if the group is closed
     */
    public EventLoop next() throws IOException {
        List<EventLoop> all = started();
        int first = Math.floorMod(nextLoop.getAndIncrement(), all.size()); // so that loops with equal counts take turns
        EventLoop best = null;
        for (int i = 0; i < all.size(); i++) {
            EventLoop candidate = all.get((first + i) % all.size());
            if (candidate.isRunning() && (best == null || candidate.assigned() < best.assigned())) {
                best = candidate;
            }
        }
        if (best == null) {
            throw new IllegalStateException("the event loops have ended");
        }
        return best;
    }

    /** {@return the loops, or none if the group was never used} */
    List<EventLoop> loopsIfStarted() {
        return loops;
    }

    // ---- start ----

    /** {@return all loops, started} */
    private List<EventLoop> started() throws IOException {
        List<EventLoop> all = loops;
        if (!all.isEmpty() && !closed) {
            return all;
        }
        synchronized (starting) {
            checkOpen();
            if (loops.isEmpty()) {
                try {
                    loops = open();
                } catch (TransportException e) {
                    throw noLoop(e);
                }
            }
            return loops;
        }
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the event loop group is closed");
        }
    }

    /** {@return the exception for users if the system refuses what a loop needs, mostly a descriptor} */
    private static SocketException noLoop(TransportException refused) {
        SocketException told = new SocketException("no event loop can be opened: " + refused.getMessage());
        told.initCause(refused);
        return told;
    }

    private List<EventLoop> open() throws IOException {
        List<EventLoop> fresh = new ArrayList<>(loopCount);
        Supervisor overseer = null;
        try {
            overseer = openSupervisor();
            for (int i = 0; i < loopCount; i++) {
                fresh.add(openLoop(i, overseer));
            }
            overseer.start(fresh);
            fresh.forEach(EventLoop::start);
            List<EventLoop> all = List.copyOf(fresh);
            supervisor = overseer;
            return all;
        } catch (Throwable t) { // errors too: nothing that was opened stays open
            Throwable ignored = null;
            for (EventLoop loop : fresh) {
                ignored = attempt(loop::stop, ignored);
            }
            if (overseer != null) {
                attempt(overseer::stop, ignored);
            }
            throw t;
        }
    }

    private Supervisor openSupervisor() throws IOException {
        PollerWatch watch = mechanism.openWatch();
        try {
            return new Supervisor(watch, name);
        } catch (Throwable t) {
            watch.close();
            throw t;
        }
    }

    private EventLoop openLoop(int index, Supervisor overseer) throws IOException {
        Poller poller = mechanism.openPoller();
        try {
            return new EventLoop(poller, name + "-loop-" + index, isVirtual(), overseer, budget);
        } catch (Throwable t) {
            poller.close();
            throw t;
        }
    }

    private boolean isVirtual() {
        return !platformThreads && mechanism.isWatchable();
    }

    // ---- loops to accept on ----

    /** {@return a new loop to accept on, not started; its thread keeps the JVM alive} */
    EventLoop openAcceptLoop() throws IOException {
        List<EventLoop> _ = started(); // the connections need them
        Poller poller;
        try {
            poller = mechanism.openPoller();
        } catch (TransportException e) {
            throw noLoop(e);
        }
        EventLoop loop;
        try {
            loop = new EventLoop(poller, name + "-accept-" + acceptLoops.getAndIncrement(), false, budget);
            accepting.add(loop);
        } catch (Throwable t) {
            poller.close();
            throw t;
        }
        if (closed) { // closed meanwhile: close() may not have seen this loop
            endAcceptLoop(loop);
            checkOpen();
        }
        return loop;
    }

    /** Ends an accepting loop, and closes its listening sockets. */
    void endAcceptLoop(EventLoop loop) {
        loop.stop();
        accepting.remove(loop);
    }

    // ---- end ----

    /** An end that can be waited for. */
    @FunctionalInterface
    private interface Joinable {
        void join(Duration limit) throws InterruptedException;
    }

    /** Ends all loops and waits for their end, with a limit. Idempotent. */
    public void close() {
        StackRoom.needMuch();
        if (EventLoop.onLoop()) {
            throw new IllegalStateException("close() waits for the event loops, so not on one");
        }
        synchronized (starting) {
            closed = true;
        }
        EventLoop.beforeBlocking();
        Throwable failure = attempt(lookups::close, null);
        boolean interrupted = false;
        for (EventLoop loop : accepting) {
            failure = attempt(() -> endAcceptLoop(loop), failure);
            interrupted |= !isJoined(loop::join);
        }
        List<EventLoop> all = loops;
        for (EventLoop loop : all) {
            failure = attempt(loop::stop, failure);
        }
        for (EventLoop loop : all) {
            interrupted |= !isJoined(loop::join);
        }
        Supervisor overseer = supervisor;
        if (overseer != null) {
            failure = attempt(overseer::stop, failure);
            interrupted |= !isJoined(overseer::join);
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (failure != null) {
            throw new IllegalStateException("not all of the event loop group could be closed", failure);
        }
    }

    /** Waits for the end; {@return false if the calling thread was interrupted} */
    private static boolean isJoined(Joinable ending) {
        try {
            ending.join(CLOSE_PATIENCE);
            return true;
        } catch (InterruptedException e) {
            return false;
        }
    }

    /** Does one part of a clean-up, and lets the other parts follow even if it fails; {@return the first failure} */
    private static @Nullable Throwable attempt(Runnable part, @Nullable Throwable earlier) {
        try {
            part.run();
        } catch (Throwable t) {
            return earlier == null ? t : earlier;
        }
        return earlier;
    }
}

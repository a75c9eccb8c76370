// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Keeps one loop moving when user code blocks or spins on it. The supervisor calls it about every millisecond.
 *
 * <p>At each look the watchman compares the loop's position with the last one. It gives a loop to a new driver if the
 * baton was lent for the same run of user code all the time. It does so too if the baton was offered and not taken
 * while nobody used the loop's connections: then the driver's virtual thread gets no carrier. The new driver is a
 * virtual thread, or a platform thread as a stand-in if a virtual one would get no carrier either. A stand-in returns
 * the loop once a probe, a virtual thread, has got a carrier. A loop on platform threads needs no stand-in, but its
 * workers may get no carrier: then its driver runs their queue until a probe has got one.
 *
 * <p><b>Threads.</b> {@link #inspect} the supervisor; {@link #handOver} and {@link #giveBack} drivers.
 */
final class Watchman {
    /** After this many looks without activity, the loop is assumed to wait in the kernel. */
    private static final int QUIET_LOOKS = 50;

    /**
     * How often a loop must be found at the same place if its user code computes, or if its baton is offered and not
     * taken. Either may only mean that the system gave the processor to others for a while.
     */
    private static final int BURNING_LOOKS = 2;

    private static final int STARVED_LOOKS = 4;

    /** User code that has used this much processor time since the first look counts as a long computation. */
    private static final long BURNT_NANOS = Supervisor.TICK_NANOS * 3 / 4;

    /**
     * For how many looks little processor time is blamed on other processes: on a busy machine it may always be little.
     * After that, a platform thread is assumed to wait in a system call.
     */
    private static final int BLAME_LOOKS = 50;

    private static final int PLATFORM_LOOKS = 4;

    private final EventLoop loop;
    private final LongAdder reliefs = new LongAdder();

    /** The state seen last, and since when. Supervisor only. */
    private long seenWord = -1;

    private long seenTurns;
    private long seenRuns;
    private long since;
    private long sinceCpuNanos;
    private int looks;

    /** The processor time that the driver had used at the first look at the same place, or -1. Supervisor only. */
    private long driverCpuNanos = -1;

    /** How often runs were found waiting for workers while nobody used a connection. */
    private int waitingLooks;

    private volatile boolean returnDue;

    /** Whether a probe could not be started. */
    private volatile boolean probeDue;

    /** Whether the workers of a loop on platform threads get no carriers, so that its driver runs their queue. */
    private volatile boolean workersStarve;

    Watchman(EventLoop loop) {
        this.loop = loop;
    }

    /** {@return how often the loop got another driver} Any thread. */
    long reliefs() {
        return reliefs.sum();
    }

    /**
     * Looks at the loop.
     *
     * @param cpuNanos the processor time that the process has used, or -1
     * @param late whether the supervisor itself was held up, so that its observations prove nothing
     * @return after how many nanoseconds to look again, -1 for not until something happens
     */
    long inspect(long at, long cpuNanos, boolean late) {
        long word = loop.baton.word();
        boolean stirred = loop.isStirred();
        if (word != seenWord || loop.turns() != seenTurns || loop.runs() != seenRuns || late) {
            seenWord = word;
            seenTurns = loop.turns();
            seenRuns = loop.runs();
            since = at;
            sinceCpuNanos = cpuNanos;
            looks = 0;
        } else {
            looks++;
        }
        if (!loop.isVirtual() && !late) {
            lookAtWorkers(stirred);
        }
        if (probeDue) {
            probe();
        }
        boolean rang = loop.ringAgain();
        Driver driven = loop.driver;
        if (looks > 0 && driven != null && isGone(driven, word)) {
            replaceGone(driven, word, at);
            return Supervisor.TICK_NANOS;
        }
        int state = Baton.state(word);
        if (state == Baton.IDLE) {
            return restOfIdle(at);
        }
        if (state == Baton.LENT && looks > 0) {
            relieve(word, at, cpuNanos);
        } else if (state == Baton.OFFERED && stirred) {
            looks = 0;
        } else if (state == Baton.OFFERED && looks >= STARVED_LOOKS) {
            replaceStarved(word, at);
        } else if (state == Baton.HELD && looks > QUIET_LOOKS && !rang) {
            return -1;
        }
        return Supervisor.TICK_NANOS;
    }

    private void lookAtWorkers(boolean stirred) {
        waitingLooks = stirred || !loop.workers().isWaiting() ? 0 : waitingLooks + 1;
        if (waitingLooks >= STARVED_LOOKS && !workersStarve) {
            workersStarve = true;
            boolean asked = false;
            try {
                Threads.startVirtual(loop.name() + "-probe", () -> workersStarve = false); // when it gets a carrier
                asked = true;
            } finally {
                if (!asked) {
                    workersStarve = false;
                }
            }
        }
    }

    /** {@return whether the loop has lost its driver: the thread died, or could not be started} */
    private boolean isGone(Driver driven, long word) {
        return driven.epoch == Baton.epoch(word)
                && (driven.startFailed || driven.thread.getState() == Thread.State.TERMINATED)
                && !loop.hasEnded();
    }

    private void replaceGone(Driver gone, long word, long at) {
        if (Baton.state(word) == Baton.HELD) {
            loop.abandon(); // its actions happen-before this: its thread has ended
        }
        pass(gone, word, mustStandIn(gone), Relief.DIED, at - since);
    }

    /** {@return whether the driver, on a platform thread, must run the workers' queue} */
    boolean workersStarve() {
        return workersStarve;
    }

    private long restOfIdle(long at) {
        long until = loop.restsUntil();
        if (until == Long.MAX_VALUE) {
            return -1;
        }
        if (until - at > 0) {
            return until - at;
        }
        loop.awaken();
        return Supervisor.TICK_NANOS;
    }

    private void relieve(long word, long at, long cpuNanos) {
        Driver current = loop.driver;
        if (current == null || current.epoch != Baton.epoch(word)) {
            return;
        }
        boolean blocked = current.thread.getState() != Thread.State.RUNNABLE;
        if (looks == 1 && !blocked) {
            driverCpuNanos = driverCpuNanos(current);
        }
        if (!blocked && looks < BURNING_LOOKS) {
            return;
        }
        if (!blocked && driverCpuNanos >= 0) {
            if (driverCpuNanos(current) - driverCpuNanos < BURNT_NANOS) { // it waits, for a processor or in the system
                blocked = !SystemThread.isReady(current.systemThread);
                if (!blocked && looks < BLAME_LOOKS) {
                    return;
                }
            }
        } else if (!blocked) {
            // A platform thread in a system call looks like one that gets no processor.
            boolean canTell = cpuNanos >= 0 && looks < (loop.isVirtual() ? BLAME_LOOKS : PLATFORM_LOOKS);
            if (canTell && cpuNanos - sinceCpuNanos < (at - since) / 2) {
                return;
            }
        }
        boolean standIn = mustStandIn(current) || (loop.isVirtual() && !blocked && Threads.carriers() == 1);
        pass(current, word, standIn, blocked ? Relief.BLOCKED : Relief.BURNING, at - since);
    }

    private long driverCpuNanos(Driver current) {
        Supervisor supervisor = loop.supervisor;
        int number = current.systemThread;
        return supervisor == null || number == SystemThread.NONE ? -1 : supervisor.cpuNanos(number);
    }

    private void replaceStarved(long word, long at) {
        Driver current = loop.driver;
        if (current != null && current.epoch == Baton.epoch(word)) {
            pass(current, word, loop.isVirtual(), Relief.STARVED, at - since);
        }
    }

    /** The driver is about to wait; {@return whether it had lent the baton and has passed it on} */
    boolean handOver(Driver current) {
        long word = loop.baton.word();
        if (Baton.state(word) != Baton.LENT || Baton.epoch(word) != current.epoch) {
            return false;
        }
        try {
            return pass(current, word, mustStandIn(current), Relief.HANDED_OVER, 0);
        } catch (OutOfMemoryError e) {
            return false; // the supervisor will find it blocked
        }
    }

    private boolean mustStandIn(Driver current) {
        return current.isStandIn && !returnDue;
    }

    /** <i>Stand-in, holder.</i> {@return whether there are carriers again} */
    boolean isReturnDue() {
        return returnDue;
    }

    /** <i>Stand-in, holder.</i> Gives the loop back to a virtual thread; {@return false if not now} */
    boolean giveBack(Driver current) {
        return pass(current, loop.baton.word(), false, Relief.RETURNED, 0);
    }

    private boolean pass(Driver current, long word, boolean standIn, Relief cause, long waitedNanos) {
        Supervisor supervisor = loop.supervisor;
        if (supervisor == null || !current.claim()) {
            return false; // no thread can take over; or the other of supervisor and driver is already doing it
        }
        // Of a loop on platform threads, the late thread counts as the extra one, unless it is gone.
        boolean addsThread = standIn || !(loop.isVirtual() || cause == Relief.DIED);
        if (addsThread && !supervisor.mayAddStandIn()) {
            current.unclaim();
            return false; // user code holds up the loop after all
        }
        Driver next = null;
        try {
            next = loop.successor(current.epoch + 1, standIn);
        } finally {
            if (next == null) { // no memory
                takeBack(supervisor, addsThread, current);
            }
        }
        Driver extra = standIn ? next : current;
        boolean counted = extra.countsAsStandIn;
        extra.countsAsStandIn = counted || addsThread;
        if (!loop.baton.pass(word)) {
            extra.countsAsStandIn = counted;
            takeBack(supervisor, addsThread, current);
            return false;
        }
        Activation late = Baton.state(word) == Baton.LENT ? loop.lentTo : null;
        returnDue = false; // before the next driver looks at it
        start(next);
        if (standIn) {
            probe();
        }
        reliefs.increment();
        if (late != null) {
            tellRelieved(late, cause);
        }
        LoopEvents.relief(loop, cause, !next.thread.isVirtual(), waitedNanos);
        return true;
    }

    private static void takeBack(Supervisor supervisor, boolean addsThread, Driver claimed) {
        if (addsThread) {
            supervisor.standInEnded();
        }
        claimed.unclaim();
    }

    /** Starts a driver that was offered the baton. If that fails, the supervisor notices and creates another. */
    private void start(Driver next) {
        try {
            loop.start(next);
        } catch (Throwable t) {
            ended(next, loop.supervisor);
            next.startFailed = true;
            LoopFailure.NO_DRIVER.log(loop.name(), t);
        }
    }

    private static void tellRelieved(Activation late, Relief cause) {
        try {
            late.relieved(cause);
        } catch (Throwable t) {
            LoopFailure.RELIEVED_RUN_FAILED.log(t);
        }
    }

    /** Starts a probe to find out when virtual threads get carriers again. */
    private void probe() {
        probeDue = false;
        try {
            Threads.startVirtual(loop.name() + "-probe", this::carried);
        } catch (Throwable t) {
            probeDue = true; // the next look tries again
        }
    }

    /** Runs on the probe, so virtual threads get carriers again. */
    private void carried() {
        returnDue = true;
        try {
            loop.execute(() -> {}); // ends a wait
        } catch (RejectedExecutionException e) {
            // the loop has ended
        } catch (OutOfMemoryError e) {
            // then the loop notices at the end of its wait
        }
    }

    /** Uncounts a driver that has ended. */
    static void ended(Driver driver, @Nullable Supervisor supervisor) {
        if (driver.countsAsStandIn && supervisor != null) {
            driver.countsAsStandIn = false;
            supervisor.standInEnded();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.PollerWatch;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Looks after the loops of a group on one platform thread: wakes those that rest, when their poller has events or a
 * timer is due, and relieves those that user code holds up.
 *
 * <p>It looks at all loops each {@link #TICK_NANOS} while one of them does anything, and sleeps without limit when all
 * rest or wait in the kernel.
 *
 * <ul>
 *   <li>S1 It says that it dozes, then looks at all loops once more; a loop lends its baton (volatile), then looks
 *       whether it dozes. So user code on a loop is always watched.
 * </ul>
 */
public final class Supervisor implements Runnable {
    /** How often active loops are looked at. User code that holds one up is noticed after one to two of these. */
    static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** Even if nothing is expected, it looks after so long. */
    private static final long DOZE_NANOS = 5_000_000_000L;

    /** If it comes so late itself, the whole process was held up, and nothing follows from what it sees. */
    private static final long LATE_NANOS = 10 * TICK_NANOS;

    /** Threads in place of virtual ones that don't get a carrier, or of platform ones that don't return: at most. */
    private static final int STAND_INS_MAX = 64;

    /** After failures it waits longer from time to time, so many ticks at most. */
    private static final int FAILED_TICKS_MAX = 50;

    private final PollerWatch watch;
    private final Thread thread;
    private final AtomicInteger standIns = new AtomicInteger();
    private volatile EventLoop[] loops = new EventLoop[0];
    private volatile boolean dozing;
    private volatile boolean ended;

    /** How many rounds failed since the last one that did not. */
    private int failures;

    /** When the next round should begin. */
    private long expected = System.nanoTime();

    /** When it last looked for loops that were forgotten. */
    private long lookedAt = expected;

    /** Makes one that closes {@code watch} in the end. */
    public Supervisor(PollerWatch watch, String name) {
        this.watch = watch;
        thread = Threads.daemon(name + "-supervisor", this);
    }

    /** Starts to look after the loops; once, before they start. */
    public void start(List<EventLoop> all) throws TransportException {
        loops = all.toArray(new EventLoop[0]);
        for (int i = 0; i < all.size(); i++) {
            all.get(i).supervised(i);
        }
        thread.start();
    }

    /** Ends, when the loops have ended. Idempotent; {@link #join} waits for it. */
    public void stop() {
        ended = true;
        if (thread.getState() == Thread.State.NEW) {
            watch.close();
        } else {
            watch.wakeup();
        }
    }

    /** Waits for the thread's end, at most so long. */
    public void join(Duration timeout) throws InterruptedException {
        if (thread.getState() != Thread.State.NEW) {
            thread.join(timeout);
        }
    }

    void watch(Poller poller, int key) throws TransportException {
        watch.add(poller, key);
    }

    /** The loop rests; wakes it when its poller has something. Any thread. */
    boolean arm(Poller poller, int key) {
        return watch.arm(poller, key);
    }

    /** A loop runs user code, or rests. Any thread; never throws. */
    void notice() {
        if (dozing) { // S1
            try {
                watch.wakeup();
            } catch (Throwable t) { // no memory, say: a loop does not fail of that
                LoopFailure.SUPERVISOR_NOT_WOKEN.log(thread.getName(), t);
            }
        }
    }

    /** {@return the processor time that a thread has used, or -1 if that is not known} Supervisor only. */
    long cpuNanos(int systemThread) {
        return watch.cpuNanos(systemThread);
    }

    boolean mayAddStandIn() {
        if (standIns.incrementAndGet() <= STAND_INS_MAX) {
            return true;
        }
        standIns.decrementAndGet();
        return false;
    }

    /** {@return whether one more thread may stand in, which another loop may then get} */
    boolean hasRoom() {
        return standIns.get() < STAND_INS_MAX;
    }

    /** {@return whether loops may be lent to what may block} Else blocked runs could use up all stand-ins. */
    boolean hasReserve() {
        return standIns.get() < STAND_INS_MAX / 2;
    }

    void standInEnded() {
        standIns.decrementAndGet();
    }

    /** Nobody looks after the supervisor: whatever is thrown, also by what sees to that, it goes on. */
    @Override
    public void run() {
        Throwable thrown = null;
        boolean goesOn = true;
        while (goesOn) {
            try {
                Throwable before = thrown;
                thrown = null;
                overcome(before);
                while (!ended) {
                    round();
                    failures = 0;
                }
                goesOn = false;
            } catch (Throwable t) {
                thrown = t;
            }
        }
        try {
            watch.close();
        } catch (Throwable t) {
            LoopFailure.SUPERVISOR_END_FAILED.log(thread.getName(), t);
        }
    }

    private void overcome(@Nullable Throwable thrown) {
        if (thrown == null) {
            return;
        }
        failures++;
        dozing = false;
        if (failures == 1) {
            LoopFailure.ROUND_FAILED.log(thread.getName(), thrown);
        }
        for (EventLoop loop : loops) { // nobody knows whose events were lost: each looks for itself
            loop.awaken();
        }
        LockSupport.parkNanos(Math.min(failures, FAILED_TICKS_MAX) * TICK_NANOS);
    }

    private void round() throws IOException {
        long now = System.nanoTime();
        long rest = inspect(now, now - expected > LATE_NANOS);
        if (rest < 0 || rest > TICK_NANOS) {
            dozing = true; // S1
            rest = inspect(now, true);
        }
        expected = now; // should it fail
        int ready = watch.await(rest < 0 ? DOZE_NANOS : rest);
        dozing = false;
        if (ready == 0 || now - lookedAt > DOZE_NANOS) {
            lookedAt = now;
            awakenForgotten();
        }
        for (int i = 0; i < ready; i++) {
            loops[watch.ready(i)].awaken();
        }
        expected = rest < 0 ? System.nanoTime() : now + rest;
    }

    /** A loop has tasks, and rests: whoever was to wake it had no memory for that, say. */
    private void awakenForgotten() {
        for (EventLoop loop : loops) {
            loop.ringIfForgotten();
        }
    }

    /** {@return for how long nothing needs to be looked at, or -1} */
    private long inspect(long now, boolean late) {
        long rest = -1;
        long cpuNanos = watch.cpuNanos();
        for (EventLoop loop : loops) {
            long wish = TICK_NANOS;
            try {
                wish = loop.inspect(now, cpuNanos, late);
            } catch (Throwable t) { // the others are looked at all the same
                LoopFailure.LOOP_NOT_LOOKED_AFTER.log(loop.name(), t);
            }
            if (wish >= 0 && (rest < 0 || wish < rest)) {
                rest = wish;
            }
        }
        return rest;
    }
}

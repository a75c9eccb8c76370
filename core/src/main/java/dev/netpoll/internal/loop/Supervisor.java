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
 * Watches the loops of a group, on one platform thread. It wakes a resting loop when its poller has events or a timer
 * is due, and gives a loop that user code holds up to another driver.
 *
 * <p>It looks at all loops every {@link #TICK_NANOS} while any of them is active, and sleeps without limit when all
 * rest or wait in the kernel.
 *
 * <ul>
 *   <li>S1 The supervisor sets {@code dozing}, then looks at all loops once more; a loop lends its baton (volatile),
 *       then reads {@code dozing}. So user code on a loop is always watched.
 * </ul>
 */
public final class Supervisor implements Runnable {
    /** How often it looks at active loops. It notices user code that holds one up after one to two ticks. */
    static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** It looks at least this often, even if nothing is expected. */
    private static final long DOZE_NANOS = 5_000_000_000L;

    /** If it is this late itself, the whole process was held up, and its observations prove nothing. */
    private static final long LATE_NANOS = 10 * TICK_NANOS;

    /** The most threads that stand in for virtual ones without a carrier, or for platform ones that don't return. */
    private static final int STAND_INS_MAX = 64;

    /** After repeated failures it waits longer each time, up to this many ticks. */
    private static final int FAILED_TICKS_MAX = 50;

    private final PollerWatch watch;
    private final Thread thread;
    private final AtomicInteger standIns = new AtomicInteger();
    private volatile EventLoop[] loops = new EventLoop[0];
    private volatile boolean dozing;
    private volatile boolean ended;

    /** Failed rounds since the last successful one. */
    private int failures;

    /** When the next round should begin. */
    private long expected = System.nanoTime();

    /** When it last looked for loops that nobody woke. */
    private long lookedAt = expected;

    /** Creates a supervisor, which closes {@code watch} at its end. */
    public Supervisor(PollerWatch watch, String name) {
        this.watch = watch;
        thread = Threads.daemon(name + "-supervisor", this);
    }

    /** Starts to watch the loops; once, before they start. */
    public void start(List<EventLoop> all) throws TransportException {
        loops = all.toArray(new EventLoop[0]);
        for (int i = 0; i < all.size(); i++) {
            all.get(i).supervised(i);
        }
        thread.start();
    }

    /** Ends once the loops have ended. Idempotent; {@link #join} waits for it. */
    public void stop() {
        ended = true;
        if (thread.getState() == Thread.State.NEW) {
            watch.close();
        } else {
            watch.wakeup();
        }
    }

    /** Waits for the thread's end, at most for {@code timeout}. */
    public void join(Duration timeout) throws InterruptedException {
        if (thread.getState() != Thread.State.NEW) {
            thread.join(timeout);
        }
    }

    void watch(Poller poller, int key) throws TransportException {
        watch.add(poller, key);
    }

    /** Arranges to wake a resting loop when its poller has events. Any thread. */
    boolean arm(Poller poller, int key) {
        return watch.arm(poller, key);
    }

    /** A loop is about to run user code, or to rest. Any thread; never throws. */
    void notice() {
        if (dozing) { // S1
            try {
                watch.wakeup();
            } catch (Throwable t) { // for example no memory: a loop must not fail because of it
                LoopFailure.SUPERVISOR_NOT_WOKEN.log(thread.getName(), t);
            }
        }
    }

    /** {@return the processor time that a thread has used, or -1 if unknown} Supervisor only. */
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

    /** {@return whether one more thread may stand in} Another loop may get it first. */
    boolean hasRoom() {
        return standIns.get() < STAND_INS_MAX;
    }

    /** {@return whether loops may be lent to code that may block} Else blocked runs could use up all stand-ins. */
    boolean hasReserve() {
        return standIns.get() < STAND_INS_MAX / 2;
    }

    void standInEnded() {
        standIns.decrementAndGet();
    }

    /** Nothing watches the supervisor, so it survives every exception, even those of its own error handling. */
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
        for (EventLoop loop : loops) { // it is unknown whose events were lost, so each loop polls itself
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
        expected = now; // in case it fails
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

    /** Wakes loops that rest despite tasks: the thread that should have woken them may have lacked memory. */
    private void awakenForgotten() {
        for (EventLoop loop : loops) {
            loop.ringIfForgotten();
        }
    }

    /** {@return the nanoseconds until the next inspection, or -1} */
    private long inspect(long now, boolean late) {
        long rest = -1;
        long cpuNanos = watch.cpuNanos();
        for (EventLoop loop : loops) {
            long wish = TICK_NANOS;
            try {
                wish = loop.inspect(now, cpuNanos, late);
            } catch (Throwable t) { // inspect the others all the same
                LoopFailure.LOOP_NOT_LOOKED_AFTER.log(loop.name(), t);
            }
            if (wish >= 0 && (rest < 0 || wish < rest)) {
                rest = wish;
            }
        }
        return rest;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/**
 * Waits for the next events at the end of a loop's turn, in the way that suits its driver's thread.
 *
 * <p>A platform thread waits in the kernel. A virtual thread occupies a carrier that others want:
 *
 * <pre>
 *   it has woken threads, runs wait for workers, or its fair time is over --> yields, then polls for events
 *   else: events came soon lately --> lingers: waits in the kernel, on its carrier, for a moment
 *                                        nothing came --> parks
 *         else                      --> parks; the supervisor waits in its place
 * </pre>
 *
 * Lingering saves two thread switches when answers come quickly. A thread that becomes runnable meanwhile finds another
 * carrier or waits for at most {@link #LINGER_NANOS}. A loop that parks and is awakened within that time starts to
 * linger again.
 *
 * <p><b>Threads.</b> Loop only, except for {@link #until}.
 */
final class Rest {
    /** How long a virtual thread may hold its carrier to wait. */
    static final long LINGER_NANOS = TimeUnit.MICROSECONDS.toNanos(100);

    /** How long a virtual thread may hold its carrier without yielding to others. */
    private static final long FAIR_NANOS = TimeUnit.MICROSECONDS.toNanos(250);

    /** How long a virtual thread may only yield while there are as many loops as carriers. */
    private static final long ASIDE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    /** A yield that takes longer has let others run. */
    private static final long ALONE_NANOS = TimeUnit.MICROSECONDS.toNanos(3);

    /** How long a platform thread waits at most while runs wait for workers that may block (W1 of Workers). */
    private static final long WORKERS_NANOS = TimeUnit.MICROSECONDS.toNanos(200);

    private final Turn loop;
    private final Poller poller;
    private int key;
    private boolean hasWoken;
    private boolean lingers = true;
    private long yieldedAt = System.nanoTime();
    private long asideAt = yieldedAt;
    private volatile long until = Long.MAX_VALUE;

    Rest(Turn loop, Poller poller) {
        this.loop = loop;
        this.poller = poller;
    }

    /** Tells the loop its index at its supervisor. Called before the start. */
    void supervised(Supervisor supervisor, int index) throws TransportException {
        key = index;
        supervisor.watch(poller, index);
    }

    /** This turn has woken a thread, which needs a carrier. */
    void hasWoken() {
        hasWoken = true;
    }

    /** {@return when the rest ends, or {@link Long#MAX_VALUE}} Any thread. */
    long until() {
        return until;
    }

    /** Waits; {@return false if the baton was lost} */
    boolean rest(Driver me) throws IOException {
        loop.engageWorkers();
        if (!me.thread.isVirtual()) {
            block();
            return true;
        }
        boolean othersRan = false;
        if (hasWoken || loop.isWaitingForWorkers() || loop.now() - yieldedAt > FAIR_NANOS) {
            hasWoken = false;
            long begin = System.nanoTime();
            boolean aside = Threads.loopsMayFillCarriers() && begin - asideAt > ASIDE_NANOS;
            if (aside) {
                asideAt = begin;
            }
            if (!me.giveWay(aside)) {
                return false;
            }
            yieldedAt = System.nanoTime();
            othersRan = yieldedAt - begin > ALONE_NANOS;
        }
        if (othersRan || loop.isWaitingForWorkers() || poller.hasMore() || !loop.fallAsleep()) {
            loop.fetch(0);
            return true;
        }
        return lingers ? linger() : park(me);
    }

    private void block() throws IOException {
        long timeout = 0;
        if (loop.fallAsleep()) {
            timeout = loop.untilFirstTimer(System.nanoTime());
            if (loop.isWaitingForWorkers()) {
                timeout = timeout < 0 ? WORKERS_NANOS : Math.min(timeout, WORKERS_NANOS);
            }
        }
        loop.fetch(timeout);
    }

    private boolean linger() throws IOException {
        long timer = loop.untilFirstTimer(loop.now());
        boolean timerFirst = timer >= 0 && timer <= LINGER_NANOS;
        boolean came = loop.fetch(timerFirst ? timer : LINGER_NANOS);
        lingers = came || timerFirst || loop.hasTasks();
        return true;
    }

    private boolean park(Driver me) throws IOException {
        poller.quiesce();
        long begin = System.nanoTime();
        long timer = loop.untilFirstTimer(begin);
        if (timer != 0) {
            until = timer < 0 ? Long.MAX_VALUE : begin + timer;
            if (!me.park(key)) {
                return false;
            }
            asideAt = System.nanoTime(); // it has left its carrier
            lingers = asideAt - begin < LINGER_NANOS;
        }
        loop.fetch(0);
        return true;
    }
}

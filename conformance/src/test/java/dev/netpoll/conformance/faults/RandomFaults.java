// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.faults;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;

/**
 * Lets places fail for as long as it is armed, one at a time, at random among those that were passed: rare ones as
 * often as those that each request passes. Memory and system calls only: nothing here knows how deep a stack was.
 */
public final class RandomFaults implements Arming, AutoCloseable {
    private static final int NOWHERE = -1;
    private static final int CALLERS = 6;
    private static final long SECOND = 1_000_000_000L;

    private final Random random;
    private final long pauseNanos;
    private final ConcurrentHashMap<Integer, FaultKind> passed = new ConcurrentHashMap<>();
    private final AtomicInteger target = new AtomicInteger(NOWHERE);
    private final List<Struck> history = new ArrayList<>();
    private final LongAdder strikes = new LongAdder();
    private final Thread chooser = new Thread(this::choose, "faults");
    private volatile boolean closed;

    private record Struck(long nanos, String text) {}

    /** Makes one that strikes at most so many times a second. */
    public RandomFaults(long seed, int perSecond) {
        random = new Random(seed);
        pauseNanos = SECOND / perSecond;
        chooser.setDaemon(true);
        chooser.start();
    }

    private void choose() {
        while (!closed) {
            LockSupport.parkNanos(pauseNanos);
            Integer[] known = passed.keySet().toArray(Integer[]::new);
            if (known.length > 0) {
                target.set(known[random.nextInt(known.length)]);
            }
        }
    }

    /** {@return how many faults have struck} */
    public long strikes() {
        return strikes.sum();
    }

    @Override
    public int visit(FaultKind kind, int site, int[] errnos) {
        if ((kind != FaultKind.HEAP && kind != FaultKind.SYSTEM) || errnos.length == 0) {
            return 0;
        }
        if (target.get() != site) {
            if (!passed.containsKey(site)) {
                passed.put(site, kind);
            }
            return 0;
        }
        int errno = errnos[Math.floorMod(System.nanoTime(), errnos.length)];
        boolean endsALoop = errno != Errors.EINTR && Errors.isWait(Faults.name(site));
        if (endsALoop || Callers.find(0) == null || !target.compareAndSet(site, NOWHERE)) {
            return 0;
        }
        strikes.increment();
        note(Faults.name(site) + (kind == FaultKind.HEAP ? "" : " " + Errors.name(errno)));
        return kind == FaultKind.HEAP ? 1 : errno;
    }

    private void note(String place) {
        String text = place + Callers.describe(CALLERS) + " on " + Thread.currentThread();
        synchronized (history) {
            history.add(new Struck(System.nanoTime(), text));
        }
    }

    /** {@return what was struck between two points of time} */
    public List<String> struck(long fromNanos, long toNanos) {
        synchronized (history) {
            return history.stream()
                    .filter(one -> one.nanos() - fromNanos >= 0 && one.nanos() - toNanos <= 0)
                    .map(Struck::text)
                    .toList();
        }
    }

    /** Chooses no more places. */
    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(chooser);
    }
}

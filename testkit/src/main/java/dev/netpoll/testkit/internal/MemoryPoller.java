// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit.internal;

import dev.netpoll.internal.memory.LoopCache;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.Starvation;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import java.net.SocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;

/**
 * A poller in memory: holds the sockets of one event loop that may have something to report.
 *
 * <p><b>Threads.</b> As {@link Poller} says. The network's lock guards {@code ready}, {@code starved} and {@code
 * woken}; the batch belongs to the loop.
 */
final class MemoryPoller implements Poller {
    /** Something that may have events. */
    interface Source {
        /** Reports events; {@return how many} */
        int turn();

        /** {@link #turn} threw this: the source must fail, without harm to others. Must not throw. */
        void crashed(Throwable thrown);
    }

    private final MemoryNetwork network;
    private final Condition changed;
    private final LoopCache memory = new LoopCache(SegmentPool.shared());
    private final Set<Source> ready = new LinkedHashSet<>();
    private final ArrayDeque<Source> batch = new ArrayDeque<>();

    /** Sources that found no memory to receive into; they try again at {@link #retryAt}. */
    private final Set<Source> starved = new LinkedHashSet<>();

    private long retryAt;
    private boolean woken;

    MemoryPoller(MemoryNetwork network) {
        this.network = network;
        this.changed = network.lock.newCondition();
    }

    /** Gives the source a turn in the next batch. Under the lock. */
    void ready(Source source) {
        ready.add(source);
        changed.signalAll();
    }

    /** Gives the source a turn when there may be memory again. Under the lock. */
    void starve(Source source) {
        if (starved.isEmpty()) {
            retryAt = System.nanoTime() + Starvation.RETRY_NANOS;
        }
        starved.add(source);
    }

    @Override
    public boolean fetch(long timeoutNanos) {
        batch.addAll(waitForSources(timeoutNanos));
        return !batch.isEmpty();
    }

    @Override
    public boolean deliver() {
        for (Source source = batch.poll(); source != null; source = batch.poll()) {
            try {
                if (source.turn() > 0) {
                    return true;
                }
            } catch (Throwable thrown) {
                source.crashed(thrown);
                return true;
            }
        }
        return false;
    }

    @Override
    public boolean hasMore() {
        return false;
    }

    @Override
    public long untilRetry(long now) {
        network.lock.lock();
        try {
            return starved.isEmpty() ? -1 : Math.max(0, retryAt - now);
        } finally {
            network.lock.unlock();
        }
    }

    @Override
    public void quiesce() {}

    private List<Source> waitForSources(long timeoutNanos) {
        network.lock.lock();
        try {
            await(bounded(timeoutNanos < 0 ? Long.MAX_VALUE : timeoutNanos));
            woken = false;
            if (!starved.isEmpty() && System.nanoTime() - retryAt >= 0) {
                ready.addAll(starved);
                starved.clear();
            }
            List<Source> sources = new ArrayList<>(ready);
            ready.clear();
            Collections.shuffle(sources, network.random);
            for (Source source : List.copyOf(sources)) {
                if (network.chance(network.faults.delay())) {
                    sources.remove(source);
                    ready.add(source);
                }
            }
            return sources;
        } finally {
            network.lock.unlock();
        }
    }

    private long bounded(long nanos) {
        return starved.isEmpty() ? nanos : Math.min(nanos, Math.max(0, retryAt - System.nanoTime()));
    }

    private void await(long nanos) {
        long rest = nanos;
        boolean interrupted = false;
        while (ready.isEmpty() && !woken && rest > 0 && !interrupted) {
            try {
                rest = changed.awaitNanos(rest);
            } catch (InterruptedException e) {
                interrupted = true; // ends this wait, as in a kernel; has no other meaning
            }
        }
    }

    /** Consumes the calling thread's unpark, as any code that takes locks may. */
    @Override
    public void wakeup() {
        network.lock.lock();
        try {
            woken = true;
            changed.signalAll();
        } finally {
            network.lock.unlock();
        }
        LockSupport.unpark(Thread.currentThread());
        LockSupport.park(this);
    }

    @Override
    public void register(Transport transport, TransportEvents events) throws TransportException {
        ((MemoryTransport) transport).register(this, events);
    }

    @Override
    public void connect(Transport transport, SocketAddress remote, TransportEvents events) {
        ((MemoryTransport) transport).connect(this, remote, events);
    }

    @Override
    public void listen(ListenSocket socket, AcceptEvents events) {
        ((MemoryListenSocket) socket).listen(this, events);
    }

    @Override
    public LoopCache memory() {
        return memory;
    }

    @Override
    public void close() {
        network.lock.lock();
        try {
            ready.clear();
            starved.clear();
        } finally {
            network.lock.unlock();
        }
        batch.clear();
    }
}

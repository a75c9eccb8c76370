// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.wrapped;

import dev.netpoll.internal.memory.LoopCache;
import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.SocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Gives turns to transports that go on without an event of the kernel's: in the next turn, or when their time has come.
 * The rest is the wrapped poller's.
 */
final class ChoppedPoller implements Poller {
    private final Poller inner;

    /** Those that get the next turn. */
    private final ArrayDeque<ChoppedTransport> ready = new ArrayDeque<>();

    private final ArrayDeque<ChoppedTransport> batch = new ArrayDeque<>();

    /** Those that get a turn later: few. */
    private final List<ChoppedTransport> waiting = new ArrayList<>();

    private @Nullable MemoryBudget budget;

    ChoppedPoller(Poller inner) {
        this.inner = inner;
    }

    Poller inner() {
        return inner;
    }

    /** The transport gets a turn soon. */
    void again(ChoppedTransport transport) {
        if (!ready.contains(transport)) {
            ready.add(transport);
        }
    }

    /** The transport gets a turn at {@link ChoppedTransport#turnAt}. */
    void later(ChoppedTransport transport) {
        if (!waiting.contains(transport)) {
            waiting.add(transport);
        }
    }

    void forget(ChoppedTransport transport) {
        ready.remove(transport);
        batch.remove(transport);
        waiting.remove(transport);
    }

    /** {@return whether memory is used up, so that pieces are small} */
    boolean isCrowded() {
        return budget != null && budget.isExceeded();
    }

    private void wake(long now) {
        waiting.removeIf(transport -> {
            boolean due = transport.turnAt() - now <= 0;
            if (due) {
                again(transport);
            }
            return due;
        });
    }

    /** {@return nanoseconds until the first of those that wait is due, or -1} */
    private long untilFirst(long now) {
        return waiting.stream()
                .mapToLong(transport -> Math.max(0, transport.turnAt() - now))
                .min()
                .orElse(-1);
    }

    private static long sooner(long one, long other) {
        return one < 0 || (other >= 0 && other < one) ? other : one;
    }

    @Override
    public boolean fetch(long timeoutNanos) throws IOException {
        long now = System.nanoTime();
        wake(now);
        boolean any = inner.fetch(ready.isEmpty() ? sooner(timeoutNanos, untilFirst(now)) : 0);
        wake(System.nanoTime());
        batch.addAll(ready);
        ready.clear();
        return any || !batch.isEmpty();
    }

    @Override
    public boolean deliver() {
        if (inner.deliver()) {
            return true;
        }
        ChoppedTransport transport = batch.poll();
        if (transport != null) {
            transport.turn();
        }
        return transport != null;
    }

    @Override
    public boolean hasMore() {
        return !ready.isEmpty() || inner.hasMore();
    }

    @Override
    public long untilRetry(long now) {
        return sooner(inner.untilRetry(now), untilFirst(now));
    }

    @Override
    public void takeOver() throws IOException {
        inner.takeOver();
    }

    @Override
    public void leave() {
        inner.leave();
    }

    @Override
    public void quiesce() {
        inner.quiesce();
    }

    @Override
    public void wakeup() {
        inner.wakeup();
    }

    @Override
    public void register(Transport transport, TransportEvents events) throws TransportException {
        ChoppedTransport chopped = (ChoppedTransport) transport;
        chopped.joins(this, events);
        inner.register(chopped.inner(), chopped.events());
    }

    @Override
    public void connect(Transport transport, SocketAddress remote, TransportEvents events) {
        ChoppedTransport chopped = (ChoppedTransport) transport;
        chopped.joins(this, events);
        inner.connect(chopped.inner(), remote, chopped.events());
    }

    @Override
    public void listen(ListenSocket socket, AcceptEvents events) throws TransportException {
        inner.listen(socket, new AcceptEvents() {
            @Override
            public void accepted(Transport transport) {
                events.accepted(ChoppedMechanism.wrap(transport));
            }

            @Override
            public void acceptFailed(int errno) {
                events.acceptFailed(errno);
            }
        });
    }

    @Override
    public void limitBy(MemoryBudget budget) {
        this.budget = budget;
        inner.limitBy(budget);
    }

    @Override
    public LoopCache memory() {
        return inner.memory();
    }

    @Override
    public void close() {
        inner.close();
    }
}

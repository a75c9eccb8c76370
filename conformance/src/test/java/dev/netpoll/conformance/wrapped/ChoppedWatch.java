// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.wrapped;

import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.PollerWatch;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;

/** Watches what the pollers wrap: a loop does not rest while its transports have something to do. */
record ChoppedWatch(PollerWatch inner) implements PollerWatch {
    private static Poller inside(Poller poller) {
        return ((ChoppedPoller) poller).inner();
    }

    @Override
    public void add(Poller poller, int key) throws TransportException {
        inner.add(inside(poller), key);
    }

    @Override
    public boolean arm(Poller poller, int key) {
        return inner.arm(inside(poller), key);
    }

    @Override
    public int await(long timeoutNanos) throws IOException {
        return inner.await(timeoutNanos);
    }

    @Override
    public int ready(int index) {
        return inner.ready(index);
    }

    @Override
    public long cpuNanos() {
        return inner.cpuNanos();
    }

    @Override
    public long cpuNanos(int thread) {
        return inner.cpuNanos(thread);
    }

    @Override
    public void wakeup() {
        inner.wakeup();
    }

    @Override
    public void close() {
        inner.close();
    }
}

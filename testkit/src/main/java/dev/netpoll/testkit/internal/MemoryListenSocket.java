// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit.internal;

import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.Crash;
import dev.netpoll.internal.transport.ListenSocket;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/** A listening socket: an unbounded queue of server ends that nobody has accepted yet. */
final class MemoryListenSocket implements ListenSocket, MemoryPoller.Source {
    private final MemoryNetwork network;
    private final InetSocketAddress address;
    private final ArrayDeque<MemoryTransport> pending = new ArrayDeque<>();
    private @Nullable MemoryPoller poller;
    private @Nullable AcceptEvents events;
    private boolean paused;
    private boolean closed;

    MemoryListenSocket(MemoryNetwork network, InetSocketAddress address) {
        this.network = network;
        this.address = address;
    }

    void listen(MemoryPoller target, AcceptEvents receiver) {
        network.lock.lock();
        try {
            poller = target;
            events = receiver;
            target.ready(this);
        } finally {
            network.lock.unlock();
        }
    }

    /** Under the lock. */
    void offer(MemoryTransport transport) {
        pending.add(transport);
        if (poller != null) {
            poller.ready(this);
        }
    }

    @Override
    public int turn() {
        int count = 0;
        while (true) {
            AcceptEvents receiver = events;
            MemoryTransport next = next();
            if (next == null || receiver == null) {
                return count;
            }
            receiver.accepted(next);
            count++;
        }
    }

    @Override
    public void crashed(Throwable thrown) {
        network.lock.lock();
        try {
            if (poller != null) {
                poller.ready(this); // for the other connections
            }
        } finally {
            network.lock.unlock();
        }
        try {
            AcceptEvents receiver = events;
            if (receiver != null && isOpen()) {
                receiver.acceptFailed(Crash.errno(thrown));
            }
        } catch (Throwable again) {
            thrown.addSuppressed(again);
        }
        Crash.log("listening socket of a test network", thrown);
    }

    private boolean isOpen() {
        network.lock.lock();
        try {
            return !closed;
        } finally {
            network.lock.unlock();
        }
    }

    private @Nullable MemoryTransport next() {
        network.lock.lock();
        try {
            return paused || closed ? null : pending.poll();
        } finally {
            network.lock.unlock();
        }
    }

    @Override
    public InetSocketAddress localAddress() {
        return address;
    }

    @Override
    public void pause() {
        network.lock.lock();
        try {
            paused = true;
        } finally {
            network.lock.unlock();
        }
    }

    @Override
    public void resume() {
        network.lock.lock();
        try {
            paused = false;
            if (poller != null) {
                poller.ready(this);
            }
        } finally {
            network.lock.unlock();
        }
    }

    /** Also resets the connections that nobody has accepted. */
    @Override
    public void close() {
        network.lock.lock();
        try {
            if (!closed) {
                closed = true;
                network.unbind(address);
                pending.forEach(transport -> transport.close(true));
                pending.clear();
            }
        } finally {
            network.lock.unlock();
        }
    }
}

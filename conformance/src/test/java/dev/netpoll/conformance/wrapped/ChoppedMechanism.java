// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.wrapped;

import dev.netpoll.internal.poll.Mechanism;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.PollerWatch;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.Transport;
import java.io.IOException;
import java.net.SocketAddress;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Makes transports that chop, around those of another mechanism. Listening sockets are the other's own. */
final class ChoppedMechanism implements Mechanism {
    private static final long SEED = Long.getLong("seed", System.nanoTime());
    private static final AtomicLong TRANSPORTS = new AtomicLong();

    static {
        System.out.println("pieces of the wrapped backend: -Dseed=" + SEED);
    }

    private final String name;
    private final Mechanism inner;

    ChoppedMechanism(String name, Mechanism inner) {
        this.name = name;
        this.inner = inner;
    }

    static ChoppedTransport wrap(Transport transport) {
        return new ChoppedTransport(transport, SEED + TRANSPORTS.getAndIncrement());
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Poller openPoller() throws IOException {
        return new ChoppedPoller(inner.openPoller());
    }

    @Override
    public PollerWatch openWatch() throws IOException {
        return new ChoppedWatch(inner.openWatch());
    }

    @Override
    public boolean isWatchable() {
        return inner.isWatchable();
    }

    @Override
    public ListenSocket bind(SocketAddress address, ListenOptions options) throws IOException {
        return inner.bind(address, options);
    }

    @Override
    public Transport open(SocketAddress remote, @Nullable SocketAddress local) throws IOException {
        return wrap(inner.open(remote, local));
    }

    @Override
    public Transport adopt(RawSocket socket) throws IOException {
        return wrap(inner.adopt(socket));
    }

    @Override
    public boolean adoptsChannels() {
        return inner.adoptsChannels();
    }
}

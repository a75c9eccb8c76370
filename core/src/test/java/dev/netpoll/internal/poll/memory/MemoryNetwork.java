// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.memory;

import dev.netpoll.internal.poll.Mechanism;
import dev.netpoll.internal.poll.ParkingWatch;
import dev.netpoll.internal.poll.Poller;
import dev.netpoll.internal.poll.PollerWatch;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.ListenOptions;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.RawSocket;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The network: see the package. One lock guards everything in it; no callback is called under the lock. */
public final class MemoryNetwork implements Mechanism {
    private static final int FIRST_PORT = 40_000;

    final ReentrantLock lock = new ReentrantLock();
    final Faults faults;
    final Random random;

    private final Map<SocketAddress, MemoryListenSocket> listeners = new HashMap<>();
    private int nextPort = FIRST_PORT;

    public MemoryNetwork(long seed, Faults faults) {
        this.random = new Random(seed);
        this.faults = faults;
    }

    /** Cuts a connection: both ends deliver what has arrived and then fail with ECONNRESET. */
    public void reset(Transport transport) {
        lock.lock();
        try {
            ((MemoryTransport) transport).cut();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public String name() {
        return "memory";
    }

    @Override
    public Poller openPoller() {
        return new MemoryPoller(this);
    }

    @Override
    public PollerWatch openWatch() {
        return new ParkingWatch();
    }

    @Override
    public boolean isWatchable() {
        return false;
    }

    @Override
    public ListenSocket bind(SocketAddress address, ListenOptions options) throws TransportException {
        lock.lock();
        try {
            SocketAddress bound = checked(address).getPort() == 0 ? freshAddress(address) : address;
            if (listeners.containsKey(bound)) {
                throw new TransportException("bind", Errno.EADDRINUSE);
            }
            MemoryListenSocket socket = new MemoryListenSocket(this, bound);
            listeners.put(bound, socket);
            return socket;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public Transport open(SocketAddress remote, @Nullable SocketAddress local) throws TransportException {
        checked(remote);
        return new MemoryTransport(this, local);
    }

    @Override
    public Transport adopt(RawSocket socket) throws TransportException {
        throw new TransportException("adopt", Errno.EOPNOTSUPP);
    }

    private static InetSocketAddress checked(SocketAddress address) throws TransportException {
        if (!(address instanceof InetSocketAddress inet)) {
            throw new TransportException("address", Errno.EAFNOSUPPORT);
        }
        if (inet.isUnresolved()) {
            throw new TransportException("address", Errno.EINVAL);
        }
        return inet;
    }

    SocketAddress freshAddress(SocketAddress like) {
        return new InetSocketAddress(((InetSocketAddress) like).getAddress(), nextPort++);
    }

    @Nullable
    MemoryListenSocket listener(SocketAddress address) {
        return listeners.get(address);
    }

    void unbind(SocketAddress address) {
        listeners.remove(address);
    }

    boolean chance(double probability) {
        return probability > 0 && random.nextDouble() < probability;
    }

    /** {@return some of {@code most}, at least one, all of it unless chance wants it otherwise} */
    int someOf(int most, double probability) {
        return most > 1 && chance(probability) ? 1 + random.nextInt(most) : most;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit.internal;

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
import dev.netpoll.testkit.NetworkFaults;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A network in memory: listening sockets, connections, and the faults that a test asks for.
 *
 * <p><b>Place.</b> Behind {@link dev.netpoll.testkit.TestNetwork}; event loops know it as their {@link Mechanism}.
 *
 * <p><b>Threads.</b> Any. One lock guards everything in the network; no callback runs under it.
 *
 * <p><b>Memory.</b> Bytes under way are in arrays on the heap. Only bytes being delivered are in blocks of the pool.
 */
public final class MemoryNetwork implements Mechanism {
    /** The error number of dials that nobody answers. */
    static final int SILENCE = Integer.MAX_VALUE;

    final ReentrantLock lock = new ReentrantLock();
    final NetworkFaults faults;
    final Random random;

    /** Faults for the next connection that sends or receives; each connection also has its own. */
    final FaultPlan sends = new FaultPlan();

    final FaultPlan receives = new FaultPlan();

    private final String name;
    private final FaultPlan dials = new FaultPlan();
    private final Map<InetSocketAddress, MemoryListenSocket> listeners = new HashMap<>();
    private final Map<Ends, MemoryTransport> ends = new HashMap<>();

    /** Ends whose dial gets no answer. */
    private final Set<MemoryEnd> unanswered = new HashSet<>();

    private final Ports ports = new Ports();
    private boolean down;

    /** Creates a network with the default name. */
    public MemoryNetwork(long seed, NetworkFaults faults) {
        this("memory", seed, faults);
    }

    /** Creates a network; the name is that of its backend. */
    public MemoryNetwork(String name, long seed, NetworkFaults faults) {
        this.name = name;
        this.random = new Random(seed);
        this.faults = faults;
    }

    @Override
    public String name() {
        return name;
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
        InetSocketAddress wanted = checked(address);
        lock.lock();
        try {
            if (down) {
                throw new TransportException("bind", Errno.ENETDOWN);
            }
            InetSocketAddress bound = wanted.getPort() == 0 ? fresh(wanted.getAddress()) : wanted;
            if (bound == null || isTaken(bound)) {
                throw new TransportException("bind", Errno.EADDRINUSE);
            }
            MemoryListenSocket socket = new MemoryListenSocket(this, bound);
            listeners.put(bound, socket);
            ports.use(bound.getPort());
            return socket;
        } finally {
            lock.unlock();
        }
    }

    /** A wildcard address takes its port on all addresses. */
    private boolean isTaken(InetSocketAddress address) {
        return listeners.keySet().stream()
                .anyMatch(bound -> bound.getPort() == address.getPort()
                        && (bound.equals(address)
                                || bound.getAddress().isAnyLocalAddress()
                                || address.getAddress().isAnyLocalAddress()));
    }

    @Override
    public Transport open(SocketAddress remote, @Nullable SocketAddress local) throws TransportException {
        checked(remote);
        return new MemoryTransport(this, local == null ? null : checked(local));
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

    // ---- what sockets call; under the lock ----

    /**
     * Connects an end with a new one, which it passes to the listener at the address.
     *
     * @return 0, an error number, or {@link #SILENCE}
     */
    int connect(MemoryTransport client, SocketAddress address) {
        if (down) {
            return Errno.ENETDOWN;
        }
        int planned = dials.take();
        if (planned != 0) {
            if (planned == SILENCE) {
                unanswered.add(client);
            }
            return planned;
        }
        MemoryListenSocket listener = address instanceof InetSocketAddress remote ? listener(remote) : null;
        if (listener == null || !(address instanceof InetSocketAddress remote)) {
            return Errno.ECONNREFUSED;
        }
        InetSocketAddress wanted = client.localAddress();
        InetSocketAddress local = wanted != null && wanted.getPort() != 0
                ? wanted
                : fresh(wanted == null ? remote.getAddress() : wanted.getAddress());
        if (local == null || ends.containsKey(new Ends(local, remote))) {
            return Errno.EADDRNOTAVAIL;
        }
        MemoryTransport server = new MemoryTransport(this, null);
        client.joins(server, new Ends(local, remote));
        for (MemoryTransport end : List.of(client, server)) {
            Ends place = end.place();
            ends.put(place, end);
            ports.use(place.local().getPort());
        }
        listener.offer(server);
        return 0;
    }

    private @Nullable MemoryListenSocket listener(InetSocketAddress address) {
        MemoryListenSocket exact = listeners.get(address);
        if (exact != null) {
            return exact;
        }
        return listeners.values().stream()
                .filter(listener -> listener.localAddress().getAddress().isAnyLocalAddress()
                        && listener.localAddress().getPort() == address.getPort())
                .findAny()
                .orElse(null);
    }

    private @Nullable InetSocketAddress fresh(InetAddress host) {
        int port = ports.fresh();
        return port == 0 ? null : new InetSocketAddress(host, port);
    }

    void unbind(InetSocketAddress address) {
        listeners.remove(address);
        ports.release(address.getPort());
    }

    /** Forgets a closed end. */
    void forget(MemoryEnd end, @Nullable Ends place) {
        unanswered.remove(end);
        if (place != null && ends.remove(place, end)) {
            ports.release(place.local().getPort());
        }
    }

    boolean chance(double probability) {
        return probability > 0 && random.nextDouble() < probability;
    }

    /** {@return {@code most}, or with the given probability a random number from 1 to {@code most}} */
    int someOf(int most, double probability) {
        return most > 1 && chance(probability) ? 1 + random.nextInt(most) : most;
    }

    // ---- what a test calls; any thread ----

    /** {@return how the network misbehaves} */
    public NetworkFaults faults() {
        return faults;
    }

    /** {@return an address with a port that no socket uses, or null if all ports are in use} */
    public @Nullable InetSocketAddress freshAddress(InetAddress host) {
        lock.lock();
        try {
            return fresh(host);
        } finally {
            lock.unlock();
        }
    }

    /** Cuts a connection: both ends deliver the bytes sent before, then fail with ECONNRESET. */
    public void reset(Transport transport) {
        ((MemoryTransport) transport).cut();
    }

    /** Applies an action to each open end, on both sides of each connection. */
    public void forEachEnd(Consumer<MemoryTransport> action) {
        lock.lock();
        try {
            List.copyOf(ends.values()).forEach(action);
        } finally {
            lock.unlock();
        }
    }

    /** The next dials fail with an error number. */
    public void failDials(int count, int errno) {
        plan(dials, count, errno);
    }

    /** Nobody answers the next dials. */
    public void ignoreDials(int count) {
        plan(dials, count, SILENCE);
    }

    /** The next sends of any connection fail with an error number. */
    public void failSends(int count, int errno) {
        plan(sends, count, errno);
    }

    /** The next receives of any connection fail with an error number. */
    public void failReceives(int count, int errno) {
        plan(receives, count, errno);
    }

    private void plan(FaultPlan plan, int count, int errno) {
        lock.lock();
        try {
            plan.add(count, errno);
        } finally {
            lock.unlock();
        }
    }

    /** Forgets all planned faults, and ends all stalls. */
    public void clearFaults() {
        lock.lock();
        try {
            dials.clear();
            sends.clear();
            receives.clear();
            forEachEnd(MemoryTransport::clearFaults);
        } finally {
            lock.unlock();
        }
    }

    /** Resets all connections, and fails dials and binds from now on. */
    public void shutDown() {
        lock.lock();
        try {
            down = true;
            forEachEnd(MemoryTransport::cut);
            List.copyOf(unanswered).forEach(end -> end.answer(Errno.ENETDOWN));
            unanswered.clear();
        } finally {
            lock.unlock();
        }
    }
}

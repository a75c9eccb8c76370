// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit;

import dev.netpoll.Backend;
import dev.netpoll.ConnectFailedException;
import dev.netpoll.ConnectTimeoutException;
import dev.netpoll.Connection;
import dev.netpoll.ConnectionResetException;
import dev.netpoll.Dialer;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import dev.netpoll.internal.poll.Mechanisms;
import dev.netpoll.testkit.internal.MemoryNetwork;
import dev.netpoll.testkit.internal.MemoryTransport;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A network in memory, to test handlers without sockets. Event loops, servers, dialers and connections are the real
 * ones; only the operating system is replaced. A group built with {@link #backend()} reaches this network and no other.
 *
 * {@snippet file="dev/netpoll/testkit/UpperCaseTest.java" region="test"}
 *
 * <p>The network delivers every byte, in order, to the connection it was sent to. A test can make it fail: the next
 * dials, sends or receives ({@link #failDials}, {@link #failSends}, {@link #failReceives}), or one connection, by its
 * {@link #link}. {@link NetworkFaults} make it awkward without breaking anything: bytes come in pieces, and late.
 *
 * <p><b>Seeds.</b> The network makes all random decisions with one generator: networks with equal seeds and faults make
 * the same decisions in the same order. Which decision meets which event depends on the order of the threads. So a run
 * repeats exactly only if one thread does everything; with event loops, a seed that failed only makes the failure
 * likely to return.
 *
 * <p><b>Threads.</b> Any thread may call any method, also callbacks of connections. A method takes effect before it
 * returns; event loops report it soon after.
 *
 * <p><b>Lifetime.</b> A network holds heap memory only, for bytes that are under way. {@link #close()} ends its
 * connections. An unreachable network is garbage collected, closed or not.
 *
 * <p><b>Limits.</b> IP addresses only, and they belong to the network: the operating system is not asked, except to
 * resolve the name of an unresolved address. {@link Connection#detach()} and {@link EventLoopGroup#adopt} throw an
 * IOException. Socket options can be set and read, and change nothing. There is no backlog: all dials to a listening
 * address succeed. Loops run on platform threads.
 *
 * @since 0.1
 */
public final class TestNetwork implements AutoCloseable {
    private static final AtomicLong NETWORKS = new AtomicLong();

    private final long seed;
    private final MemoryNetwork network;
    private final Backend backend;

    private TestNetwork(long seed, NetworkFaults faults) {
        this.seed = seed;
        String name = "test-network-" + NETWORKS.incrementAndGet();
        MemoryNetwork created = new MemoryNetwork(name, seed, Objects.requireNonNull(faults, "faults"));
        network = created;
        backend = Backend.of(name);
        Mechanisms.install(backend, () -> created);
    }

    /** {@return a network without connections and without faults} */
    public static TestNetwork create() {
        return seeded(0, NetworkFaults.none());
    }

    /**
     * {@return a network without connections that misbehaves as {@code faults} say}
     *
     * @param seed the seed of all random decisions; print it when a test fails
     */
    public static TestNetwork seeded(long seed, NetworkFaults faults) {
        return new TestNetwork(seed, faults);
    }

    /**
     * {@return the backend of this network, for {@link EventLoopGroup.Builder#backend}} Several groups may use it:
     * their servers and dialers reach each other.
     */
    public Backend backend() {
        return backend;
    }

    /** {@return the seed} */
    public long seed() {
        return seed;
    }

    /** {@return the faults that the network was created with} */
    public NetworkFaults faults() {
        return network.faults();
    }

    /**
     * {@return an address of this network that nobody uses, to listen on} Further calls return other addresses, until
     * it has returned each of about 25,000 ports. ({@link Server#listen} with port 0 picks one, too.)
     *
     * @throws IllegalStateException if sockets use all these ports
     */
    public InetSocketAddress freshAddress() {
        InetSocketAddress address = network.freshAddress(InetAddress.getLoopbackAddress());
        if (address == null) {
            throw new IllegalStateException("all ports of the test network are in use; close some connections");
        }
        return address;
    }

    /**
     * {@return the link of an open connection of this network, dialed or accepted}
     *
     * @throws IllegalArgumentException if the connection has ended, or belongs to another network
     */
    public TestLink link(Connection connection) {
        MemoryTransport end;
        try {
            end = connection.getOption(MemoryTransport.SELF);
        } catch (IOException | UnsupportedOperationException e) { // it is closed, or of another backend
            throw new IllegalArgumentException("not an open connection of " + this + ": " + connection, e);
        }
        if (!end.isOf(network)) {
            throw new IllegalArgumentException("not a connection of " + this + ": " + connection);
        }
        return new TestLink(end);
    }

    /**
     * Refuses the next dials, of any dialer, as if nobody listened. {@link Dialer#dial} throws {@link
     * ConnectFailedException}.
     *
     * @param count how many dials to refuse
     * @throws IllegalArgumentException if {@code count} is less than 1
     */
    public void refuseDials(int count) {
        failDials(count, NetworkError.REFUSED);
    }

    /**
     * Fails the next dials, of any dialer, after those already planned to fail. {@link Dialer#dial} throws {@link
     * ConnectFailedException}.
     *
     * @param count how many dials to fail; an attempt to reach one of several addresses of a name counts as a dial
     * @throws IllegalArgumentException if {@code count} is less than 1, or a dial cannot fail with this error
     */
    public void failDials(int count, NetworkError error) {
        network.failDials(positive(count), error.number(NetworkError.Kind.DIAL));
    }

    /**
     * Leaves the next dials without an answer, after those already planned to fail. {@link Dialer#dial} throws {@link
     * ConnectTimeoutException} when its time is up.
     *
     * @param count how many dials to ignore
     * @throws IllegalArgumentException if {@code count} is less than 1
     */
    public void ignoreDials(int count) {
        network.ignoreDials(positive(count));
    }

    /**
     * Fails the next flushes that reach the network, of any connection. {@link TestLink#failNextSend} does so to one
     * connection, and describes what happens then.
     *
     * @param count how many to fail
     * @throws IllegalArgumentException if {@code count} is less than 1, or a send cannot fail with this error
     */
    public void failSends(int count, NetworkError error) {
        network.failSends(positive(count), error.number(NetworkError.Kind.SEND));
    }

    /**
     * Fails the next connections at which bytes arrive. {@link TestLink#failNextReceive} does so to one connection, and
     * describes what happens then.
     *
     * @param count how many to fail
     * @throws IllegalArgumentException if {@code count} is less than 1, or a receive cannot fail with this error
     */
    public void failReceives(int count, NetworkError error) {
        network.failReceives(positive(count), error.number(NetworkError.Kind.RECEIVE));
    }

    private static int positive(int count) {
        if (count < 1) {
            throw new IllegalArgumentException("count must be positive: " + count);
        }
        return count;
    }

    /** Resets each connection that is open now, as {@link TestLink#reset} does. */
    public void resetAll() {
        network.forEachEnd(MemoryTransport::cut);
    }

    /** Stalls each connection that is open now, as {@link TestLink#stall} does. Later connections are not stalled. */
    public void stallAll() {
        network.forEachEnd(end -> end.stall(true));
    }

    /** Ends all stalls: the bytes held back arrive, complete and in order. */
    public void resumeAll() {
        network.forEachEnd(end -> end.stall(false));
    }

    /** Forgets all planned failures that have not struck, of the network and of each link, and ends all stalls. */
    public void clearFaults() {
        network.clearFaults();
    }

    /**
     * Unplugs the network for good. Open connections are reset: their reads and flushes throw {@link
     * ConnectionResetException}, once the bytes that have arrived are read. Dials and {@link Server#listen} fail from
     * now on. Close servers and groups first, unless the test is about what they do then. Idempotent.
     */
    @Override
    public void close() {
        network.shutDown();
    }

    /** {@return the name of the backend, the seed and the faults; a failed test should print it} */
    @Override
    public String toString() {
        return backend + ", seed " + seed + ", " + faults();
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.endpoint;

import dev.netpoll.ConnectFailedException;
import dev.netpoll.ConnectTimeoutException;
import dev.netpoll.ConnectionClosedException;
import dev.netpoll.internal.connection.Connect;
import dev.netpoll.internal.connection.ConnectionConfig;
import dev.netpoll.internal.connection.SocketConnection;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.poll.Mechanism;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * One call of dial: resolves the name, tries the addresses in turn, and keeps the time limit. Blocks the one thread
 * that uses it.
 */
public final class DialAttempt {
    private static final long PER_ADDRESS_MIN_NANOS = TimeUnit.SECONDS.toNanos(2);

    private static final long RETRY_MAX_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private final Mechanism mechanism;
    private final Lookups lookups;
    private final EventLoop loop;
    private final ConnectionConfig config;
    private final @Nullable SocketAddress local;
    private final long begin = System.nanoTime();
    private final long timeoutNanos;
    private final @Nullable Object attachment;

    /**
     * Prepares an attempt; the time counts from now.
     *
     * @param lookups where a look-up of the name can be ended
     * @param local the address to dial from, or null
     * @param timeout limit for everything
     * @param attachment the attachment of the connection, or null
     */
    public DialAttempt(
            Mechanism mechanism,
            Lookups lookups,
            EventLoop loop,
            ConnectionConfig config,
            @Nullable SocketAddress local,
            Duration timeout,
            @Nullable Object attachment) {
        this.mechanism = mechanism;
        this.lookups = lookups;
        this.loop = loop;
        this.config = config;
        this.local = local;
        this.timeoutNanos = ConnectionConfig.nanos(timeout);
        this.attachment = attachment;
    }

    /** {@return a connection to the address, or to the first of its addresses that answers} */
    public SocketConnection dial(SocketAddress address) throws IOException {
        List<SocketAddress> candidates = resolve(address);
        IOException first = null;
        for (int i = 0; i < candidates.size(); i++) {
            SocketAddress candidate = candidates.get(i);
            try {
                return connect(candidate, share(candidates.size() - i));
            } catch (InterruptedIOException | ConnectionClosedException e) { // another address would fare no better
                throw e;
            } catch (IOException e) {
                if (first == null) {
                    first = e;
                } else {
                    first.addSuppressed(e);
                }
                if (left() <= 0) {
                    break;
                }
            }
        }
        throw first != null ? first : new UnknownHostException(String.valueOf(address));
    }

    private long left() {
        return timeoutNanos == ConnectionConfig.NEVER ? timeoutNanos : timeoutNanos - (System.nanoTime() - begin);
    }

    /** The time for one of the remaining addresses: an equal share, but enough to repeat a lost packet. */
    private long share(int addresses) {
        long left = left();
        return left == ConnectionConfig.NEVER
                ? left
                : Math.min(left, Math.max(left / addresses, PER_ADDRESS_MIN_NANOS));
    }

    private List<SocketAddress> resolve(SocketAddress address) throws IOException {
        if (!(address instanceof InetSocketAddress inet) || !inet.isUnresolved()) {
            return List.of(address);
        }
        try (Lookups.Lookup lookup = lookups.begin(inet.getHostString())) {
            List<SocketAddress> resolved = new ArrayList<>();
            for (InetAddress found : await(lookup, address, left(), "resolving the name")) {
                resolved.add(new InetSocketAddress(found, inet.getPort()));
            }
            return resolved;
        }
    }

    private SocketConnection connect(SocketAddress remote, long nanos) throws IOException {
        long end = System.nanoTime() + (nanos == ConnectionConfig.NEVER ? 0 : nanos);
        long pause = TimeUnit.MILLISECONDS.toNanos(1);
        while (true) {
            try {
                return connectOnce(remote, rest(nanos, end));
            } catch (ConnectFailedException e) {
                // A Unix socket whose backlog is full refuses with EAGAIN, and gives no event when there is room again.
                if (!(remote instanceof UnixDomainSocketAddress
                        && Errno.name(Errno.EAGAIN).equals(e.errno()))) {
                    throw e;
                }
            }
            EventLoop.beforeBlocking();
            LockSupport.parkNanos(Math.min(pause, rest(nanos, end)));
            if (rest(nanos, end) <= 0) {
                throw timedOut(remote, "the backlog of the listener stayed full");
            }
            pause = Math.min(pause * 2, RETRY_MAX_NANOS);
        }
    }

    private static long rest(long nanos, long end) {
        return nanos == ConnectionConfig.NEVER ? nanos : end - System.nanoTime();
    }

    private SocketConnection connectOnce(SocketAddress remote, long nanos) throws IOException {
        SocketConnection connection = open(remote);
        Connect connect = Connect.begin(connection, remote);
        try {
            int errno = await(connect.outcome(), remote, nanos, "connecting");
            if (errno == 0) {
                return connection;
            }
            throw Connect.isRejected(errno) ? connect.rejection() : failed(remote, errno, connection.localAddress());
        } catch (ConnectTimeoutException e) {
            if (connect.abandon() || connect.outcome().join() != 0) {
                throw e;
            }
            return connection; // it connected at the last moment
        } catch (InterruptedIOException e) {
            // Even if it has just connected: the effect of an interrupt must not depend on the backend's speed.
            if (!connect.abandon() && connect.outcome().join() == 0) {
                connection.abort();
            }
            throw e;
        } catch (Error e) {
            connection.abort();
            throw e;
        }
    }

    private SocketConnection open(SocketAddress remote) throws IOException {
        Transport transport;
        try {
            transport = mechanism.open(remote, local);
        } catch (TransportException e) {
            throw failed(remote, e.errno(), null);
        }
        SocketConnection connection;
        try {
            connection = new SocketConnection(loop, transport, config);
        } catch (Throwable t) {
            transport.close(false);
            throw t;
        }
        connection.attach(attachment);
        try {
            connection.setUp(remote);
        } catch (Throwable t) {
            connection.endBeforeStart();
            throw t;
        }
        return connection;
    }

    private <T> T await(CompletableFuture<T> future, SocketAddress remote, long nanos, String what) throws IOException {
        try {
            if (Thread.interrupted()) { // before checking whether there is anything to wait for
                throw new InterruptedException();
            }
            EventLoop.beforeBlocking();
            // Not orTimeout: a full heap can kill the JDK's only thread for that.
            return nanos == ConnectionConfig.NEVER
                    ? future.get()
                    : future.get(Math.max(nanos, 0), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            throw timedOut(remote, what + " took too long");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while " + what);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case UnknownHostException unknown -> throw unknown;
                case IllegalStateException closed when lookups.isClosed() -> throw closed;
                case null, default -> throw new IOException(what + " failed", e.getCause());
            }
        }
    }

    private ConnectTimeoutException timedOut(SocketAddress remote, String message) {
        String limit = timeoutNanos < 1_000_000 ? timeoutNanos + " ns" : timeoutNanos / 1_000_000 + " ms";
        return new ConnectTimeoutException(message + "; the time-out is " + limit, "connect", local, remote, null);
    }

    private ConnectFailedException failed(SocketAddress remote, int errno, @Nullable SocketAddress from) {
        return new ConnectFailedException(
                Errno.describe(errno), "connect", from == null ? local : from, remote, Errno.name(errno));
    }
}

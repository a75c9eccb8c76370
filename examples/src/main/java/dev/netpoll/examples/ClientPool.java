// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import dev.netpoll.Connection;
import dev.netpoll.Dialer;
import java.io.IOException;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * Lends connections to one address, at most so many at a time; who wants one more waits. The connection used last is
 * lent first, so that those that a burst needed grow old unused. Any thread.
 */
final class ClientPool implements AutoCloseable {
    /** A connection that rested for less is trusted to its flag; after that a look at the socket is worth its price. */
    private static final long TRUSTED_NANOS = Duration.ofSeconds(1).toNanos();

    private final Dialer dialer;
    private final SocketAddress address;
    private final Semaphore permits;
    private final ConcurrentLinkedDeque<Resting> resting = new ConcurrentLinkedDeque<>();

    ClientPool(Dialer dialer, SocketAddress address, int connectionsMax) {
        this.dialer = dialer;
        this.address = address;
        permits = new Semaphore(connectionsMax);
    }

    /** {@return a connection, which the caller hands to {@link #giveBack} or {@link #discard}} Waits for one. */
    Connection take() throws IOException, InterruptedException {
        permits.acquire();
        Connection connection = null;
        try {
            connection = takeResting();
            if (connection == null) {
                connection = dialer.dial(address);
            }
            return connection;
        } finally {
            if (connection == null) {
                permits.release();
            }
        }
    }

    /** Takes back a connection on which every request has had its answer. */
    void giveBack(Connection connection) {
        resting.addFirst(new Resting(connection, System.nanoTime()));
        permits.release();
    }

    /** Takes back a connection that nobody can use any more, because a call failed. */
    void discard(Connection connection) {
        connection.close();
        permits.release();
    }

    /** Closes the connections that are not lent. */
    @Override
    public void close() {
        Resting next;
        while ((next = resting.pollFirst()) != null) {
            next.connection.close();
        }
    }

    private @Nullable Connection takeResting() {
        Resting next;
        while ((next = resting.pollFirst()) != null) {
            if (next.isUsable()) {
                return next.connection;
            }
            next.connection.close();
        }
        return null;
    }

    private record Resting(Connection connection, long since) {
        boolean isUsable() {
            return System.nanoTime() - since < TRUSTED_NANOS ? connection.isActive() : connection.isReusable();
        }
    }
}

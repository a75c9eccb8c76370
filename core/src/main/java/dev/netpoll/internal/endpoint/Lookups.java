// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.endpoint;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The name look-ups that a group's dials wait for. A resolver may hang for as long as it likes: a dial waits for it no
 * longer than for its time-out, and closing the group ends the wait. A look-up that nobody waits for any more does not
 * begin. Any thread.
 */
public final class Lookups {
    /** How many look-ups of the process run at once; further ones wait. */
    static final int LIMIT = 64;

    private static final LookupThreads THREADS = new LookupThreads(LIMIT);

    /** Knows the addresses of names. */
    @FunctionalInterface
    interface Resolver {
        InetAddress[] resolve(String host) throws UnknownHostException;
    }

    /** One look-up. */
    final class Lookup extends CompletableFuture<InetAddress[]> implements Runnable, AutoCloseable {
        private final String host;

        private Lookup(String host) {
            this.host = host;
        }

        @Override
        public void run() {
            if (isDone()) {
                return;
            }
            try {
                complete(resolver.resolve(host));
            } catch (Throwable t) {
                completeExceptionally(t);
            }
        }

        private void groupIsClosed() {
            completeExceptionally(new IllegalStateException("the event loop group is closed"));
        }

        /** Nobody waits for it any more. */
        @Override
        public void close() {
            underWay.remove(this);
            THREADS.withdraw(this);
        }
    }

    private final Resolver resolver;
    private final Set<Lookup> underWay = ConcurrentHashMap.newKeySet();

    private volatile boolean closed;

    /** Look-ups by the system. */
    public Lookups() {
        this(InetAddress::getAllByName);
    }

    Lookups(Resolver resolver) {
        this.resolver = resolver;
    }

    /**
     * Looks a name up, on another thread. {@return the look-up, which the caller closes; it completes with an {@link
     * IllegalStateException} if the group is closed}
     */
    Lookup begin(String host) {
        Lookup lookup = new Lookup(host);
        boolean begun = false;
        try {
            underWay.add(lookup);
            if (closed) { // after adding it: close() may not have seen it
                lookup.groupIsClosed();
            } else {
                THREADS.run(lookup);
            }
            begun = true;
            return lookup;
        } finally {
            if (!begun) {
                lookup.close();
            }
        }
    }

    /** {@return whether the group is closed} */
    boolean isClosed() {
        return closed;
    }

    /** The group is closed: ends all waits, now and later. */
    void close() {
        closed = true;
        underWay.forEach(Lookup::groupIsClosed);
    }
}

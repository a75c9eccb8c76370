// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.endpoint;

import dev.netpoll.internal.loop.Threads;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The name look-ups of a group's dials. A resolver may hang for as long as it likes: closing the group ends the waits
 * for it. Any thread.
 */
@SuppressWarnings("CollectionUndefinedEquality") // the very look-up is meant
public final class Lookups {
    /** Knows the addresses of names. */
    @FunctionalInterface
    interface Resolver {
        InetAddress[] resolve(String host) throws UnknownHostException;
    }

    private final Resolver resolver;
    private final Set<CompletableFuture<InetAddress[]>> underWay = ConcurrentHashMap.newKeySet();

    private volatile boolean closed;

    /** Look-ups by the system. */
    public Lookups() {
        this(InetAddress::getAllByName);
    }

    Lookups(Resolver resolver) {
        this.resolver = resolver;
    }

    /**
     * Looks a name up, on another thread. {@return its addresses; or an exception, an {@link IllegalStateException} if
     * the group is closed} {@link #forget} must follow, unless this throws.
     */
    CompletableFuture<InetAddress[]> begin(String host) {
        CompletableFuture<InetAddress[]> lookup = new CompletableFuture<>();
        underWay.add(lookup);
        if (closed) { // after adding it: close() may not have seen it
            end(lookup);
            return lookup;
        }
        boolean begun = false;
        try {
            Threads.startVirtual("netpoll-lookup", () -> {
                try {
                    lookup.complete(resolver.resolve(host));
                } catch (Throwable t) {
                    lookup.completeExceptionally(t);
                }
            });
            begun = true;
        } finally {
            if (!begun) {
                forget(lookup);
            }
        }
        return lookup;
    }

    /** Nobody waits for it any more. */
    void forget(CompletableFuture<InetAddress[]> lookup) {
        underWay.remove(lookup);
    }

    /** The group is closed: ends all waits, now and later. */
    void close() {
        closed = true;
        underWay.forEach(Lookups::end);
    }

    private static void end(CompletableFuture<InetAddress[]> lookup) {
        lookup.completeExceptionally(new IllegalStateException("the event loop group is closed"));
    }
}

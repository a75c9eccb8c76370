// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.base;

import java.util.concurrent.atomic.AtomicLong;

/** Lets something happen once in a while, for what peers could otherwise fill a log with. Any thread. */
public final class RateLimit {
    private final long nanos;
    private final AtomicLong lastAt;

    /** Lets one through in {@code nanos}, the first at once. */
    public RateLimit(long nanos) {
        this.nanos = nanos;
        lastAt = new AtomicLong(System.nanoTime() - nanos);
    }

    /** {@return whether it may happen now, which counts} */
    public boolean tryPass() {
        long last = lastAt.get();
        long now = System.nanoTime();
        return now - last >= nanos && lastAt.compareAndSet(last, now);
    }

    /** It did not happen after all: the next may at once. */
    public void reset() {
        lastAt.set(System.nanoTime() - nanos);
    }
}

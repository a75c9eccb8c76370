// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.base;

import java.util.concurrent.atomic.AtomicLong;

/** Limits how often something happens, such as log messages that peers can cause. Any thread. */
public final class RateLimit {
    private final long nanos;
    private final AtomicLong lastAt;

    /** Permits one per {@code nanos}, the first at once. */
    public RateLimit(long nanos) {
        this.nanos = nanos;
        lastAt = new AtomicLong(System.nanoTime() - nanos);
    }

    /** {@return whether it may happen now} If so, that counts as having happened. */
    public boolean tryPass() {
        long last = lastAt.get();
        long now = System.nanoTime();
        return now - last >= nanos && lastAt.compareAndSet(last, now);
    }

    /** It did not happen after all: permits the next one at once. */
    public void reset() {
        lastAt.set(System.nanoTime() - nanos);
    }
}

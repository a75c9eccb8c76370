// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import java.util.SplittableRandom;

/**
 * When the requests of an open loop are meant to be sent: a Poisson process, as independent callers are. It doesn't run
 * by itself, so requests that find no free connection need no queue: they are just taken later, with their own time.
 */
final class Arrivals {
    private final double gapNanos;
    private final SplittableRandom random;
    private double next;

    Arrivals(double ratePerSecond, long seed) {
        gapNanos = 1e9 / ratePerSecond;
        random = new SplittableRandom(seed);
    }

    void start(long now) {
        next = now;
        advance();
    }

    /** {@return when the next request is meant to be sent} */
    long next() {
        return (long) next;
    }

    /** Takes the next request. */
    void advance() {
        next -= Math.log(1 - random.nextDouble()) * gapNanos;
    }
}

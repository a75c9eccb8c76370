// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.startup;

import java.io.IOException;

/** What the measured servers have in common: the message, and how they tell when they accepted. */
final class Accepted {
    static final int MESSAGE_BYTES = 1024;

    private static volatile long firstNanos;

    private Accepted() {}

    /** To be called with each accepted connection; the first counts. */
    static void now() {
        if (firstNanos == 0) {
            firstNanos = System.nanoTime(); // of the system, so other processes can compare it
        }
    }

    /** Waits until the parent closes the input, tells it the time, and ends the process. */
    static void tell() throws IOException {
        while (System.in.read() >= 0) {} // nothing is ever sent
        System.out.println(firstNanos);
        System.exit(0);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

/** What is known of the threads that carry virtual threads. */
final class Carriers {
    private static final int COUNT = Math.max(
            1,
            Integer.getInteger(
                    "jdk.virtualThreadScheduler.parallelism",
                    Runtime.getRuntime().availableProcessors()));

    private Carriers() {}

    /** {@return how many virtual threads run at once; see the documentation of {@link Thread}} */
    static int count() {
        return COUNT;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import java.time.Duration;

/** Lengths of time that several tests use. */
final class Timing {
    /** A time-out that is to be hit, or a while in which nothing is to happen. */
    static final Duration SHORT = Duration.ofMillis(30);

    /** A time-out that is not to be hit. */
    static final Duration LONG = Duration.ofSeconds(30);

    private Timing() {}
}

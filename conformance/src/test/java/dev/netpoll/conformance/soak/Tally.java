// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.soak;

import java.util.concurrent.atomic.LongAdder;

/** What a soak has done so far. Any thread. */
final class Tally {
    /** Connects, whether they succeeded or not. */
    final LongAdder dials = new LongAdder();

    final LongAdder connections = new LongAdder();
    final LongAdder messages = new LongAdder();
    final LongAdder bytes = new LongAdder();
    final LongAdder resets = new LongAdder();
    final LongAdder halfCloses = new LongAdder();
    final LongAdder stalls = new LongAdder();
    final LongAdder pauses = new LongAdder();
    final LongAdder blocks = new LongAdder();
    final LongAdder detaches = new LongAdder();
    final LongAdder reliefs = new LongAdder();
    final LongAdder checks = new LongAdder();
    final LongAdder faults = new LongAdder();

    @Override
    public String toString() {
        return ("connections %,d, messages %,d, bytes %,d, resets %,d, half-closes %,d, stalls %,d, pauses %,d, "
                        + "blocks %,d, reliefs %,d, detaches %,d, leak checks %,d, faults %,d")
                .formatted(
                        connections.sum(),
                        messages.sum(),
                        bytes.sum(),
                        resets.sum(),
                        halfCloses.sum(),
                        stalls.sum(),
                        pauses.sum(),
                        blocks.sum(),
                        reliefs.sum(),
                        detaches.sum(),
                        checks.sum(),
                        faults.sum());
    }
}

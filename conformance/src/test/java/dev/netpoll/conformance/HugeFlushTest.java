// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/** More bytes than an int counts. */
@Variants(transports = Transport.UNIX, modes = Mode.VIRTUAL)
class HugeFlushTest extends ConformanceTest {
    private static final int PIECE = 32 << 20;
    private static final int PIECES = 66;

    @Test
    void aSingleFlushOfMoreThanTwoGigabytesIsCountedAndSentCompletely() throws Exception {
        Pair pair = net.pair();
        try (Arena arena = Arena.ofShared()) {
            MemorySegment piece = arena.allocate(PIECE);
            for (int i = 0; i < PIECES; i++) {
                pair.connection().writer().writeDirect(piece);
            }
            long total = (long) PIECE * PIECES;
            assertThat(total).isGreaterThan(Integer.MAX_VALUE);
            assertThat(pair.connection().writer().pendingBytes()).isEqualTo(total);
            Background<Void> flush = Background.run(() -> {
                pair.connection().writer().flush();
                pair.connection().shutdownOutput();
            });
            assertThat(pair.peer().drain()).isEqualTo(total);
            flush.result();
        }
    }
}

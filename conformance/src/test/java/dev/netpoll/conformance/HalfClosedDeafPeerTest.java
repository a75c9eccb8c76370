// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.ConnectionClosedException;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Harness.Pair;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** A peer that has finished sending and reads nothing: the idle time-out ends a flush, as without its end. */
class HalfClosedDeafPeerTest extends ConformanceTest {
    private static final int MUCH = 16 << 20;

    @Test
    void aFlushThatItDoesNotTakeIsIdle() throws Exception {
        Pair pair = net.pair();
        pair.connection().setIdleTimeout(Duration.ofMillis(200));
        pair.peer().finish();
        Background<Throwable> flush = Background.call(() -> catchThrowable(
                () -> pair.connection().writer().writeBytes(new byte[MUCH]).flush()));
        assertThat(flush.result()).isInstanceOf(ConnectionClosedException.class).hasMessageContaining("idle");
    }
}

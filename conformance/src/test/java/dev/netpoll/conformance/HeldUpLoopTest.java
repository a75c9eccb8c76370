// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import dev.netpoll.conformance.support.Harness;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** A loop that stands still for a while, as all do when the machine does. */
@Variants(transports = Transport.TCP4, modes = Mode.INLINE)
class HeldUpLoopTest extends ConformanceTest {
    private static final Duration IDLE = Duration.ofSeconds(1);

    @Test
    void whoCouldNotBeHeardMeanwhileIsNotClosedAsIdleAtOnce() throws Exception {
        AtomicLong until = new AtomicLong();
        try (EventLoopGroup one =
                EventLoopGroup.builder().backend(variant.backend()).loops(1).build()) {
            Harness lone = new Harness(variant, one, Path.of("/nonexistent")); // for TCP only
            try {
                Server.Builder builder = lone.server().idleTimeout(IDLE).onRequest(connection -> {
                    char request = (char) connection.reader().readByte();
                    while (request == 'h' && System.nanoTime() - until.get() < 0) {
                        LockSupport.parkNanos(until.get() - System.nanoTime());
                    }
                    connection.writer().writeByte(request).flush();
                });
                Listening server = lone.listen(builder);
                RawPeer quiet = lone.connectRaw(server.address());
                RawPeer holding = lone.connectRaw(server.address());
                quiet.send("x");
                assertThat(quiet.receiveText(1)).isEqualTo("x");
                until.set(System.nanoTime() + IDLE.toNanos() * 2);
                holding.send("h");
                assertThat(holding.receiveText(1)).isEqualTo("h");
                quiet.send("y");
                assertThat(quiet.receiveText(1))
                        .as("it had no chance to be heard")
                        .isEqualTo("y");
            } finally {
                lone.end();
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.Server;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Variants;
import java.io.InterruptedIOException;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.time.temporal.ChronoUnit;
import org.junit.jupiter.api.Test;

/** One behaviour on all backends, where each would have its own: see PORTABILITY.md. */
@Variants(modes = Mode.VIRTUAL)
class PortabilityTest extends ConformanceTest {
    @Test
    void aUserTimeoutForEverIsOne() throws Exception {
        ConnectionOptions forever = ConnectionOptions.builder()
                .userTimeout(ChronoUnit.FOREVER.getDuration())
                .keepAlive(ChronoUnit.FOREVER.getDuration())
                .build();
        Listening server = net.listen(net.server().options(forever).onRequest(Handlers.echo()));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("echo");
        assertThat(peer.receiveText(4)).isEqualTo("echo");
        net.dial(server.address(), forever).close();
    }

    @Test
    void anOptionThatNoConnectionHasIsRefusedWhenListeningBegins() throws Exception {
        ConnectionOptions noDelay = ConnectionOptions.builder()
                .socketOption(StandardSocketOptions.TCP_NODELAY, false)
                .build();
        Server.Builder builder = net.server().options(noDelay).onRequest(Handlers.echo());
        SocketAddress address = net.freshAddress();
        if (variant.isTcp()) {
            RawPeer peer = net.connectRaw(net.listen(builder).address());
            peer.send("echo");
            assertThat(peer.receiveText(4)).isEqualTo("echo");
            return;
        }
        try (Server server = builder.build()) {
            assertThatThrownBy(() -> server.listen(address))
                    .isInstanceOf(UnsupportedOperationException.class)
                    .hasMessageContaining("TCP_NODELAY");
            assertThat(server.addresses()).isEmpty();
        }
        net.listen(net.server().onRequest(Handlers.echo())); // the group goes on
    }

    @Test
    void aBufferSizeThatMakesNoSenseIsRefusedWhenListeningBegins() throws Exception {
        ConnectionOptions negative = ConnectionOptions.builder()
                .socketOption(StandardSocketOptions.SO_RCVBUF, -1)
                .build();
        SocketAddress address = net.freshAddress();
        try (Server server =
                net.server().options(negative).onRequest(Handlers.echo()).build()) {
            assertThatThrownBy(() -> server.listen(address)).isInstanceOf(IllegalArgumentException.class);
            assertThat(server.addresses()).isEmpty();
        }
    }

    @Test
    void dialingWithAnInterruptIsAlwaysInterruptedAndLeavesNoConnection() throws Exception {
        Listening server = net.serve(Handlers.echo());
        for (int i = 0; i < 20; i++) {
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> net.dial(server.address())).isInstanceOf(InterruptedIOException.class);
            assertThat(Thread.interrupted()).as("the status is kept").isTrue();
        }
        try (Connection connection = net.dial(server.address())) {
            assertThat(connection.isActive()).isTrue();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.OwnNet;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.net.StandardSocketOptions;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** A detach waits for output that the peer does not take, and bytes arrive: no run is due before it has ended. */
@Variants(transports = Transport.TCP4)
class DetachHeldUpTest extends ConformanceTest {
    private static final int SIZE = 1_000_000;

    @Test
    void theLoopServesOthersAndTheRunComesLater() throws Exception {
        try (OwnNet own = new OwnNet(variant, 1, false)) {
            AtomicReference<Connection> stuck = new AtomicReference<>();
            Listening server = own.net()
                    .listen(own.net()
                            .server()
                            .options(ConnectionOptions.builder()
                                    .outboundHighMark(4 * SIZE)
                                    .socketOption(StandardSocketOptions.SO_SNDBUF, 8192)
                                    .build())
                            .onRequest(connection -> {
                                long there = connection.reader().readableBytes();
                                connection.reader().skip(there);
                                if (stuck.compareAndSet(null, connection)) {
                                    connection.writer().writeBytes(new byte[SIZE]);
                                } else {
                                    connection.writer().writeBytes(new byte[(int) there]);
                                }
                            }));
            Listening echo = own.net().serve(Handlers.echo());
            RawPeer other = own.net().connectRaw(echo.address());
            RawPeer peer = own.net().connectRaw(server.address());
            peer.send("big");
            Await.until("the handler ran", () -> stuck.get() != null);
            Background<Throwable> detaching = Background.call(() -> detach(stuck.get()));
            Await.until(
                    "it waits, and has the connection for itself",
                    () -> catchThrowable(() -> stuck.get().reader().readableBytes()) instanceof IllegalStateException);
            for (int i = 0; i < 50; i++) {
                peer.send("?");
                assertThat(other.send("other").receiveText(5)).isEqualTo("other");
            }
            peer.receive(SIZE);
            Throwable refused = detaching.result();
            if (refused == null) { // else bytes that came had it answered
                peer.awaitEnd();
            } else {
                assertThat(refused).isInstanceOf(IllegalStateException.class);
                peer.receive(50);
            }
        }
    }

    /** {@return why it failed, or null} Not because the handler is still about to return. */
    private static Throwable detach(Connection connection) {
        Throwable failure;
        do {
            failure = catchThrowable(() -> connection.detach().close());
        } while (failure != null && failure.getMessage().contains("another thread"));
        return failure;
    }
}

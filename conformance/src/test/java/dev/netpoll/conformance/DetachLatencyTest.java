// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.DetachedSocket;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.OwnNet;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.internal.connection.Paces;
import dev.netpoll.testkit.Await;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Detaching in a handler that runs on its loop takes no longer than the work, and holds nobody up meanwhile. */
@Variants(transports = Transport.TCP4, modes = Mode.ADAPTIVE)
class DetachLatencyTest extends ConformanceTest {
    private static final int ROUNDS = 60;
    private static final Duration MUCH = Duration.ofNanos(700_000);

    /**
     * Where it runs on the loop is told by the dispatch: each round has a server of its own, whose handlers have just
     * proved short.
     */
    private long[] durations(OwnNet own, ConnectionHandler action, AtomicLong took) throws Exception {
        long[] all = new long[ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            took.set(0);
            Listening server = own.net()
                    .listen(own.net().server().onConnect(Paces::proveShort).onRequest(connection -> {
                        Handlers.discard().handle(connection);
                        long begin = System.nanoTime();
                        action.handle(connection);
                        took.set(System.nanoTime() - begin);
                    }));
            try (RawPeer peer = own.net().connectRaw(server.address())) {
                peer.send("?");
                Await.until("the handler ran", () -> took.get() > 0);
            }
            all[i] = took.get();
            server.server().close();
        }
        Arrays.sort(all);
        return all;
    }

    @Test
    void detachingInAHandlerDoesNotWaitForARelief() throws Exception {
        try (OwnNet own = new OwnNet(variant, 1, false)) {
            long[] durations = durations(
                    own,
                    connection -> {
                        DetachedSocket socket = connection.detach();
                        Background.run(() -> own.group()
                                .adopt(socket, ConnectionOptions.defaults())
                                .close());
                    },
                    new AtomicLong());
            Await.until("all have ended", () -> own.group().connectionCount() == 0);
            assertThat(Duration.ofNanos(durations[ROUNDS / 2]))
                    .as("the median of %s", Arrays.toString(durations))
                    .isLessThan(MUCH);
        }
    }

    /** The loop's other connection is asked while the handler detaches. */
    @Test
    void detachingInAHandlerHoldsUpNobodyElse() throws Exception {
        try (OwnNet own = new OwnNet(variant, 1, false)) {
            Listening echo = own.net().serve(Handlers.echo());
            RawPeer other = own.net().connectRaw(echo.address());
            other.channel().configureBlocking(true);
            long calm = median(own, other, Connection::close);
            long detaching = median(own, other, connection -> {
                DetachedSocket socket = connection.detach();
                Background.run(() ->
                        own.group().adopt(socket, ConnectionOptions.defaults()).close());
            });
            assertThat(Duration.ofNanos(detaching))
                    .as("another connection's answer while a handler detaches; while it closes: %d ns", calm)
                    .isLessThan(Duration.ofNanos(2 * calm).plus(MUCH));
        }
    }

    private long median(OwnNet own, RawPeer other, ConnectionHandler action) throws Exception {
        long[] all = new long[ROUNDS];
        ByteBuffer ping = ByteBuffer.allocateDirect(1);
        for (int i = 0; i < ROUNDS; i++) {
            Listening server = own.net()
                    .listen(own.net().server().onConnect(Paces::proveShort).onRequest(connection -> {
                        Handlers.discard().handle(connection);
                        action.handle(connection);
                    }));
            try (RawPeer peer = own.net().connectRaw(server.address())) {
                Await.until("it is connected", () -> server.server().connectionCount() == 1);
                other.channel().write(ping.clear());
                other.channel().read(ping.clear()); // the loop is awake
                peer.trySend(new byte[] {1});
                long begin = System.nanoTime();
                other.channel().write(ping.clear());
                other.channel().read(ping.clear());
                all[i] = System.nanoTime() - begin;
                server.awaitNoConnections();
            }
            server.server().close();
        }
        Arrays.sort(all);
        return all[ROUNDS / 2];
    }
}

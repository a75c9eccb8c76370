// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.ConnectionClosedException;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A server is shut down while handlers block. */
@Variants(modes = {Mode.ADAPTIVE, Mode.VIRTUAL})
class ShutdownOfRunningHandlersTest extends ConformanceTest {
    private final CountDownLatch go = new CountDownLatch(1);
    private final AtomicInteger running = new AtomicInteger();
    private final List<RawPeer> peers = new ArrayList<>();

    private Listening busy(int count) throws Exception {
        Listening server = net.serve(connection -> {
            Handlers.discard().handle(connection);
            running.incrementAndGet();
            go.await();
            connection.writer().writeUtf8("done").flush();
        });
        for (int i = 0; i < count; i++) {
            RawPeer peer = net.connectRaw(server.address());
            peer.send("work");
            peers.add(peer);
        }
        Await.until("all handlers run", () -> running.get() == count);
        return server;
    }

    @AfterEach
    void letGo() {
        go.countDown();
    }

    @Test
    void runningHandlersMayFinish() throws Exception {
        Listening server = busy(10);
        Background<Boolean> shutdown = Background.call(() -> server.server().shutdown(Timing.LONG));
        Await.stays("the shutdown waits", Timing.SHORT, () -> !shutdown.isDone());
        go.countDown();
        assertThat(shutdown.result()).isTrue();
        for (RawPeer peer : peers) {
            assertThat(peer.receiveText(4)).isEqualTo("done");
            assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
        }
    }

    @Test
    void handlersThatDoNotFinishAreCutOffAtTheDeadline() throws Exception {
        Listening server = busy(10);
        Background<Boolean> shutdown = Background.call(() -> server.server().shutdown(Timing.SHORT));
        for (RawPeer peer : peers) {
            peer.awaitEnd();
        }
        go.countDown();
        assertThat(shutdown.result()).isFalse();
        server.awaitNoConnections();
        assertThat(server.server().shutdown(Timing.LONG)).isFalse();
    }

    @Test
    void aHandlerThatWaitsForItsPeerIsToldThatItsServerShutDown() throws Exception {
        CompletableFuture<Throwable> told = new CompletableFuture<>();
        CountDownLatch begun = new CountDownLatch(1);
        Listening server = net.serve(connection -> {
            begun.countDown();
            try {
                connection.reader().readLong();
            } catch (IOException e) {
                told.complete(e);
            }
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("part");
        assertThat(begun.await(Await.DEADLINE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        Background<Boolean> shutdown = Background.call(() -> server.server().shutdown(Timing.SHORT));
        assertThat(told.get(Await.DEADLINE.toSeconds(), TimeUnit.SECONDS))
                .isInstanceOf(ConnectionClosedException.class)
                .hasMessageContaining("its server shut down");
        assertThat(shutdown.result()).isFalse();
    }

    @Test
    void idleConnectionsBesideABusyOneAreClosedAtOnce() throws Exception {
        Listening server = busy(1);
        RawPeer idle = net.connectRaw(server.address());
        Await.until("it is accepted", () -> server.server().connectionCount() == 2);
        Background<Boolean> shutdown = Background.call(() -> server.server().shutdown(Timing.LONG));
        assertThat(idle.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
        assertThat(shutdown.isDone()).isFalse();
        go.countDown();
        assertThat(shutdown.result()).isTrue();
    }

    @Test
    void closingTheServerCutsConnectionsOffWhoseHandlersAreStuck() throws Exception {
        Listening server = busy(3);
        Background<Void> close = Background.run(server.server()::close);
        for (RawPeer peer : peers) {
            peer.awaitEnd();
        }
        go.countDown();
        close.result();
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.Backend;
import dev.netpoll.ConnectFailedException;
import dev.netpoll.Connection;
import dev.netpoll.ConnectionClosedException;
import dev.netpoll.Dialer;
import dev.netpoll.Dispatch;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawListener;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Rounds;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.memory.BudgetStats;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Test;

/** The life of event loops, and executors in place of them. */
@Variants(transports = Transport.TCP4, modes = Mode.VIRTUAL)
class EventLoopGroupTest extends ConformanceTest {
    private static final int ROUNDS = Rounds.of(60);

    private EventLoopGroup group(int loops) {
        return EventLoopGroup.builder().backend(variant.backend()).loops(loops).build();
    }

    @Test
    void aGroupThatIsNotUsedHasNoThreads() {
        int before = LeakCheck.loopThreads().size();
        try (EventLoopGroup group = group(3)) {
            assertThat(LeakCheck.loopThreads()).hasSize(before);
            assertThat(group.loops()).isEqualTo(3);
            assertThat(group.connectionCount()).isZero();
            assertThat(group.backend()).isEqualTo(variant.backend());
        }
    }

    @Test
    void listeningBesideTheCloseFailsAsDocumented() throws Exception {
        for (int i = 0; i < ROUNDS; i++) {
            EventLoopGroup group = group(1);
            try (Server server =
                    Server.builder().group(group).onRequest(Handlers.echo()).build()) {
                Background<Throwable> listening = Background.call(() -> catchThrowable(() -> {
                    while (true) {
                        server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
                    }
                }));
                Await.until("it listens", () -> !server.addresses().isEmpty());
                group.close();
                assertThat(listening.result()).isInstanceOf(IllegalStateException.class);
            }
        }
    }

    @Test
    void aGroupHasABudgetOfMemory() {
        long quarter = Math.clamp(Runtime.getRuntime().maxMemory() / 4, 32L << 20, 256L << 20);
        try (EventLoopGroup group = group(1)) {
            assertThat(group.budgetStats()).isEqualTo(new BudgetStats(quarter, 0, 0, 0));
        }
        EventLoopGroup.Builder builder = EventLoopGroup.builder().backend(variant.backend());
        try (EventLoopGroup group = builder.memoryBudget(64L << 20).build()) {
            assertThat(group.budgetStats().limitBytes()).isEqualTo(64L << 20);
        }
        assertThatThrownBy(() -> builder.memoryBudget(1000)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aGroupThatIsUsedHasNamedThreadsUntilItIsClosed() throws Exception {
        int before = LeakCheck.loopThreads().size();
        try (EventLoopGroup group = group(2);
                Server server = Server.builder().group(group).build()) {
            server.listen(net.freshAddress());
            // The accepting thread, the supervisor, and two loops if they are not on virtual threads.
            assertThat(LeakCheck.loopThreads()).hasSize(before + (variant.backend() == Backend.EPOLL ? 2 : 4));
        }
        Await.until("the threads end", () -> LeakCheck.loopThreads().size() == before);
    }

    @Test
    void serversStopListeningWhenTheirGroupIsClosed() throws Exception {
        int before = LeakCheck.loopThreads().size();
        EventLoopGroup group = group(1);
        Server server = Server.builder().group(group).onRequest(Handlers.echo()).build();
        SocketAddress address = server.listen(net.freshAddress());
        RawPeer peer = net.connectRaw(address).send("x");
        assertThat(peer.receiveText(1)).isEqualTo("x");
        group.close();
        peer.awaitEnd();
        assertThatThrownBy(() -> net.connectRaw(address)).isInstanceOf(IOException.class);
        Await.until("the threads end", () -> LeakCheck.loopThreads().size() == before);
        assertThatThrownBy(() -> server.listen(net.freshAddress()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        assertThat(server.shutdown(Duration.ofSeconds(5))).isTrue();
        assertThat(server.connectionCount()).isZero();
    }

    @Test
    void closingAGroupClosesWhatIsLeftAndMayBeRepeated() throws Exception {
        EventLoopGroup group = group(1);
        Listening listening = net.serve(Handlers.echo());
        Connection connection = Dialer.builder().group(group).build().dial(listening.address());
        Background<Byte> read =
                Background.call(() -> connection.reader().readByte()).awaitBlocked();
        group.close();
        group.close();
        assertThat(read.failure()).isInstanceOf(ConnectionClosedException.class);
        assertThat(group.connectionCount()).isZero();
        connection.close();
    }

    /** The listener's queue is full, so that no dial succeeds. */
    @Test
    void aDialEndsThoughItsGroupIsClosedJustThen() throws Exception {
        RawListener listener = net.listenRaw(1, 0);
        for (int i = 0; i < 2; i++) {
            net.connectRaw(listener.address());
        }
        for (int round = 0; round < ROUNDS; round++) {
            EventLoopGroup group = group(1);
            Dialer dialer = Dialer.builder().group(group).build();
            List<Background<Connection>> dials = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                dials.add(Background.call(() -> dialer.dial(listener.address(), Connection.NO_TIMEOUT)));
            }
            long moment = System.nanoTime() + ThreadLocalRandom.current().nextInt(3_000_000);
            while (System.nanoTime() < moment) {
                Thread.onSpinWait();
            }
            group.close();
            for (Background<Connection> dial : dials) {
                assertThat(dial.failure()).isInstanceOfAny(ConnectFailedException.class, IllegalStateException.class);
            }
        }
    }

    @Test
    void theSharedGroupCannotBeClosed() {
        assertThatThrownBy(() -> EventLoopGroup.shared().close()).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void theAutomaticBackendIsARealOne() {
        try (EventLoopGroup group = EventLoopGroup.builder().build()) {
            assertThat(group.backend()).isNotEqualTo(Backend.AUTO);
            assertThat(group.loops()).isPositive();
        }
    }

    /** That the variant runs says that its backend can be had. */
    @Test
    void theAutomaticBackendIsIoUringOnlyOnPlatformThreads() {
        try (EventLoopGroup usual = EventLoopGroup.builder().build();
                EventLoopGroup platform =
                        EventLoopGroup.builder().platformThreads(true).build()) {
            assertThat(usual.backend()).isNotEqualTo(Backend.IO_URING);
            if (variant.backend() == Backend.IO_URING) {
                assertThat(platform.backend()).isEqualTo(Backend.IO_URING);
            } else if (variant.backend() == Backend.EPOLL) {
                assertThat(usual.backend()).isEqualTo(Backend.EPOLL);
                assertThat(platform.backend()).isNotEqualTo(Backend.NIO);
            }
        }
    }

    @Test
    void serversAndDialersMayShareAGroupOfOneLoop() throws Exception {
        try (EventLoopGroup group = group(1);
                Server server =
                        Server.builder().group(group).onRequest(Handlers.echo()).build()) {
            SocketAddress address = server.listen(net.freshAddress());
            try (Connection connection = Dialer.builder().group(group).build().dial(address)) {
                connection.writer().writeUtf8("same loop").flush();
                assertThat(connection.reader().readUtf8(9)).isEqualTo("same loop");
                assertThat(group.connectionCount()).isEqualTo(2);
            }
        }
    }

    @Test
    void connectionsAreSpreadOverTheLoops() throws Exception {
        ConcurrentLinkedQueue<Thread> threads = new ConcurrentLinkedQueue<>();
        Listening server = net.listen(
                net.server().dispatch(Dispatch.inline()).onConnect(connection -> threads.add(Thread.currentThread())));
        for (int i = 0; i < 20; i++) {
            net.connectRaw(server.address());
        }
        Await.until("all are accepted", () -> threads.size() == 20);
        long first = threads.stream().filter(threads.peek()::equals).count();
        assertThat(first).isBetween(5L, 15L);
    }

    @Test
    void shutdownReturnsThoughAHandlerIsStuckForEver() throws Exception {
        CountDownLatch stuck = new CountDownLatch(1);
        CountDownLatch running = new CountDownLatch(1);
        Listening server = net.serve(connection -> {
            running.countDown();
            stuck.await();
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("x");
        running.await();
        assertThat(server.server().shutdown(Timing.SHORT)).isFalse();
        peer.awaitEnd();
        stuck.countDown();
    }

    @Test
    void anExecutorRunsTheCallbacks() throws Exception {
        try (ExecutorService executor =
                Executors.newFixedThreadPool(2, Thread.ofPlatform().name("mine").factory())) {
            ConcurrentLinkedQueue<String> names = new ConcurrentLinkedQueue<>();
            Listening server = net.listen(net.server()
                    .dispatch(Dispatch.executor(executor))
                    .onConnect(connection -> names.add(Thread.currentThread().getName()))
                    .onRequest(connection -> {
                        names.add(Thread.currentThread().getName());
                        connection
                                .writer()
                                .writeUtf8(connection.reader().readUtf8(4))
                                .flush();
                    }));
            RawPeer peer = net.connectRaw(server.address());
            peer.send("bl");
            peer.send("ock");
            assertThat(peer.receiveText(4)).isEqualTo("bloc");
            assertThat(names).hasSizeGreaterThanOrEqualTo(2).containsOnly("mine");
            server.server().close();
        }
    }
}

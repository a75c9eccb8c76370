// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionException;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.DetachedSocket;
import dev.netpoll.Dialer;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.OwnNet;
import dev.netpoll.conformance.support.RawListener;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Rounds;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Detaching races with whatever ends a connection: either it throws, or the socket comes with exactly the bytes that
 * were not read. No memory stays out, and none is freed twice.
 */
@Variants(transports = Transport.TCP4, modes = Mode.VIRTUAL)
class DetachRaceTest extends ConformanceTest {
    private static final int ROUNDS = Rounds.of(600);
    private static final int LENGTH = 3000;
    private static final int SPIN_MAX = 1500;
    private static final ConnectionOptions OPTIONS =
            ConnectionOptions.builder().readTimeout(Duration.ofSeconds(3)).build();
    private static final byte[] BYTES = Bytes.pattern(LENGTH);

    /** What happens to the connection at the same time. */
    private interface Rival {
        void act(Connection connection, RawPeer peer) throws Exception;
    }

    /** A round that one thread prepares, and both play. */
    private record Round(Connection connection, RawPeer peer) {}

    private final AtomicInteger detached = new AtomicInteger();
    private final AtomicInteger refused = new AtomicInteger();
    private final AtomicInteger wrong = new AtomicInteger();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private final Queue<DetachedSocket> spoils = new ConcurrentLinkedQueue<>();
    private boolean resets;
    private final AtomicInteger arrivals = new AtomicInteger();

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void againstAbort(boolean platformThreads) throws Exception {
        race(platformThreads, (connection, peer) -> connection.abort());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void againstClose(boolean platformThreads) throws Exception {
        race(platformThreads, (connection, peer) -> connection.close());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void againstAReset(boolean platformThreads) throws Exception {
        resets = true;
        race(platformThreads, (connection, peer) -> peer.reset());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void againstAnotherDetach(boolean platformThreads) throws Exception {
        race(platformThreads, (connection, peer) -> {
            DetachedSocket socket = detach(connection);
            if (socket != null) {
                spoils.add(socket);
            }
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void againstTheEndOfTheStream(boolean platformThreads) throws Exception {
        race(platformThreads, (connection, peer) -> peer.finish());
    }

    private void race(boolean platformThreads, Rival rival) throws Exception {
        long blocks = LeakCheck.outstandingBlocks();
        try (OwnNet own = new OwnNet(variant, 1, platformThreads)) {
            AtomicReference<@Nullable Round> next = new AtomicReference<>();
            CyclicBarrier barrier = new CyclicBarrier(2);
            Background<Void> other = Background.runOnPlatformThread(() -> play(barrier, next, rival));
            try (RawListener listener = own.net().listenRaw()) {
                Dialer dialer = own.net().dialer().options(OPTIONS).build();
                for (int i = 0; i < ROUNDS && failure.get() == null && wrong.get() < 3; i++) {
                    Connection connection = dialer.dial(listener.address());
                    try (RawPeer peer = listener.accept()) {
                        peer.send(BYTES);
                        int read = i & 1;
                        if (read > 0) {
                            connection.reader().skip(read);
                            Await.until("all came", () -> connection.reader().readableBytes() == LENGTH - read);
                        } else {
                            spin(); // nobody has looked at it, wherever it is
                        }
                        next.set(new Round(connection, peer));
                        barrier.await(Await.DEADLINE.toSeconds(), TimeUnit.SECONDS);
                        startTogether();
                        spin();
                        detachAndAdopt(own, connection, read);
                        barrier.await(Await.DEADLINE.toSeconds(), TimeUnit.SECONDS);
                        for (DetachedSocket socket = spoils.poll(); socket != null; socket = spoils.poll()) {
                            check(own, socket, read);
                        }
                    }
                    connection.close();
                }
            } finally {
                next.set(null);
                barrier.await(Await.DEADLINE.toSeconds(), TimeUnit.SECONDS);
            }
            other.result();
            Await.until("all have ended", () -> own.group().connectionCount() == 0);
            own.net().takeErrors();
        }
        assertThat(failure.get()).isNull();
        assertThat(wrong)
                .as("sockets of %s without their bytes; %s were refused", detached, refused)
                .hasValue(0);
        boolean back = Await.within(Await.DEADLINE, () -> {
            System.gc();
            return LeakCheck.outstandingBlocks() <= blocks;
        });
        assertThat(back)
                .as("memory is back: blocks %d -> %d", blocks, LeakCheck.outstandingBlocks())
                .isTrue();
    }

    private void play(CyclicBarrier barrier, AtomicReference<@Nullable Round> next, Rival rival) throws Exception {
        while (true) {
            barrier.await(2 * Await.DEADLINE.toSeconds(), TimeUnit.SECONDS);
            Round round = next.get();
            if (round == null) {
                return;
            }
            startTogether();
            spin();
            try {
                rival.act(round.connection, round.peer);
            } catch (IOException | IllegalStateException lost) {
                // The other one was first.
            } catch (Throwable unexpected) {
                failure.compareAndSet(null, unexpected);
            }
            barrier.await(2 * Await.DEADLINE.toSeconds(), TimeUnit.SECONDS);
        }
    }

    /** A barrier lets one of two go some dozens of microseconds earlier. */
    private void startTogether() {
        int mine = arrivals.incrementAndGet();
        int both = mine + (mine & 1);
        while (arrivals.get() < both) {
            Thread.onSpinWait();
        }
    }

    private void spin() {
        for (int i = ThreadLocalRandom.current().nextInt(SPIN_MAX); i > 0; i--) {
            Thread.onSpinWait();
        }
    }

    private void detachAndAdopt(OwnNet own, Connection connection, int read) {
        try {
            DetachedSocket socket = detach(connection);
            if (socket != null) {
                check(own, socket, read);
            }
        } catch (Throwable unexpected) {
            failure.compareAndSet(null, unexpected);
        }
    }

    /** {@return the socket, or null if it was refused} */
    private @Nullable DetachedSocket detach(Connection connection) throws IOException {
        try {
            DetachedSocket socket = connection.detach();
            detached.incrementAndGet();
            return socket;
        } catch (ConnectionException | IllegalStateException refusal) {
            refused.incrementAndGet();
            return null;
        }
    }

    /** The socket lives and has its bytes, or those that had come before a reset. */
    private void check(OwnNet own, DetachedSocket socket, int read) throws IOException {
        byte[] unread = socket.unread().toByteArray();
        boolean right = startsWith(unread, read) && (!resets || read == 0 || unread.length == LENGTH - read);
        try {
            Connection again = own.group().adopt(socket, OPTIONS);
            try (again) {
                if (right && !resets) {
                    right = startsWith(again.reader().readBytes(LENGTH - read), read);
                }
            } catch (IOException lost) {
                right = false;
            }
        } catch (IOException refusal) {
            socket.close();
            right = right && resets;
        }
        if (!right) {
            wrong.incrementAndGet();
        }
    }

    private static boolean startsWith(byte[] bytes, int read) {
        return Arrays.equals(bytes, 0, bytes.length, BYTES, read, read + bytes.length);
    }

    /** In a handler, on its loop or on a thread, while others end the connection. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void inAHandler(boolean platformThreads) throws Exception {
        long blocks = LeakCheck.outstandingBlocks();
        AtomicInteger ended = new AtomicInteger();
        try (OwnNet own = new OwnNet(variant, 1, platformThreads)) {
            for (dev.netpoll.Dispatch dispatch : new dev.netpoll.Dispatch[] {
                dev.netpoll.Dispatch.adaptive(), dev.netpoll.Dispatch.inline(), dev.netpoll.Dispatch.virtual()
            }) {
                AtomicReference<@Nullable Connection> running = new AtomicReference<>();
                Listening server = own.net()
                        .listen(own.net()
                                .server()
                                .dispatch(dispatch)
                                .onConnect(connection -> connection.addCloseCallback(c -> ended.incrementAndGet()))
                                .onRequest(connection -> {
                                    if (connection.reader().readableBytes() < LENGTH) {
                                        connection.demand(LENGTH);
                                        return;
                                    }
                                    connection.reader().skip(1);
                                    running.set(connection);
                                    spin();
                                    detachAndAdopt(own, connection, 1);
                                }));
                int before = ended.get();
                for (int i = 0; i < ROUNDS / 3 && failure.get() == null && wrong.get() < 3; i++) {
                    try (RawPeer peer = own.net().connectRaw(server.address())) {
                        peer.send(BYTES);
                        Await.until("the handler runs", () -> running.get() != null);
                        Connection connection = running.getAndSet(null);
                        if (i % 2 == 0) {
                            connection.abort();
                        } else {
                            connection.close();
                        }
                        int expected = before + i + 1;
                        Await.until("the close callback ran", () -> ended.get() >= expected);
                    }
                }
                server.awaitNoConnections();
                assertThat(server.server().shutdown(Timing.LONG)).isTrue();
            }
            Await.until("all have ended", () -> own.group().connectionCount() == 0);
            own.net().takeErrors().forEach(error -> assertThat(error).isInstanceOf(IOException.class));
        }
        assertThat(failure.get()).isNull();
        assertThat(wrong)
                .as("sockets of %s without their bytes; %s were refused", detached, refused)
                .hasValue(0);
        Await.until("memory is back", () -> LeakCheck.outstandingBlocks() <= blocks);
    }
}

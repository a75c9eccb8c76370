// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.Dialer;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Test;

/** Handlers that proved short, so that the event loop runs them, and then hold it up: other connections don't wait. */
@Variants(transports = Transport.TCP4, modes = Mode.ADAPTIVE)
class RescueTest extends OneLoopTest {
    private static final int CARRIERS = Runtime.getRuntime().availableProcessors();

    /** A handler on the loop is held up until {@code release} is called, and another connection is served. */
    private void holdUp(ConnectionHandler late, Background.Action release) throws Exception {
        AtomicInteger entered = new AtomicInteger();
        Listening server = serveRescued(connection -> {
            entered.incrementAndGet();
            late.handle(connection);
        });
        RawPeer other = warmPeer(server);
        RawPeer held = warmPeer(server);
        held.send(String.valueOf(RESCUED));
        try {
            echoInTime(other, () -> entered.get() == 1);
            assertSilent(held);
        } finally {
            release.run();
        }
        assertThat(held.receiveText(1)).as("the late answer").isEqualTo(DONE);
        ask(held, ECHO);
        ask(other, ECHO);
        warmUp(other); // they may prove short again
    }

    @Test
    void aHandlerMayWaitForALock() throws Exception {
        ReentrantLock lock = new ReentrantLock();
        AtomicInteger entries = new AtomicInteger();
        CountDownLatch locked = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        Background<Void> holder = Background.run(() -> {
            lock.lock();
            try {
                locked.countDown();
                go.await();
            } finally {
                lock.unlock();
            }
        });
        locked.await();
        holdUp(
                connection -> {
                    lock.lock();
                    try {
                        entries.incrementAndGet();
                    } finally {
                        lock.unlock();
                    }
                },
                go::countDown);
        holder.result();
    }

    @Test
    void aHandlerMayWaitForAMonitor() throws Exception {
        Object monitor = new Object();
        CountDownLatch locked = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        AtomicInteger count = new AtomicInteger();
        Background<Void> holder = Background.runOnPlatformThread(() -> {
            synchronized (monitor) {
                locked.countDown();
                go.await();
            }
        });
        locked.await();
        holdUp(
                connection -> {
                    synchronized (monitor) {
                        count.incrementAndGet();
                    }
                },
                go::countDown);
        holder.result();
        assertThat(count).as("entries into the monitor").hasValue(1);
    }

    @Test
    void aHandlerMayLetTimePass() throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        holdUp(
                connection -> assertThat(never.await(3 * HOLD.toMillis(), TimeUnit.MILLISECONDS))
                        .isFalse(),
                () -> {});
    }

    /** As drivers of databases do. */
    @Test
    void aHandlerMayReadFromASocketOfTheJdk() throws Exception {
        try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Socket client = new Socket(listener.getInetAddress(), listener.getLocalPort());
                Socket database = listener.accept()) {
            holdUp(
                    connection -> assertThat(client.getInputStream().read())
                            .as("the row")
                            .isEqualTo(42),
                    () -> database.getOutputStream().write(42));
        }
    }

    @Test
    void aHandlerMayCompute() throws Exception {
        AtomicBoolean enough = new AtomicBoolean();
        holdUp(connection -> burnUntil(enough), () -> enough.set(true));
    }

    private static void burnUntil(AtomicBoolean enough) {
        while (!enough.get()) {
            Thread.onSpinWait();
        }
    }

    /** A handler holds the loop, and all carriers compute besides: the loop goes on on a platform thread. */
    @Test
    void aHandlerMayComputeWhileAllCarriersDo() throws Exception {
        AtomicBoolean enough = new AtomicBoolean();
        List<Background<Void>> burners = new ArrayList<>();
        holdUp(
                connection -> {
                    for (int i = 0; i < CARRIERS; i++) {
                        burners.add(Background.run(() -> burnUntil(enough)));
                    }
                    burnUntil(enough);
                },
                () -> enough.set(true));
        burners.forEach(Background::result);
    }

    @Test
    void asManyHandlersAsThereAreCarriersMayComputeAtOnce() throws Exception {
        AtomicBoolean enough = new AtomicBoolean();
        AtomicInteger burning = new AtomicInteger();
        Listening server = serveRescued(connection -> {
            burning.incrementAndGet();
            burnUntil(enough);
        });
        RawPeer other = warmPeer(server);
        List<RawPeer> held = new ArrayList<>();
        for (int i = 0; i < CARRIERS; i++) {
            held.add(lone.connectRaw(server.address()).send(String.valueOf(RESCUED)));
        }
        try {
            echoInTime(other, () -> burning.get() == CARRIERS);
        } finally {
            enough.set(true);
        }
        for (RawPeer peer : held) {
            assertThat(peer.receiveText(1)).as("the late answer").isEqualTo(DONE);
        }
        warmUp(other);
    }

    /** Nobody's handler: other virtual threads of the process compute, and the loop's own gets no carrier. */
    @Test
    void virtualThreadsThatComputeDoNotHoldUpTheLoop() throws Exception {
        AtomicBoolean enough = new AtomicBoolean();
        AtomicInteger burning = new AtomicInteger();
        Listening server = serveRescued(connection -> {});
        RawPeer other = warmPeer(server);
        List<Background<Void>> burners = new ArrayList<>();
        for (int i = 0; i < 2 * CARRIERS; i++) {
            burners.add(Background.run(() -> {
                burning.incrementAndGet();
                burnUntil(enough);
            }));
        }
        try {
            echoInTime(other, () -> burning.get() >= CARRIERS);
        } finally {
            enough.set(true);
        }
        burners.forEach(Background::result);
        Await.until(
                "no stand-in drives the loop any more", () -> !ask(other, ECHO).equals(ON_STAND_IN));
    }

    @Test
    void aHandlerMayCallAnotherServerThroughItsOwnLoop() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        Listening backend = net.serve(connection -> {
            String text = Handlers.takeText(connection);
            Background.run(() -> {
                go.await();
                connection.asByteChannel().write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
            });
        });
        Dialer dialer = lone.dialer().build();
        holdUp(
                connection -> {
                    try (Connection client = dialer.dial(backend.address())) {
                        client.writer().writeUtf8("hello").flush();
                        assertThat(client.reader().readUtf8(5)).isEqualTo("hello");
                    }
                },
                go::countDown);
    }

    /** On one loop: the caller, the called, and the connection between them. */
    @Test
    void aHandlerMayCallItsOwnServer() throws Exception {
        List<Listening> self = new ArrayList<>();
        Dialer dialer = lone.dialer().build();
        Listening server = serveRescued(connection -> {
            try (Connection client = dialer.dial(self.getFirst().address())) {
                client.writer().writeUtf8(String.valueOf(ECHO)).flush();
                client.reader().readUtf8(1);
            }
        });
        self.add(server);
        for (int i = 0; i < 2; i++) {
            RawPeer peer = warmPeer(server);
            assertThat(ask(peer, RESCUED)).isEqualTo(DONE);
        }
    }

    @Test
    void handlersMayBeShortAndBlockInTurn() throws Exception {
        AtomicInteger waits = new AtomicInteger();
        CountDownLatch never = new CountDownLatch(1);
        Listening server = serveRescued(connection -> {
            waits.incrementAndGet();
            assertThat(never.await(2, TimeUnit.MILLISECONDS)).isFalse();
        });
        int clients = 8;
        int calls = 50;
        List<Background<Void>> callers = new ArrayList<>();
        RawPeer other = warmPeer(server);
        for (int c = 0; c < clients; c++) {
            RawPeer peer = lone.connectRaw(server.address());
            callers.add(Background.runOnPlatformThread(() -> {
                for (int i = 0; i < calls; i++) {
                    assertThat(ask(peer, RESCUED)).isEqualTo(DONE);
                    for (int j = 0; j < i; j++) {
                        ask(peer, ECHO);
                    }
                }
            }));
        }
        echoInTime(other, () -> callers.stream().allMatch(Background::isDone));
        callers.forEach(Background::result);
        assertThat(waits).as("each request was handled once").hasValue(clients * calls);
    }

    @Test
    void aHandlerMayLeaveItsThreadInterrupted() throws Exception {
        AtomicInteger interrupted = new AtomicInteger();
        AtomicBoolean wait = new AtomicBoolean();
        CountDownLatch go = new CountDownLatch(1);
        Listening server = serveRescued(connection -> {
            if (Thread.currentThread().isInterrupted()) {
                interrupted.incrementAndGet();
            }
            if (wait.get()) {
                go.await();
            }
            Thread.currentThread().interrupt();
        });
        RawPeer peer = warmPeer(server);
        for (int i = 0; i < 20; i++) {
            assertThat(ask(peer, RESCUED)).isEqualTo(DONE);
            assertThat(ask(peer, ECHO)).isIn(ON_LOOP, ON_WORKER);
        }
        wait.set(true);
        RawPeer held = lone.connectRaw(server.address()).send(String.valueOf(RESCUED));
        echoInTime(peer, () -> true);
        go.countDown();
        assertThat(held.receiveText(1)).isEqualTo(DONE);
        ask(peer, RESCUED);
        ask(held, RESCUED);
        assertThat(interrupted).as("runs that found their thread interrupted").hasValue(0);
    }
}

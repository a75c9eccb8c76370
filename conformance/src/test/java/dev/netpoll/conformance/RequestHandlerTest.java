// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.FrameTooLargeException;
import dev.netpoll.ReadTimeoutException;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** When the request handler is run. */
class RequestHandlerTest extends ConformanceTest {
    @Test
    void aHandlerThatLeavesBytesUnreadIsRunAgainOnlyWhenMoreArrive() throws Exception {
        AtomicInteger runs = new AtomicInteger();
        ConcurrentLinkedQueue<Long> seen = new ConcurrentLinkedQueue<>();
        Listening server = net.serve(connection -> {
            runs.incrementAndGet();
            seen.add(connection.reader().readableBytes());
        });
        RawPeer peer = net.connectRaw(server.address());
        for (int i = 1; i <= 3; i++) {
            peer.send("x");
            int expected = i;
            Await.until("run " + i, () -> runs.get() == expected);
            Await.stays("no spin", Timing.SHORT, () -> runs.get() == expected);
        }
        assertThat(seen).containsExactly(1L, 2L, 3L);
    }

    @Test
    void theSameHoldsForADialedConnection() throws Exception {
        AtomicInteger runs = new AtomicInteger();
        Pair pair = net.pair(net.dialer().onRequest(connection -> runs.incrementAndGet()));
        pair.peer().send("x");
        Await.until("it ran", () -> runs.get() == 1);
        Await.stays("no spin", Timing.SHORT, () -> runs.get() == 1);
        pair.peer().send("x");
        Await.until("it ran again", () -> runs.get() == 2);
    }

    @Test
    void unreadBytesDoNotSpinAfterThePeerFinished() throws Exception {
        AtomicInteger runs = new AtomicInteger();
        ConnectionOptions halfOpen =
                ConnectionOptions.builder().allowHalfOpen(true).build();
        Listening server = net.listen(net.server().options(halfOpen).onRequest(c -> runs.incrementAndGet()));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("left").finish();
        Await.until("it ran", () -> runs.get() >= 1);
        Await.stays("no spin", Timing.SHORT, () -> runs.get() <= 2);
    }

    @Test
    void aHandlerReplacedInsideAHandlerTakesEffectAtTheNextRun() throws Exception {
        List<String> runs = new CopyOnWriteArrayList<>();
        ConnectionHandler second = connection -> {
            runs.add("second " + Handlers.takeText(connection));
            connection.writer().writeByte('.').flush();
        };
        Listening server = net.serve(connection -> {
            connection.onRequest(second);
            runs.add("first " + Handlers.takeText(connection));
            connection.writer().writeByte('.').flush();
        });
        RawPeer peer = net.connectRaw(server.address());
        for (String text : List.of("a", "b", "c")) {
            peer.send(text);
            assertThat(peer.receiveText(1)).isEqualTo(".");
        }
        assertThat(runs).containsExactly("first a", "second b", "second c");
    }

    @Test
    void aHandlerReplacedByOneThatLeftBytesIsGivenThemAtOnce() throws Exception {
        ConnectionHandler second = Handlers.echo();
        Listening server = net.serve(connection -> {
            connection.reader().skip(1);
            connection.onRequest(second);
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("!rest");
        assertThat(peer.receiveText(4)).isEqualTo("rest");
    }

    @Test
    void aHandlerSetWhileAThreadWaitsInAReadIsRunWhenThatEnds() throws Exception {
        Pair pair = net.pair();
        Connection connection = pair.connection();
        connection.setReadTimeout(Duration.ofMillis(300));
        Background<Byte> read =
                Background.call(() -> connection.reader().readByte()).awaitBlocked();
        connection.onRequest(Handlers.echo());
        assertThat(read.failure()).isInstanceOf(ReadTimeoutException.class);
        pair.peer().send("ping");
        assertThat(pair.peer().receiveText(4)).isEqualTo("ping");
    }

    @Test
    void aReadOutsideOfTheHandlerKeepsNoRunOut() throws Exception {
        Pair pair = net.pair(net.dialer().onRequest(Handlers.echo()));
        Connection connection = pair.connection();
        connection.setReadTimeout(Timing.SHORT);
        for (int round = 0; round < 3; round++) {
            Background<Byte> read = Background.call(() -> connection.reader().readByte());
            assertThat(read.failure()).isInstanceOf(ReadTimeoutException.class);
            pair.peer().send("ping");
            assertThat(pair.peer().receiveText(4)).isEqualTo("ping");
            Await.until("the run has ended", connection::isReusable);
        }
    }

    @Test
    void whatAReadOutsideOfTheHandlerLeavesIsTheHandlers() throws Exception {
        Pair pair = net.pair();
        Connection connection = pair.connection();
        Background<Byte> read =
                Background.call(() -> connection.reader().readByte()).awaitBlocked();
        connection.onRequest(Handlers.echo());
        pair.peer().send("xping");
        assertThat(read.result()).isEqualTo((byte) 'x');
        assertThat(pair.peer().receiveText(4)).isEqualTo("ping");
    }

    @Test
    void aHandlerSetLaterIsRunAtOnceForBytesThatWait() throws Exception {
        Pair pair = net.pair();
        pair.peer().send("early");
        Await.until("they came", () -> pair.connection().reader().readableBytes() == 5);
        pair.connection().onRequest(Handlers.echo());
        assertThat(pair.peer().receiveText(5)).isEqualTo("early");
        pair.peer().send("late");
        assertThat(pair.peer().receiveText(4)).isEqualTo("late");
    }

    @Test
    void pipelinedRequestsAreAllAnsweredInOrder() throws Exception {
        Listening server = net.serve(Handlers.frames(request -> request));
        RawPeer peer = net.connectRaw(server.address());
        ByteArrayOutputStream requests = new ByteArrayOutputStream();
        for (int i = 0; i < 500; i++) {
            requests.writeBytes(Bytes.frame(Arrays.copyOf(new byte[] {(byte) i, (byte) (i >> 8)}, i % 50)));
        }
        byte[] all = requests.toByteArray();
        Background<byte[]> answers = Background.call(() -> peer.receive(all.length));
        peer.send(all);
        assertThat(answers.result()).isEqualTo(all);
    }

    @Test
    void framesOfAllSizesSplitAtRandomPlacesAreAnswered() throws Exception {
        long seed = Long.getLong("seed", System.nanoTime());
        Random random = new Random(seed);
        Listening server = net.serve(Handlers.frames(request -> request));
        RawPeer peer = net.connectRaw(server.address());
        ByteArrayOutputStream frames = new ByteArrayOutputStream();
        for (int size : new int[] {0, 1, 4096, 65_536, 0, 1 << 20, 3}) {
            frames.writeBytes(Bytes.frame(Bytes.pattern(size)));
        }
        byte[] all = frames.toByteArray();
        Background<byte[]> answers = Background.call(() -> peer.receive(all.length));
        for (int from = 0; from < all.length; ) {
            int to = Math.min(all.length, from + 1 + random.nextInt(from % 2 == 0 ? 10 : 40_000));
            peer.send(Arrays.copyOfRange(all, from, to));
            from = to;
        }
        assertThat(Arrays.equals(answers.result(), all)).as("seed %d", seed).isTrue();
    }

    @Test
    void aConnectionsHandlerNeverRunsTwiceAtATime() throws Exception {
        AtomicBoolean running = new AtomicBoolean();
        AtomicInteger overlaps = new AtomicInteger();
        AtomicLong received = new AtomicLong();
        Listening server = net.serve(connection -> {
            if (!running.compareAndSet(false, true)) {
                overlaps.incrementAndGet();
            }
            Handlers.count(received).handle(connection);
            Thread.onSpinWait();
            running.set(false);
        });
        RawPeer peer = net.connectRaw(server.address());
        for (int i = 0; i < 2000; i++) {
            peer.send("x");
        }
        Await.until("everything was handled", () -> received.get() == 2000);
        assertThat(overlaps).hasValue(0);
    }

    @Test
    void demandHoldsUntilEnoughIsThereAndForOneRun() throws Exception {
        ConcurrentLinkedQueue<Long> seen = new ConcurrentLinkedQueue<>();
        Listening server = net.serve(connection -> {
            long readable = connection.reader().readableBytes();
            seen.add(readable);
            if (readable == 1) {
                connection.demand(10);
            } else if (readable == 10) {
                connection.reader().skip(10); // not what comes next, which may be there already
            }
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("1");
        Await.until("the first run", () -> seen.size() == 1);
        peer.send("2345");
        Await.stays("no run for half of it", Timing.SHORT, () -> seen.size() == 1);
        peer.send("67890");
        Await.until("the second run", () -> seen.size() == 2);
        peer.send("12");
        Await.until("the third run", () -> seen.size() == 3);
        assertThat(seen).containsExactly(1L, 10L, 2L);
    }

    @Test
    void demandCountsFromTheCurrentReadPosition() throws Exception {
        ConcurrentLinkedQueue<Long> seen = new ConcurrentLinkedQueue<>();
        Listening server = net.serve(connection -> {
            seen.add(connection.reader().readableBytes());
            connection.reader().skip(2);
            connection.demand(3);
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("ab");
        Await.until("the first run", () -> seen.size() == 1);
        peer.send("cd");
        Await.stays("two are not enough", Timing.SHORT, () -> seen.size() == 1);
        peer.send("e");
        Await.until("the second run", () -> seen.size() == 2);
        assertThat(seen).containsExactly(2L, 3L);
    }

    @Test
    void demandForBytesThatAreThereRunsTheHandlerAgain() throws Exception {
        AtomicInteger runs = new AtomicInteger();
        Listening server = net.serve(connection -> {
            if (runs.incrementAndGet() == 1) {
                connection.demand(2);
            }
        });
        net.connectRaw(server.address()).send("abc");
        Await.until("it is run again", () -> runs.get() == 2);
    }

    @Test
    void demandRefusesTooMuchAndNothing() throws Exception {
        AtomicReference<Throwable> tooMuch = new AtomicReference<>();
        AtomicReference<Throwable> nothing = new AtomicReference<>();
        ConnectionOptions options =
                ConnectionOptions.builder().maxFrameLength(1000).build();
        Listening server = net.listen(net.server().options(options).onRequest(connection -> {
            Handlers.discard().handle(connection);
            connection.demand(1000);
            tooMuch.set(catchThrowable(() -> connection.demand(1001)));
            nothing.set(catchThrowable(() -> connection.demand(0)));
        }));
        net.connectRaw(server.address()).send("x");
        Await.until("both were tried", () -> nothing.get() != null);
        assertThat(tooMuch.get()).isInstanceOf(FrameTooLargeException.class);
        assertThat(nothing.get()).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void whatAHandlerConsumedIsReleasedWhenItReturns() throws Exception {
        long before = LeakCheck.outstandingBlocks();
        Listening server = net.serve(connection -> {
            int length = (int) connection.reader().readableBytes();
            connection.reader().peek(length);
            connection.reader().next(length);
            connection.writer().writeByte('.').flush();
        });
        RawPeer peer = net.connectRaw(server.address());
        for (int i = 0; i < 50; i++) {
            peer.send("view me");
            assertThat(peer.receiveText(1)).isEqualTo(".");
        }
        // A loop may keep a block that it receives into.
        long allowed = before + net.group().loops();
        net.awaitMemory("an idle connection holds no memory", () -> LeakCheck.outstandingBlocks() <= allowed);
    }

    @Test
    void anAttachmentLivesAsLongAsItsConnection() throws Exception {
        Listening server = net.listen(net.server()
                .onConnect(connection -> connection.attach(new AtomicInteger()))
                .onRequest(connection -> {
                    Handlers.discard().handle(connection);
                    int count = ((AtomicInteger) connection.attachment()).incrementAndGet();
                    connection.writer().writeByte(count).flush();
                }));
        RawPeer peer = net.connectRaw(server.address());
        for (byte i = 1; i <= 3; i++) {
            peer.send("x");
            assertThat(peer.receive(1)).containsExactly(i);
        }
        Connection dialed = net.pair().connection();
        assertThat(dialed.attachment()).isNull();
        dialed.attach("x");
        dialed.attach(null);
        assertThat(dialed.attachment()).isNull();
    }
}

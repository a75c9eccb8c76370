// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionClosedException;
import dev.netpoll.PeerClosedException;
import dev.netpoll.ReadTimeoutException;
import dev.netpoll.buffer.Reader;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Handlers that block, which they may unless the dispatch is inline. */
@Variants(modes = {Mode.ADAPTIVE, Mode.VIRTUAL})
class BlockingHandlerTest extends ConformanceTest {
    @Test
    void onConnectMayServeTheWholeConnection() throws Exception {
        AtomicInteger rounds = new AtomicInteger();
        AtomicReference<Throwable> end = new AtomicReference<>();
        Listening server = net.listen(net.server().onConnect(connection -> {
            end.set(catchThrowable(() -> {
                while (true) {
                    connection
                            .writer()
                            .writeUtf8(connection.reader().readUtf8(4))
                            .flush();
                    rounds.incrementAndGet();
                }
            }));
            connection.close();
        }));
        Connection client = net.dial(server.address());
        for (int i = 0; i < 1024; i++) {
            client.writer().writeUtf8("ping").flush();
            assertThat(client.reader().readUtf8(4)).isEqualTo("ping");
        }
        client.close();
        Await.until("the loop ended", () -> end.get() != null);
        assertThat(end.get()).isInstanceOf(PeerClosedException.class);
        assertThat(rounds).hasValue(1024);
        server.awaitNoConnections();
    }

    @Test
    void aRequestHandlerMayWaitForTheRestOfItsRequest() throws Exception {
        Listening server = net.serve(connection -> {
            Reader in = connection.reader();
            byte[] payload = in.readBytes(in.readInt());
            connection.writer().writeInt(payload.length).writeBytes(payload).flush();
        });
        RawPeer peer = net.connectRaw(server.address());
        byte[] frame = Bytes.frame(Bytes.pattern(300));
        for (byte b : frame) {
            peer.send(new byte[] {b});
        }
        assertThat(peer.receive(frame.length)).isEqualTo(frame);
    }

    @Test
    void noRequestIsHandledBeforeOnConnectReturns() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        List<String> events = new CopyOnWriteArrayList<>();
        Listening server = net.listen(net.server()
                .onConnect(connection -> {
                    go.await();
                    events.add("connected");
                })
                .onRequest(connection -> events.add("request " + Handlers.takeText(connection))));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("early");
        Await.stays("nothing happens", Timing.SHORT, events::isEmpty);
        go.countDown();
        Await.until("both ran", () -> events.size() == 2);
        assertThat(events).containsExactly("connected", "request early");
    }

    @Test
    void onDisconnectWaitsForASlowOnConnect() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        AtomicInteger connecting = new AtomicInteger();
        List<String> events = new CopyOnWriteArrayList<>();
        Listening server = net.listen(net.server()
                .onConnect(connection -> {
                    connecting.incrementAndGet();
                    go.await();
                    connection.attach("from onConnect");
                    events.add("connect");
                })
                .onDisconnect(connection -> {
                    events.add("disconnect " + connection.attachment());
                    connection.close();
                }));
        for (int i = 0; i < 10; i++) {
            net.connectRaw(server.address()).close();
        }
        Await.until("all are connecting", () -> connecting.get() == 10);
        Await.stays("nothing else happens", Timing.SHORT, events::isEmpty);
        go.countDown();
        server.awaitNoConnections();
        assertThat(Collections.frequency(events, "connect")).isEqualTo(10);
        assertThat(Collections.frequency(events, "disconnect from onConnect")).isEqualTo(10);
        assertThat(events).hasSize(20);
    }

    @Test
    void onDisconnectMayCancelARunningRequest() throws Exception {
        AtomicInteger cancelled = new AtomicInteger();
        AtomicInteger closed = new AtomicInteger();
        Listening server = net.listen(net.server()
                .onConnect(connection -> {
                    connection.attach(new CountDownLatch(1));
                    connection.addCloseCallback(c -> closed.incrementAndGet());
                })
                .onRequest(connection -> {
                    connection.reader().skip(4);
                    ((CountDownLatch) connection.attachment()).await();
                    cancelled.incrementAndGet();
                })
                .onDisconnect(connection -> ((CountDownLatch) connection.attachment()).countDown()));
        for (int i = 0; i < 100; i++) {
            RawPeer peer = net.connectRaw(server.address());
            peer.send("ping");
            peer.close();
        }
        Await.until("all are closed", () -> closed.get() == 100);
        assertThat(cancelled).hasValue(100);
    }

    @Test
    void aStuckHandlerDoesNotDelayTheReleaseOfTheSocket() throws Exception {
        CountDownLatch stuck = new CountDownLatch(1);
        AtomicReference<Connection> accepted = new AtomicReference<>();
        AtomicInteger callbacks = new AtomicInteger();
        Listening server = net.serve(connection -> {
            connection.addCloseCallback(c -> callbacks.incrementAndGet());
            accepted.set(connection);
            stuck.await();
        });
        RawPeer peer = net.connectRaw(server.address());
        try {
            peer.send("x");
            Await.until("the handler is stuck", () -> accepted.get() != null);
            int descriptors = LeakCheck.descriptors().size();
            accepted.get().close();
            peer.awaitEnd();
            Await.until(
                    "the descriptor is released",
                    () -> descriptors == 0 || LeakCheck.descriptors().size() < descriptors);
            assertThat(callbacks).as("they wait for the handler").hasValue(0);
        } finally {
            stuck.countDown();
        }
        Await.until("the callback ran", () -> callbacks.get() == 1);
    }

    @Test
    void closeWakesAHandlerThatWaitsForBytes() throws Exception {
        AtomicReference<Connection> accepted = new AtomicReference<>();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Listening server = net.serve(connection -> {
            accepted.set(connection);
            failure.set(catchThrowable(() -> connection.reader().readBytes(1000)));
        });
        net.connectRaw(server.address()).send("x");
        Await.until("the handler runs", () -> accepted.get() != null);
        accepted.get().close();
        Await.until("it is woken", () -> failure.get() != null);
        assertThat(failure.get()).isInstanceOf(ConnectionClosedException.class);
    }

    @Test
    void thePeersEndWakesAHandlerThatWaitsForBytesAndItMayStillAnswer() throws Exception {
        Listening server = net.serve(connection -> {
            Throwable failure = catchThrowable(() -> connection.reader().readBytes(1000));
            assertThat(failure).isInstanceOf(PeerClosedException.class);
            int had = (int) connection.reader().readableBytes();
            connection.reader().skip(had);
            connection.writer().writeInt(had).flush();
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("abc").finish();
        assertThat(peer.receive(4)).isEqualTo(new byte[] {0, 0, 0, 3});
    }

    @Test
    void aReadTimeoutInAHandlerClosesTheConnectionIfItIsNotCaught() throws Exception {
        Listening server = net.listen(net.server()
                .onRequest(connection -> connection.reader().readBytes(1000))
                .readTimeout(Timing.SHORT));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("x");
        peer.awaitEnd();
        assertThat(net.takeError()).isInstanceOf(ReadTimeoutException.class);
    }

    @Test
    void closeCallbacksWaitForTheRunningHandler() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        List<String> events = new CopyOnWriteArrayList<>();
        Listening server = net.serve(connection -> {
            connection.addCloseCallback(c -> events.add("close"));
            connection.close();
            go.await();
            events.add("handled");
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("x");
        peer.awaitEnd();
        Await.stays("nothing happens", Timing.SHORT, events::isEmpty);
        go.countDown();
        Await.until("the callback ran", () -> events.contains("close"));
        assertThat(events).containsExactly("handled", "close");
    }

    @Test
    void oneConnectionsBlockedHandlerHoldsUpNobodyElse() throws Exception {
        CountDownLatch stuck = new CountDownLatch(1);
        AtomicInteger waiting = new AtomicInteger();
        Listening server = net.serve(connection -> {
            if (Handlers.takeText(connection).equals("block")) {
                waiting.incrementAndGet();
                stuck.await();
            }
            connection.writer().writeUtf8("done").flush();
        });
        for (int i = 0; i < 50; i++) {
            net.connectRaw(server.address()).send("block");
        }
        Await.until("all block", () -> waiting.get() == 50);
        RawPeer other = net.connectRaw(server.address());
        other.send("go");
        assertThat(other.receiveText(4)).isEqualTo("done");
        stuck.countDown();
    }

    @Test
    void bytesThatComeWhileTheHandlerRunsStartAnotherRun() throws Exception {
        CountDownLatch running = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        List<String> runs = new CopyOnWriteArrayList<>();
        Listening server = net.serve(connection -> {
            String text = Handlers.takeText(connection);
            running.countDown();
            go.await();
            runs.add(text);
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("first");
        running.await();
        peer.send("second");
        Await.stays("no run beside the first", Timing.SHORT, runs::isEmpty);
        go.countDown();
        Await.until("both were handled", () -> runs.size() == 2);
        assertThat(runs).containsExactly("first", "second");
    }

    @Test
    void aConnectionWithARunningHandlerIsNotIdle() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        Listening server = net.listen(net.server().idleTimeout(Timing.SHORT).onRequest(connection -> {
            Handlers.discard().handle(connection);
            go.await();
            connection.writer().writeUtf8("done").flush();
        }));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("work");
        Await.until("it is accepted", () -> server.server().connectionCount() == 1);
        Await.stays(
                "it is open",
                Timing.SHORT.multipliedBy(3),
                () -> server.server().connectionCount() == 1);
        go.countDown();
        assertThat(peer.receiveText(4)).isEqualTo("done");
        peer.awaitEnd();
    }
}

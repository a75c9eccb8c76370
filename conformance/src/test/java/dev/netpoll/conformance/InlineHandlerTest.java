// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.Connection;
import dev.netpoll.buffer.Reader;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** Handlers on the event loop: nothing may wait there, and whatever would says so instead. */
@Variants(modes = Mode.INLINE)
class InlineHandlerTest extends ConformanceTest {
    @Test
    void aReadThatWouldWaitIsRefusedAndConsumesNothing() throws Exception {
        AtomicReference<Map<String, Throwable>> failures = new AtomicReference<>();
        Listening server = net.serve(connection -> {
            Reader in = connection.reader();
            Map<String, ThrowingCallable> reads = new LinkedHashMap<>();
            reads.put("next", () -> in.next(100));
            reads.put("peek", () -> in.peek(100));
            reads.put("skip", () -> in.skip(100));
            reads.put("slice", () -> in.slice(100));
            reads.put("readLong", in::readLong);
            reads.put("readBytes", () -> in.readBytes(100));
            reads.put("readUtf8", () -> in.readUtf8(100));
            reads.put("readUntil", () -> in.readUntil((byte) '\n'));
            Map<String, Throwable> seen = new LinkedHashMap<>();
            reads.forEach((name, read) -> seen.put(name, catchThrowable(read)));
            connection.writer().writeUtf8(Handlers.takeText(connection)).flush();
            failures.set(seen);
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("abc");
        assertThat(peer.receiveText(3)).isEqualTo("abc");
        Await.until("the handler ended", () -> failures.get() != null);
        failures.get()
                .forEach((name, failure) -> assertThat(failure).as(name).isInstanceOf(IllegalStateException.class));
    }

    @Test
    void aFlushNeverWaitsAndWritabilityTellsWhenToStop() throws Exception {
        AtomicLong written = new AtomicLong();
        AtomicBoolean stopped = new AtomicBoolean();
        long total = 16 << 20;
        byte[] chunk = new byte[64 << 10];
        Listening server = net.serve(connection -> {
            Handlers.discard().handle(connection);
            while (written.get() < total) {
                if (!connection.isWritable()) {
                    stopped.set(true);
                    return;
                }
                connection.writer().writeBytes(chunk).flush();
                written.addAndGet(chunk.length);
            }
            connection.shutdownOutput();
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("all please");
        Await.until("the handler stops", stopped::get);
        Await.stays("it is not run until the output drains", Timing.SHORT, () -> written.get() < total);
        assertThat(peer.drain()).isEqualTo(total);
    }

    /** As a handler does that has caught an InterruptedException. */
    @Test
    void anInterruptStatusThatAHandlerLeavesIsNotForOthers() throws Exception {
        Listening server = net.serve(connection -> {
            String request = Handlers.takeText(connection);
            boolean found = Thread.currentThread().isInterrupted();
            connection.writer().writeUtf8(found ? "interrupted" : "undisturbed").flush();
            if (request.startsWith("!")) {
                Thread.currentThread().interrupt();
            }
            if (request.equals("!!")) {
                throw new IllegalArgumentException("on purpose");
            }
        });
        List<RawPeer> others = new ArrayList<>();
        for (int i = 0; i < 4; i++) { // on all loops
            others.add(net.connectRaw(server.address()));
        }
        for (String bad : List.of("!", "!!")) {
            for (int i = 0; i < 4; i++) {
                net.connectRaw(server.address()).send(bad).receiveText(11);
            }
            for (RawPeer other : others) {
                assertThat(other.send("x").receiveText(11)).as(bad).isEqualTo("undisturbed");
            }
        }
        Await.until("the failures are reported", () -> net.errorCount() == 4);
        net.takeErrors();
    }

    @Test
    void muchOutputIsSentBeforeTheHandlerReturns() throws Exception {
        byte[] piece = new byte[1 << 10];
        int pieces = 64;
        AtomicReference<Connection> other = new AtomicReference<>();
        AtomicInteger receivedByOther = new AtomicInteger();
        AtomicInteger receivedByOwn = new AtomicInteger();
        AtomicBoolean done = new AtomicBoolean();
        Listening server = net.serve(connection -> {
            if (Handlers.takeText(connection).equals("other")) {
                other.set(connection);
                return;
            }
            for (Connection to : List.of(other.get(), connection)) {
                AtomicInteger received = to == connection ? receivedByOwn : receivedByOther;
                for (int i = 0; i < pieces; i++) {
                    to.writer().writeBytes(piece).flush();
                }
                Await.until("half of it came", () -> received.get() >= pieces / 2);
            }
            done.set(true);
        });
        List<Background<Void>> readers = new ArrayList<>();
        for (String name : List.of("other", "own")) {
            RawPeer peer = net.connectRaw(server.address());
            AtomicInteger received = name.equals("own") ? receivedByOwn : receivedByOther;
            readers.add(Background.run(() -> {
                for (int i = 0; i < pieces; i++) {
                    peer.receive(piece.length);
                    received.incrementAndGet();
                }
            }));
            peer.send(name);
            Await.until("the other is known", () -> other.get() != null);
        }
        Await.until("the handler ends", done::get);
        for (Background<Void> reader : readers) {
            reader.result();
        }
    }

    @Test
    void anAbortStaysAnAbortIfTheHandlerThenFails() throws Exception {
        Assumptions.assumeTrue(variant.transport() != Transport.UNIX, "Unix sockets have no reset");
        Listening server = net.listen(net.server()
                .onRequest(connection -> {
                    Handlers.takeText(connection);
                    connection.abort();
                    throw new IllegalStateException("on purpose");
                })
                .onError((connection, error) -> {}));
        RawPeer peer = net.connectRaw(server.address());
        peer.send("x");
        assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.RESET);
    }

    @Test
    void aFlushThatIsRefusedDropsItsBytes() throws Exception {
        byte[] chunk = new byte[64 << 10];
        AtomicLong accepted = new AtomicLong();
        AtomicLong pending = new AtomicLong(-1);
        Listening server = net.serve(connection -> {
            Handlers.discard().handle(connection);
            while (pending.get() < 0) {
                try {
                    connection.writer().writeBytes(chunk).flush();
                    accepted.addAndGet(chunk.length);
                } catch (IllegalStateException refused) {
                    pending.set(connection.writer().pendingBytes());
                    connection.writer().writeBytes(chunk);
                }
            }
            connection.shutdownOutput();
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("all please");
        Await.until("a flush is refused", () -> pending.get() >= 0);
        assertThat(pending).hasValue(0);
        long received = peer.drain();
        net.takeErrors(); // the end may come before its own flush is possible
        assertThat(received).isIn(accepted.get(), accepted.get() + chunk.length);
    }

    @Test
    void aConnectionsCallbacksAllRunOnItsOneLoop() throws Exception {
        Map<Connection, String> loops = new ConcurrentHashMap<>();
        AtomicInteger moved = new AtomicInteger();
        AtomicInteger closed = new AtomicInteger();
        Listening server = net.listen(net.server()
                .onConnect(connection -> {
                    loops.put(connection, loop());
                    connection.addCloseCallback(c -> closed.incrementAndGet());
                })
                .onRequest(connection -> {
                    if (!loop().equals(loops.get(connection))) {
                        moved.incrementAndGet();
                    }
                    Handlers.echo().handle(connection);
                }));
        for (int i = 0; i < 8; i++) {
            RawPeer peer = net.connectRaw(server.address());
            for (int j = 0; j < 5; j++) {
                peer.send("x");
                assertThat(peer.receiveText(1)).isEqualTo("x");
            }
            peer.close();
        }
        Await.until("all are closed", () -> closed.get() == 8);
        assertThat(moved).hasValue(0);
        assertThat(loops.values().stream().distinct())
                .hasSizeBetween(1, net.group().loops());
    }

    /** {@return the name of the loop that this thread drives, perhaps in place of one that got no processor} */
    private static String loop() {
        return Thread.currentThread().getName().replace("-stand-in", "");
    }

    @Test
    void shuttingDownOrClosingTheGroupOnALoopIsRefused() throws Exception {
        ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
        AtomicReference<Listening> server = new AtomicReference<>();
        server.set(net.serve(connection -> {
            Handlers.discard().handle(connection);
            failures.add(catchThrowable(() -> server.get().server().shutdown(Duration.ZERO)));
            failures.add(catchThrowable(() -> net.group().close()));
        }));
        net.connectRaw(server.get().address()).send("x");
        Await.until("both were tried", () -> failures.size() == 2);
        assertThat(failures).allMatch(IllegalStateException.class::isInstance);
    }

    @Test
    void aBlockingCallOnALoopIsRefusedAlsoForAConnectionOfAnotherLoop() throws Exception {
        Listening silent = net.listen(net.server());
        Connection other = net.dial(silent.address());
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Listening server = net.serve(connection -> {
            Handlers.discard().handle(connection);
            failure.set(catchThrowable(() -> other.reader().readByte()));
        });
        for (int i = 0; i < net.group().loops(); i++) {
            failure.set(null);
            net.connectRaw(server.address()).send("x");
            Await.until("it was tried", () -> failure.get() != null);
            assertThat(failure.get()).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void demandReplacesWaiting() throws Exception {
        AtomicInteger runs = new AtomicInteger();
        Listening server = net.serve(connection -> {
            runs.incrementAndGet();
            byte[] request = Handlers.nextFrame(connection);
            if (request != null) {
                connection.writer().writeBytes(request).flush();
            }
        });
        RawPeer peer = net.connectRaw(server.address());
        byte[] payload = Bytes.pattern(500);
        byte[] frame = Bytes.frame(payload);
        for (byte b : frame) {
            peer.send(new byte[] {b});
        }
        assertThat(peer.receive(500)).isEqualTo(payload);
        // At most one run for each byte of the length, and one for the whole.
        assertThat(runs.get()).isLessThanOrEqualTo(6);
    }
}

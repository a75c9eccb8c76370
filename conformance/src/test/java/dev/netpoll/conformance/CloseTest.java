// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionClosedException;
import dev.netpoll.buffer.Reader;
import dev.netpoll.buffer.Writer;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** A connection is closed on this side. */
class CloseTest extends ConformanceTest {
    @Test
    void closingAgainAndFromManyThreadsDoesNothingMore() throws Exception {
        Pair pair = net.pair();
        AtomicInteger callbacks = new AtomicInteger();
        pair.connection().addCloseCallback(c -> callbacks.incrementAndGet());
        List<Background<Void>> closers = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            closers.add(Background.run(pair.connection()::close));
        }
        closers.forEach(Background::result);
        pair.connection().close();
        assertThat(pair.peer().awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
        Await.until("the callback ran", () -> callbacks.get() > 0);
        Await.stays("it ran once", Timing.SHORT, () -> callbacks.get() == 1);
        assertThat(pair.connection().isActive()).isFalse();
    }

    @Test
    void aBlockedReadIsWoken() throws Exception {
        Pair pair = net.pair();
        Background<Byte> read =
                Background.call(() -> pair.connection().reader().readByte()).awaitBlocked();
        pair.connection().close();
        assertThat(read.failure())
                .isInstanceOfSatisfying(
                        ConnectionClosedException.class,
                        e -> assertThat(e.operation()).isEqualTo("read"));
    }

    @Test
    void aBlockedFlushIsWoken() throws Exception {
        Pair pair = net.pair();
        Background<Void> flush = Background.run(() -> pair.connection()
                        .writer()
                        .writeBytes(new byte[16 << 20])
                        .flush())
                .awaitBlocked();
        pair.connection().close();
        assertThat(flush.failure())
                .isInstanceOfSatisfying(
                        ConnectionClosedException.class,
                        e -> assertThat(e.operation()).isEqualTo("write"));
        pair.peer().awaitEnd();
    }

    @Test
    void aBlockedReadAndABlockedFlushAreBothWoken() throws Exception {
        Pair pair = net.pair();
        Background<Void> flush = Background.runOnPlatformThread(() -> pair.connection()
                        .writer()
                        .writeBytes(new byte[16 << 20])
                        .flush())
                .awaitBlocked();
        Background<Void> read = Background.runOnPlatformThread(
                        () -> pair.connection().reader().skip(1))
                .awaitBlocked();
        pair.connection().close();
        assertThat(flush.failure()).isInstanceOf(ConnectionClosedException.class);
        assertThat(read.failure()).isInstanceOf(ConnectionClosedException.class);
    }

    @Test
    void everyReadAfterCloseFails() throws Exception {
        Pair pair = net.pair();
        pair.connection().close();
        Reader in = pair.connection().reader();
        Map<String, ThrowingCallable> reads = new LinkedHashMap<>();
        reads.put("next", () -> in.next(1));
        reads.put("peek", () -> in.peek(1));
        reads.put("skip", () -> in.skip(1));
        reads.put("slice", () -> in.slice(1));
        reads.put("readUntil", () -> in.readUntil((byte) 0));
        reads.put("bytesBefore", () -> in.bytesBefore((byte) 0));
        reads.put("readByte", in::readByte);
        reads.put("readShort", in::readShort);
        reads.put("readInt", in::readInt);
        reads.put("readLong", in::readLong);
        reads.put("readBytes", () -> in.readBytes(1));
        reads.put("readUtf8", () -> in.readUtf8(1));
        reads.put("read", () -> in.read(new byte[1], 0, 1));
        reads.forEach((name, read) -> assertThatThrownBy(read).as(name).isInstanceOf(ConnectionClosedException.class));
        in.release();
        assertThat(in.readableBytes()).isZero();
    }

    @Test
    void everyWriteAfterCloseIsDroppedOrRefusedAndEveryFlushFails() throws Exception {
        Pair pair = net.pair();
        pair.connection().close();
        Writer out = pair.connection().writer();
        Map<String, ThrowingCallable> writes = new LinkedHashMap<>();
        try (Arena arena = Arena.ofShared()) {
            MemorySegment direct = arena.allocate(4);
            writes.put("reserve", () -> out.reserve(10));
            writes.put("truncate", () -> out.truncate(0));
            writes.put("writeByte", () -> out.writeByte(1));
            writes.put("writeInt", () -> out.writeInt(1));
            writes.put("writeBytes", () -> out.writeBytes(new byte[5000]));
            writes.put("writeUtf8", () -> out.writeUtf8("text"));
            writes.put("writeDirect", () -> out.writeDirect(direct));
            writes.forEach((name, write) -> {
                Throwable failure = catchThrowable(write);
                if (failure != null) {
                    assertThat(failure).as(name).isInstanceOf(ConnectionClosedException.class);
                }
                assertThatThrownBy(out::flush).as("flush after " + name).isInstanceOf(ConnectionClosedException.class);
            });
        }
    }

    @Test
    void everythingElseAfterCloseIsHarmless() throws Exception {
        Pair pair = net.pair();
        Connection connection = pair.connection();
        connection.close();
        assertThat(connection.isActive()).isFalse();
        assertThat(connection.isReusable()).isFalse();
        connection.setReadTimeout(Timing.LONG);
        connection.setWriteTimeout(Timing.LONG);
        connection.setIdleTimeout(Timing.LONG);
        connection.setReadDeadline(null);
        connection.setWriteDeadline(null);
        connection.pauseReading();
        connection.resumeReading();
        connection.attach("x");
        assertThat(connection.attachment()).isEqualTo("x");
        connection.onRequest(Handlers.echo());
        connection.abort();
        assertThat(connection.toString()).isNotEmpty();
        assertThatThrownBy(connection::shutdownOutput).isInstanceOf(ConnectionClosedException.class);
        assertThat(connection.remoteAddress()).isNotNull();
    }

    @Test
    void bytesNeverFlushedAreDropped() throws Exception {
        Pair pair = net.pair();
        pair.connection().writer().writeUtf8("flushed").flush();
        pair.connection().writer().writeUtf8("dropped");
        pair.connection().close();
        assertThat(pair.peer().receiveText(7)).isEqualTo("flushed");
        assertThat(pair.peer().drain()).isZero();
    }

    @Test
    void bytesNeverReadAreDroppedAndTheirMemoryIsFreed() throws Exception {
        long before = LeakCheck.outstandingBlocks();
        for (int i = 0; i < 10; i++) {
            Pair pair = net.pair();
            pair.peer().send(new byte[100_000]);
            Await.until("they came", () -> pair.connection().reader().readableBytes() == 100_000);
            pair.connection().close();
        }
        // A loop may keep a block that it receives into.
        long allowed = before + net.group().loops();
        net.awaitMemory("their memory is free", () -> LeakCheck.outstandingBlocks() <= allowed);
    }

    @Test
    void outputAHandlerFlushedIsSentBeforeTheConnectionIsClosed() throws Exception {
        byte[] answer = Bytes.pattern(8 << 20);
        Listening server = net.serve(connection -> {
            Handlers.discard().handle(connection);
            connection.writer().writeBytes(answer).flush();
            connection.close();
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("?");
        assertThat(Arrays.equals(peer.receive(answer.length), answer)).isTrue();
        assertThat(peer.awaitEnd()).isEqualTo(RawPeer.End.FINISHED);
    }

    @Test
    void aHandlerMayCloseItsConnection() throws Exception {
        AtomicInteger runs = new AtomicInteger();
        Listening server = net.serve(connection -> {
            runs.incrementAndGet();
            connection.close();
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("one");
        peer.awaitEnd();
        server.awaitNoConnections();
        assertThat(runs).hasValue(1);
    }

    @Test
    void whatARunningHandlerHasBeforeItStaysReadableAfterClose() throws Exception {
        AtomicInteger sum = new AtomicInteger();
        Listening server = net.serve(connection -> {
            if (connection.reader().readableBytes() < 4) {
                connection.demand(4);
                return;
            }
            MemorySegment view = connection.reader().next(2);
            connection.close();
            sum.addAndGet(view.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 1));
            sum.addAndGet(connection.reader().readByte());
            assertThatThrownBy(() -> connection.reader().readShort()).isInstanceOf(ConnectionClosedException.class);
            sum.addAndGet(100);
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send(new byte[] {1, 2, 3, 4});
        peer.awaitEnd();
        Await.until("the handler finished", () -> sum.get() == 105);
    }

    @Test
    void theOtherSideBecomesInactiveWhenTheServerCloses() throws Exception {
        Listening server = net.serve(Connection::close);
        Connection client = net.dial(server.address());
        client.writer().writeUtf8("x").flush();
        Await.until("the end is noticed", () -> !client.isActive());
    }

    @Test
    void abortResetsThePeer() throws Exception {
        Pair pair = net.pair();
        pair.connection().abort();
        RawPeer.End end = pair.peer().awaitEnd();
        if (variant.isTcp()) {
            assertThat(end).isEqualTo(RawPeer.End.RESET);
        }
        assertThatThrownBy(() -> pair.connection().reader().readByte()).isInstanceOf(ConnectionClosedException.class);
        pair.connection().close();
    }

    @Test
    void abortDropsOutputThatIsOnItsWay() throws Exception {
        Listening server = net.serve(connection -> {
            Handlers.discard().handle(connection);
            if (variant.isInline()) {
                connection.writer().writeBytes(new byte[32 << 20]).flush();
            }
            connection.abort();
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("?");
        server.awaitNoConnections();
    }

    @Test
    void manyRoundsOfCloseAgainstPeerCloseAgainstTrafficLeaveNothingBehind() throws Exception {
        Listening server = net.serve(Handlers.echo());
        for (int round = 0; round < 60; round++) {
            Connection client = net.dialer().build().dial(server.address());
            client.writer().writeUtf8("ping").flush();
            Background<Void> closer = Background.run(client::close);
            if (round % 2 == 0) {
                Throwable failure = catchThrowable(() -> client.reader().readBytes(4));
                if (failure != null) {
                    assertThat(failure).isInstanceOf(ConnectionClosedException.class);
                }
            }
            closer.result();
        }
        server.awaitNoConnections();
    }
}

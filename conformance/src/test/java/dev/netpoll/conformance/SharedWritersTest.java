// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.Connection;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.buffer.Writer;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.OwnNet;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Rounds;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/**
 * Threads that write to a connection without any order among them, as a newcomer's chat server does: it may garble that
 * stream with its own bytes, or be refused with an IllegalStateException. Nobody else notices.
 */
@Variants(transports = Transport.TCP4)
@SuppressWarnings("ThreadPriorityCheck")
class SharedWritersTest extends ConformanceTest {
    private static final int CHATTERS = 7;

    private static final int ROUNDS = 5;
    private static final long NANOS = 1_000_000L * Rounds.of(1500);

    /** Numbers of chatters are in the upper bits of what is written to them. */
    private static final int SHIFT = 4;

    private final Queue<Throwable> surprises = new ConcurrentLinkedQueue<>();

    /** Keeps what misuse may not cause. */
    private void note(Throwable failure) {
        if (!(failure instanceof IOException || isRefusal(failure))) {
            surprises.add(failure);
        }
    }

    private static boolean isRefusal(Throwable failure) {
        String message = failure.getMessage();
        return failure instanceof IllegalStateException
                && message != null
                && !message.contains("freed")
                && !message.contains("closed");
    }

    private void checkNoSurprises() {
        surprises.stream().findFirst().ifPresent(first -> {
            throw new AssertionError(surprises.size() + " surprises, for instance " + first, first);
        });
    }

    @Test
    void aChatWithoutLocksDeliversNobodyElsesBytes() throws Exception {
        long blocks = LeakCheck.outstandingBlocks();
        List<String> foreign = new CopyOnWriteArrayList<>();
        AtomicLong received = new AtomicLong();
        boolean inOrder = true;
        for (int round = 0; round < ROUNDS && received.get() == 0; round++) { // it may close all at its very beginning
            inOrder &= chatOnce(foreign, received);
        }
        assertThat(received).hasPositiveValue();
        assertThat(foreign.stream().limit(5)).as("foreign bytes").isEmpty();
        checkNoSurprises();
        assertThat(inOrder).as("shut down in order").isTrue();
        boolean back = Await.within(Await.DEADLINE, () -> {
            System.gc();
            return LeakCheck.outstandingBlocks() <= blocks;
        });
        assertThat(back)
                .as("memory is back: blocks %d -> %d", blocks, LeakCheck.outstandingBlocks())
                .isTrue();
    }

    /** {@return whether the server could be shut down in order} */
    private boolean chatOnce(List<String> foreign, AtomicLong received) throws Exception {
        try (OwnNet own = new OwnNet(variant, 2, false)) {
            List<Connection> members = new CopyOnWriteArrayList<>();
            Listening server = own.net()
                    .listen(own.net()
                            .server()
                            .onError((connection, error) -> note(error))
                            .onConnect(connection -> {
                                synchronized (members) {
                                    connection.attach(members.size() + 1);
                                    members.add(connection);
                                }
                            })
                            .onRequest(connection -> broadcast(connection, members)));
            List<Background<Void>> chatters = new ArrayList<>();
            AtomicBoolean over = new AtomicBoolean();
            List<RawPeer> peers = new ArrayList<>();
            for (int i = 0; i < CHATTERS; i++) {
                peers.add(own.net().connectRaw(server.address()));
                int number = i + 1;
                Await.until("it is a member", () -> members.size() == number);
            }
            for (int i = 0; i < CHATTERS; i++) {
                RawPeer peer = peers.get(i);
                int number = i + 1;
                chatters.add(Background.run(() -> chat(peer, number, over, foreign, received)));
            }
            Await.within(java.time.Duration.ofNanos(NANOS), () -> !foreign.isEmpty());
            over.set(true);
            chatters.forEach(Background::result);
            boolean inOrder = server.server().shutdown(Timing.LONG);
            Await.until("all have ended", () -> own.group().connectionCount() == 0);
            own.net().takeErrors();
            return inOrder;
        }
    }

    /** Writes to everybody, in pieces, and flushes only then. */
    private void broadcast(Connection connection, List<Connection> members) throws IOException {
        int length = (int) connection.reader().readableBytes();
        connection.reader().skip(length);
        int sender = (Integer) connection.attachment() & ((1 << SHIFT) - 1);
        for (Connection member : members) {
            try {
                byte mark = (byte) ((Integer) member.attachment() << SHIFT | sender);
                for (int i = 0; i < 4; i++) {
                    byte[] line = new byte[17 + 100 * i];
                    java.util.Arrays.fill(line, mark);
                    member.writer().writeBytes(line);
                }
                if (member.isWritable()) {
                    member.writer().flush();
                }
            } catch (Throwable failure) {
                note(failure);
            }
        }
    }

    private static void chat(RawPeer peer, int number, AtomicBoolean over, List<String> foreign, AtomicLong received)
            throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
        while (true) {
            if (!over.get()) {
                peer.trySend(new byte[] {1, 2, 3});
            }
            int n;
            try {
                n = peer.channel().read(buffer.clear());
            } catch (IOException reset) {
                return;
            }
            if (n < 0 || (n == 0 && over.get())) {
                peer.close();
                return;
            }
            received.addAndGet(n);
            for (int i = 0; i < n; i++) {
                if ((buffer.get(i) & 0xff) >> SHIFT != number) {
                    foreign.add("number %d got byte %02x".formatted(number, buffer.get(i)));
                    break;
                }
            }
            Thread.yield();
        }
    }

    @Test
    void twoWritersAtOnceAreRefusedOrGarbleTheirStreamOnly() throws Exception {
        long blocks = LeakCheck.outstandingBlocks();
        AtomicInteger flushes = new AtomicInteger();
        long end = System.nanoTime() + NANOS;
        for (int round = 0; System.nanoTime() - end < 0; round++) {
            Pair pair = net.pair();
            Background<Void> peer = Background.runOnPlatformThread(() -> checkMarks(pair.peer()));
            Background<Void> a = writing(pair.connection(), 1, flushes, round % 2 == 0);
            Background<Void> b = writing(pair.connection(), 2, flushes, round % 2 == 0);
            a.result();
            b.result();
            pair.connection().close();
            peer.result();
        }
        net.takeErrors();
        checkNoSurprises();
        assertThat(flushes).hasPositiveValue();
        // A loop may keep a block that it receives into.
        long allowed = blocks + net.group().loops();
        net.awaitMemory("memory is back", () -> {
            System.gc();
            return LeakCheck.outstandingBlocks() <= allowed;
        });
    }

    private Background<Void> writing(Connection connection, int mark, AtomicInteger flushes, boolean platform) {
        Background.Action writes = () -> {
            byte[] piece = new byte[700];
            java.util.Arrays.fill(piece, (byte) mark);
            for (int i = 0; i < 300; i++) {
                try {
                    connection.writer().writeByte(mark).writeBytes(piece).writeInt(mark * 0x01010101);
                    connection.writer().flush();
                    flushes.incrementAndGet();
                } catch (Throwable failure) {
                    note(failure);
                }
            }
        };
        return platform ? Background.runOnPlatformThread(writes) : Background.run(writes);
    }

    private void checkMarks(RawPeer peer) {
        ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
        int[] n = {0};
        while (n[0] >= 0) {
            Await.until("bytes or the end come", () -> {
                try {
                    n[0] = peer.channel().read(buffer.clear());
                } catch (IOException reset) {
                    n[0] = -1;
                }
                return n[0] != 0;
            });
            for (int i = 0; i < n[0]; i++) {
                if (buffer.get(i) != 1 && buffer.get(i) != 2) {
                    surprises.add(new AssertionError("a byte that nobody wrote: " + buffer.get(i)));
                    return;
                }
            }
        }
    }

    private interface Use {
        void by(Writer writer) throws Exception;
    }

    /** What a handler calls without a byte to be flushed then, be it refused, keeps no other thread out. */
    @Test
    void aCallThatLeavesNothingPendingLeavesTheSideToOthers() throws Exception {
        List<Use> uses = List.of(
                writer -> writer.writeBytes(new byte[0]),
                writer -> writer.writeUtf8(""),
                writer -> writer.writeBytes(new byte[3], 2, 5),
                writer -> writer.commit(3),
                writer -> writer.truncate(0),
                writer -> writer.writeInt(5).truncate(0),
                writer -> writer.reserve(0),
                writer -> writer.reserve(-1),
                writer -> {
                    writer.reserve(10);
                    writer.commit(0);
                },
                writer -> writer.append(new LinkBuffer()),
                writer -> writer.writeDirect(ByteBuffer.allocate(3), 7));
        Listening server = net.serve(connection -> {
            connection.reader().skip(1);
            for (Use use : uses) {
                try {
                    use.by(connection.writer());
                } catch (IllegalArgumentException | IllegalStateException | IndexOutOfBoundsException refused) {
                    // as others are
                }
                CompletableFuture<Throwable> outcome = new CompletableFuture<>();
                Thread.ofPlatform()
                        .start(() -> outcome.complete(catchThrowable(
                                () -> connection.writer().writeByte(1).flush())));
                assertThat(outcome.join()).isNull();
            }
        });
        RawPeer peer = net.connectRaw(server.address()).send("x");
        assertThat(peer.receive(uses.size())).containsOnly(1);
    }

    @Test
    void aSecondWriterIsRefusedWhileTheFirstFlushes() throws Exception {
        Pair pair = net.pair();
        Connection connection = pair.connection();
        Background<Void> flush = Background.run(
                        () -> connection.writer().writeBytes(new byte[16 << 20]).flush())
                .awaitBlocked();
        assertThatThrownBy(() -> connection.writer().writeByte(1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> connection.writer().reserve(10)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> connection.writer().flush()).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(connection::shutdownOutput).isInstanceOf(IllegalStateException.class);
        assertThat(pair.peer().receive(16 << 20)).hasSize(16 << 20);
        flush.result();
        connection.writer().writeUtf8("mine").flush(); // it is over, so anybody may
        assertThat(pair.peer().receiveText(4)).isEqualTo("mine");
    }

    @Test
    void aSecondReaderIsRefusedWhileTheFirstWaits() throws Exception {
        Pair pair = net.pair();
        Connection connection = pair.connection();
        Background<byte[]> read =
                Background.call(() -> connection.reader().readBytes(10)).awaitBlocked();
        pair.peer().send("01234");
        assertThatThrownBy(() -> connection.reader().readByte()).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> connection.reader().peek(1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> connection.reader().skip(5)).isInstanceOf(IllegalStateException.class);
        pair.peer().send("56789");
        assertThat(read.result()).asString().isEqualTo("0123456789");
    }

    @Test
    void twoReadersAtOnceAreRefusedOrSeeBytesOfThisStreamOnly() throws Exception {
        long end = System.nanoTime() + NANOS;
        AtomicInteger reads = new AtomicInteger();
        while (System.nanoTime() - end < 0) {
            Pair pair = net.pair();
            byte[] marks = new byte[100_000];
            java.util.Arrays.fill(marks, (byte) 1);
            Background<Void> send = Background.runOnPlatformThread(() -> {
                try {
                    pair.peer().channel().configureBlocking(true);
                    pair.peer().channel().write(ByteBuffer.wrap(marks));
                } finally {
                    pair.peer().close();
                }
            });
            Background<Void> a = reading(pair.connection(), reads);
            Background<Void> b = reading(pair.connection(), reads);
            a.result();
            b.result();
            pair.connection().close();
            try {
                send.result();
            } catch (AssertionError expected) {
                assertThat(expected.getCause()).isInstanceOf(IOException.class); // we closed early
            }
        }
        net.takeErrors();
        checkNoSurprises();
        assertThat(reads).hasPositiveValue();
    }

    private Background<Void> reading(Connection connection, AtomicInteger reads) {
        return Background.runOnPlatformThread(() -> {
            for (int i = 0; i < 500; i++) {
                try {
                    for (byte read : connection.reader().readBytes(100)) {
                        if (read != 1) {
                            surprises.add(new AssertionError("a byte that nobody sent: " + read));
                            return;
                        }
                    }
                    connection.reader().release();
                    reads.incrementAndGet();
                } catch (Throwable failure) {
                    note(failure);
                }
            }
        });
    }
}

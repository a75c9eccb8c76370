// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.Server;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.conformance.support.Arenas;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.StandardSocketOptions;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Memory that was given to {@code writeDirect} is the caller's again when a flush has returned, also on an event loop,
 * where a flush does not wait: it may be freed, or hold what another connection gets.
 */
@Variants(transports = Transport.TCP4)
class LentMemoryTest extends OwnNetTest {
    private static final int BUFFERS = 32 << 10;
    private static final int PIECE = 600_000;
    private static final int PIECES = 6;
    private static final int ROUNDS = 100;
    private static final Duration CLOSED_LATEST = Duration.ofMillis(3);

    /** Small and large, one behind the other, so that some wait behind others. */
    private static int length(int piece) {
        return piece % 2 == 0 ? PIECE : 700;
    }

    @Test
    void itMayBeUsedAgain() throws Exception {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocate(PIECE);
            check((connection, piece) -> {
                MemorySegment lent = memory.asSlice(0, length(piece));
                lent.fill((byte) ('a' + piece));
                connection.writer().writeByte('<').writeByte('>').writeDirect(lent, 1);
                connection.writer().flush();
                memory.fill((byte) 'x');
            });
        }
    }

    @Test
    void itMayBeFreed() throws Exception {
        check((connection, piece) -> {
            try (Arena arena = Arena.ofShared()) {
                MemorySegment lent = arena.allocate(length(piece));
                lent.fill((byte) ('a' + piece));
                connection.writer().writeByte('<').writeDirect(lent).writeByte('>');
                connection.writer().flush();
            }
        });
    }

    @Test
    void itMayBeFreedThatWasInABufferWhichWasAppended() throws Exception {
        check((connection, piece) -> {
            try (Arena arena = Arena.ofShared();
                    LinkBuffer buffer = new LinkBuffer()) {
                MemorySegment lent = arena.allocate(length(piece));
                lent.fill((byte) ('a' + piece));
                buffer.writeByte('<').writeDirect(lent).writeByte('>');
                connection.writer().append(buffer).flush();
            }
        });
    }

    /** What lies before it is sent, and the mistake is named. */
    @Test
    void aFileThatWasCutOffIsTheCallersMistake(@TempDir Path directory) throws Exception {
        Pair pair = own.net().pair();
        try (Arena arena = Arena.ofShared();
                FileChannel file = FileChannel.open(
                        directory.resolve("file"),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE)) {
            MemorySegment mapped = file.map(MapMode.READ_WRITE, 0, PIECE, arena);
            file.truncate(0);
            pair.connection().writer().writeUtf8("head").writeDirect(mapped).writeUtf8("tail");
            assertThatThrownBy(() -> pair.connection().writer().flush())
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("writeDirect");
        }
        assertThat(pair.peer().receiveText(4)).isEqualTo("head");
    }

    /** It may be freed too early, at any moment of the flush, which says so at once. */
    @Test
    void toFreeItWhileAFlushWaitsIsTheCallersMistake() throws Exception {
        BlockingQueue<Optional<Throwable>> ends = new LinkedBlockingQueue<>();
        AtomicInteger round = new AtomicInteger();
        Listening server = own.net()
                .listen(slowServer()
                        .onError((connection, error) -> ends.add(Optional.of(error)))
                        .onRequest(connection -> {
                            connection.reader().skip(1);
                            Arena arena = Arena.ofShared();
                            connection.writer().writeDirect(arena.allocate(PIECE));
                            Background.run(() -> closeSoon(arena, round.get()));
                            connection.writer().flush();
                            ends.add(Optional.empty());
                        }));
        for (; round.get() < ROUNDS; round.incrementAndGet()) {
            try (RawPeer peer = own.net().connectRaw(server.address(), BUFFERS)) {
                peer.send("r");
                Await.until("the flush has ended", () -> {
                    peer.sawEnd(); // drops what has come
                    return !ends.isEmpty();
                });
                ends.remove()
                        .ifPresent(error -> assertThat(error)
                                .isInstanceOf(IllegalStateException.class)
                                .hasMessageContaining("writeDirect"));
            }
        }
    }

    /** The handler keeps the loop, and tries to send what another thread's flush waits for before it waits itself. */
    @Test
    void theFlushOfAnotherThreadIsToldToo() throws Exception {
        assumeTrue(variant.mode() != Mode.INLINE, "the handler waits");
        BlockingQueue<Background<Void>> flushes = new LinkedBlockingQueue<>();
        Listening server = own.net().listen(slowServer().onRequest(connection -> {
            connection.reader().skip(1);
            Arena arena = Arena.ofShared();
            flushes.add(Background.run(() -> connection
                            .writer()
                            .writeDirect(arena.allocate(PIECES * PIECE))
                            .flush())
                    .spinUntilBlocked());
            Arenas.close(arena);
            connection.reader().readByte();
        }));
        for (int round = 0; round < 10; round++) {
            try (RawPeer peer = own.net().connectRaw(server.address(), BUFFERS)) {
                peer.send("r");
                Await.until("a flush waits", () -> !flushes.isEmpty());
                assertThat(flushes.remove().failure())
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("writeDirect");
            }
        }
    }

    /** {@return a server of which the kernel takes little at once} */
    private Server.Builder slowServer() {
        return own.net()
                .server()
                .options(ConnectionOptions.builder()
                        .socketOption(StandardSocketOptions.SO_SNDBUF, BUFFERS)
                        .build());
    }

    private static void closeSoon(Arena arena, int round) {
        LockSupport.parkNanos(round * CLOSED_LATEST.toNanos() / ROUNDS);
        Arenas.close(arena);
    }

    private interface Answer {
        void write(Connection connection, int piece) throws IOException;
    }

    /** All pieces are written by one run, and received by a peer that begins to read only then, or when it has to. */
    private void check(Answer answer) throws Exception {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        ConnectionHandler handler = connection -> {
            connection.reader().skip(1);
            for (int piece = 0; piece < PIECES; piece++) {
                answer.write(connection, piece);
            }
        };
        Listening server = own.net()
                .listen(own.net()
                        .server()
                        .options(ConnectionOptions.builder()
                                .outboundHighMark(2 * PIECES * PIECE)
                                .socketOption(StandardSocketOptions.SO_SNDBUF, BUFFERS)
                                .build())
                        .onError((connection, error) -> failure.set(error))
                        .onRequest(handler));
        try (RawPeer peer = own.net().connectRaw(server.address(), BUFFERS)) {
            peer.send("r");
            for (int piece = 0; piece < PIECES; piece++) {
                byte[] received = peer.receive(length(piece) + 2);
                assertThat((char) received[0]).isEqualTo('<');
                assertThat((char) received[received.length - 1]).isEqualTo('>');
                for (int i = 1; i < received.length - 1; i++) {
                    if (received[i] != 'a' + piece) {
                        throw new AssertionError("piece " + piece + " has " + (char) received[i] + " at " + i);
                    }
                }
            }
        }
        assertThat(failure).hasNullValue();
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.DetachedSocket;
import dev.netpoll.WriteTimeoutException;
import dev.netpoll.conformance.support.Crowd;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Rounds;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.internal.connection.Paces;
import dev.netpoll.testkit.Await;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What a flush has accepted is sent, or the stream ends there: a detach that gives up leaves no hole in front of what
 * is flushed later.
 */
@Variants(
        backends = {"epoll", "io_uring"},
        transports = Transport.TCP4,
        modes = Mode.ADAPTIVE)
@SuppressWarnings({"try", "NonAtomicVolatileUpdate"}) // one writer
class NoHoleTest extends OwnNetTest {
    private static final int PIECE = 1000;
    private static final int LEFT = 14;
    private static final int TRIES = Rounds.of(8);
    private static final int BUFFER = 16 << 10;
    private static final Duration PATIENCE = Duration.ofMillis(50);

    private Crowd crowd;

    /** Its answers are left to a loop that has much to do. */
    @BeforeEach
    void keepTheLoopBusy() throws Exception {
        crowd = new Crowd(own.net().serve(Handlers.echo()).address()).awaitTalk();
    }

    @AfterEach
    void stop() throws Exception {
        crowd.close();
    }

    /** What a handler did: all it knows about what the peer must get. */
    private static final class Story {
        volatile @Nullable Thread detaching;
        volatile @Nullable Throwable cut;
        volatile @Nullable Throwable detach;
        volatile @Nullable DetachedSocket socket;
        volatile int accepted;
        volatile boolean peerMayRead;
        volatile @Nullable Throwable later;
        volatile boolean over;
    }

    @Test
    void behindADetachThatTimesOut() throws Exception {
        checkTries(false);
    }

    @Test
    void behindADetachThatIsInterrupted() throws Exception {
        checkTries(true);
    }

    private void checkTries(boolean interrupts) throws Exception {
        int capacity = capacity();
        int refused = 0;
        for (int i = 0; i < TRIES && refused < 5; i++) {
            refused += check(interrupts, capacity) ? 1 : 0;
        }
    }

    /** {@return whether the detach gave up} */
    private boolean check(boolean interrupts, int capacity) throws Exception {
        Story story = new Story();
        Listening server = own.net()
                .listen(own.net().server().onConnect(Paces::proveShort).onRequest(connection -> {
                    Handlers.discard().handle(connection);
                    tell(connection, story, capacity, interrupts);
                }));
        RawPeer peer = own.net().connectRaw(server.address(), BUFFER);
        peer.send("?");
        if (interrupts) {
            Await.until("it detaches", () -> story.detaching != null || story.over);
            while (!story.peerMayRead && !story.over) {
                Thread thread = story.detaching;
                if (thread != null) {
                    thread.interrupt();
                }
                Thread.onSpinWait();
            }
        }
        Await.until("the detach has ended", () -> story.peerMayRead || story.over);
        DetachedSocket socket = story.socket;
        if (socket != null) {
            own.net()
                    .closing(own.group().adopt(socket, dev.netpoll.ConnectionOptions.defaults()))
                    .close();
        }
        byte[] received = receiveAll(peer);
        Await.until("the handler is done", () -> story.over);
        checkPieces(received, story);
        server.server().close();
        own.net().takeErrors();
        return story.detach != null && story.cut == null;
    }

    /** The handler: fills the socket and what may be left to the loop, then detaches, then goes on. */
    private static void tell(Connection connection, Story story, int capacity, boolean interrupts) throws IOException {
        try {
            connection.setWriteTimeout(PATIENCE);
            fill(connection, story, capacity);
            if (story.cut != null) {
                return;
            }
            if (interrupts) {
                connection.setWriteTimeout(Timing.LONG);
            }
            story.detaching = Thread.currentThread();
            try {
                story.socket = connection.detach();
                return;
            } catch (IOException | IllegalStateException failure) {
                story.detach = failure;
            } finally {
                story.detaching = null;
                story.peerMayRead = true;
                boolean _ = Thread.interrupted();
            }
            connection.setWriteTimeout(Await.DEADLINE);
            Thread.interrupted();
            try {
                piece(connection, story);
            } catch (IOException failure) {
                story.later = failure;
            }
        } finally {
            story.over = true;
            connection.close();
        }
    }

    /**
     * Fills the socket but for some pieces, then flushes more of them than fit: if they are left to the loop, all are
     * accepted.
     */
    private static void fill(Connection connection, Story story, int capacity) throws IOException {
        int pieces = capacity / PIECE - LEFT / 2;
        for (int i = 0; i < pieces; i++) {
            connection.writer().writeBytes(number(i));
        }
        try {
            connection.writer().flush();
            story.accepted = pieces;
            for (int i = 0; i < LEFT; i++) {
                piece(connection, story);
            }
        } catch (WriteTimeoutException timeout) {
            if (timeout.bytesSent() > 0) {
                story.cut = timeout;
            }
        }
    }

    /** {@return how many bytes a connection takes while its peer does not read} */
    private int capacity() throws Exception {
        AtomicLong taken = new AtomicLong();
        Listening server = own.net().serve(connection -> {
            Handlers.discard().handle(connection);
            connection.setWriteTimeout(PATIENCE);
            try {
                connection.writer().writeBytes(new byte[16 << 20]).flush();
            } catch (WriteTimeoutException full) {
                taken.set(full.bytesSent());
            }
        });
        own.net().connectRaw(server.address(), BUFFER).send("?");
        Await.until("it is full", () -> taken.get() > 0);
        server.server().close();
        return (int) taken.get();
    }

    /** Flushes the next piece: its number in all places. */
    private static void piece(Connection connection, Story story) throws IOException {
        connection.writer().writeBytes(number(story.accepted)).flush();
        story.accepted++;
    }

    private static byte[] number(int i) {
        ByteBuffer piece = ByteBuffer.allocate(PIECE);
        while (piece.hasRemaining()) {
            piece.putInt(i);
        }
        return piece.array();
    }

    private static byte[] receiveAll(RawPeer peer) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
        boolean[] ended = {false};
        while (!ended[0]) {
            Await.until("more or the end comes", () -> {
                try {
                    int n = peer.channel().read(buffer.clear());
                    ended[0] = n < 0;
                    all.write(buffer.array(), 0, Math.max(n, 0));
                    return n != 0;
                } catch (IOException reset) {
                    ended[0] = true;
                    return true;
                }
            });
        }
        return all.toByteArray();
    }

    private static void checkPieces(byte[] received, Story story) {
        ByteBuffer bytes = ByteBuffer.wrap(received);
        for (int i = 0; i + 3 < received.length; i += 4) {
            assertThat(bytes.getInt(i))
                    .as(
                            "piece %d at byte %d of %d; accepted %d, detach: %s, later: %s",
                            i / PIECE, i, received.length, story.accepted, story.detach, story.later)
                    .isEqualTo(i / PIECE);
        }
        if (story.later == null && story.detach != null && story.cut == null) {
            assertThat(received.length)
                    .as("all that was accepted; detach: %s", story.detach)
                    .isEqualTo(story.accepted * PIECE);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.Framing;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** The budget of memory that the connections of a group have together: who waits for it, and who does not. */
@Variants(transports = Transport.TCP4, modes = Mode.ADAPTIVE)
class SharedMemoryTest extends BudgetTest {
    private static final long BUDGET = 1L << 20;
    private static final int PEERS = 20;
    private static final int MANY = 300;

    /** What all may hold in any case, and what was on its way when the budget was used up. */
    private static final long BOUND = BUDGET + PEERS * (64L << 10);

    /** Longer than somebody may be favoured who gets nothing, several times. */
    private static final Duration LONG = Duration.ofMillis(2500);

    SharedMemoryTest() {
        super(BUDGET);
    }

    private long used() {
        return own.group().budgetStats().usedBytes();
    }

    private void assertUseStays(Duration during, long atMost) {
        assertThat(Await.within(during, () -> used() > atMost))
                .as(() -> own.group().budgetStats().toString())
                .isFalse();
    }

    @Test
    void whoWaitsForNothingGetsNoMoreOfIt() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        Listening server = serveLater(go);
        byte[] much = new byte[2 << 20];
        try {
            for (int i = 0; i < PEERS; i++) {
                RawPeer peer = own.net().connectRaw(server.address());
                int sent = peer.trySend(much);
                assertThat(sent).isPositive();
                Thread.startVirtualThread(() -> peer.sendUntilStuck(Duration.ofSeconds(30), much.length));
            }
            Await.until("most wait for memory", () -> own.group().budgetStats().waiters() >= PEERS / 2);
            assertUseStays(LONG, BOUND);
        } finally {
            go.countDown();
        }
    }

    private void endByReset(RawPeer... peers) throws IOException {
        for (RawPeer peer : peers) {
            peer.reset();
        }
        Await.until("the memory is back", () -> used() == 0);
        own.net().takeErrors();
    }

    @Test
    void aPeerThatDoesNotReadKeepsNobodyOut() throws Exception {
        byte[] much = new byte[16 << 20];
        Listening greedy = own.net()
                .serve(connection -> connection.writer().writeBytes(much).flush());
        Listening echo = own.net().serve(Handlers.echo());
        RawPeer slow = own.net().connectRaw(greedy.address()).send("x");
        Await.until("the memory is used up", () -> used() > BUDGET);
        long begin = System.nanoTime();
        for (int i = 0; i < 5; i++) {
            RawPeer peer = own.net().connectRaw(echo.address()).send("ping");
            assertThat(peer.receiveText(4)).isEqualTo("ping");
        }
        assertThat(System.nanoTime() - begin).isLessThan(Duration.ofSeconds(6).toNanos());
        endByReset(slow);
    }

    /** Together they hold all the memory, so each has to wait for the others: its turn comes without a pause. */
    @Test
    void messagesThatHaveBegunAreCompletedOneAfterTheOther() throws Exception {
        Listening server = listen(ConnectionOptions.builder());
        byte[] frame = Bytes.frame(new byte[100_000]);
        RawPeer[] peers = new RawPeer[MANY];
        for (int i = 0; i < MANY; i++) {
            peers[i] = own.net().connectRaw(server.address());
        }
        long begin = System.nanoTime();
        Background<?>[] sends = new Background<?>[MANY];
        for (int i = 0; i < MANY; i++) {
            RawPeer peer = peers[i];
            sends[i] = Background.run(() -> peer.send(frame).receive(Integer.BYTES));
        }
        for (Background<?> send : sends) {
            send.result();
        }
        assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(8));
    }

    /** Answers each frame with its length. */
    private Listening listen(ConnectionOptions.Builder options) throws IOException {
        return own.net()
                .listen(own.net()
                        .server()
                        .options(options.build())
                        .framing(Framing.lengthField(0, Integer.BYTES))
                        .onRequest(SharedMemoryTest::confirm));
    }

    private static void confirm(Connection connection) throws IOException {
        int length = connection.reader().readInt();
        connection.reader().skip(length);
        connection.writer().writeInt(length).flush();
    }

    /** What it has sent lies in the kernel, and its turn has not come. */
    @Test
    void whoWaitsForMemoryIsNotIdle() throws Exception {
        Duration idle = Duration.ofMillis(100);
        Listening server = listen(ConnectionOptions.builder().idleTimeout(idle));
        byte[] frame = Bytes.frame(new byte[400_000]);
        Background<?>[] sends = new Background<?>[PEERS];
        for (int i = 0; i < PEERS; i++) {
            RawPeer peer = own.net().connectRaw(server.address());
            sends[i] = Background.run(() -> {
                for (int round = 0; round < 5; round++) {
                    peer.send(frame).receive(Integer.BYTES);
                }
            });
        }
        for (Background<?> send : sends) {
            send.result();
        }
    }

    /** Its turn ends, whatever it does with it. */
    @Test
    void peersThatAreSlowDoNotKeepTheOthersWaiting() throws Exception {
        Listening server = listen(ConnectionOptions.builder());
        AtomicBoolean over = new AtomicBoolean();
        Background<Void> slow = sendSlowly(server, 3, Bytes.frame(new byte[1 << 20]), 400_000, over);
        try {
            Await.until("the memory is used up", () -> used() > BUDGET);
            RawPeer peer = own.net().connectRaw(server.address());
            for (int round = 0; round < 3; round++) {
                peer.send(Bytes.frame(new byte[300_000])).receive(Integer.BYTES);
            }
        } finally {
            over.set(true);
            slow.result();
        }
    }

    /** Of a message that never ends: so many bytes at once, then one after the other. */
    private Background<Void> sendSlowly(Listening to, int peers, byte[] message, int atOnce, AtomicBoolean over)
            throws Exception {
        RawPeer[] slow = new RawPeer[peers];
        for (int i = 0; i < peers; i++) {
            slow[i] = own.net().connectRaw(to.address());
        }
        return Background.run(() -> {
            int[] at = new int[peers];
            while (!over.get()) {
                for (int i = 0; i < peers; i++) {
                    int end = at[i] < atOnce ? atOnce : Math.min(at[i] + 1, message.length - 1);
                    try {
                        at[i] += slow[i].trySend(Arrays.copyOfRange(message, at[i], end));
                    } catch (IOException closed) {
                        at[i] = message.length - 1; // which happens to those that hold too much
                    }
                }
                Await.within(Duration.ofMillis(20), over::get);
            }
        });
    }

    /** What they miss is small, so that they need not wait until each of the slow ones has had its turn. */
    @Test
    void smallMessagesGoOnBesideSlowLargeOnes() throws Exception {
        Listening server = listen(ConnectionOptions.builder());
        RawPeer[] peers = {own.net().connectRaw(server.address()), own.net().connectRaw(server.address())};
        AtomicBoolean over = new AtomicBoolean();
        Background<Void> slow = sendSlowly(server, PEERS, Bytes.frame(new byte[1 << 20]), 200_000, over);
        try {
            Await.until("the memory is used up", () -> used() > BUDGET);
            byte[] frame = Bytes.frame(new byte[40_000]);
            long begin = System.nanoTime();
            for (int round = 0; round < 20; round++) {
                for (RawPeer peer : peers) {
                    peer.send(frame).receive(Integer.BYTES);
                }
            }
            assertThat(System.nanoTime() - begin).isLessThan(LONG.toNanos());
            assertThat(used()).as("all the time").isGreaterThan(BUDGET);
        } finally {
            over.set(true);
            slow.result();
        }
    }

    /** Each has its turn, and what they keep of it does not add up. */
    @Test
    void whatSlowPeersHoldIsBounded() throws Exception {
        Listening server = listen(ConnectionOptions.builder());
        byte[] frame = Bytes.frame(new byte[400_000]);
        AtomicBoolean over = new AtomicBoolean();
        Background<Void> stuck = sendSlowly(server, PEERS, frame, frame.length - 1, over);
        try {
            Await.until("the memory is used up", () -> used() > BUDGET);
            assertUseStays(LONG.multipliedBy(3), BOUND + BUDGET + 2L * frame.length);
            RawPeer peer = own.net().connectRaw(server.address());
            peer.send(frame).receive(Integer.BYTES);
            assertThat(own.group().budgetStats().closed()).isPositive();
        } finally {
            over.set(true);
            stuck.result();
        }
    }

    /** Each goes on as a small message, and then holds it. */
    @Test
    void whatManySmallMessagesHoldThatNeverEndIsBounded() throws Exception {
        Listening server = listen(ConnectionOptions.builder());
        byte[] frame = Bytes.frame(new byte[(int) (BUDGET / 16) - 10]);
        byte[] most = Arrays.copyOf(frame, frame.length - 1);
        int count = 8 * PEERS;
        RawPeer[] silent = new RawPeer[count];
        for (int i = 0; i < count; i++) {
            silent[i] = own.net().connectRaw(server.address());
        }
        RawPeer good = own.net().connectRaw(server.address());
        long bound = 3 * BUDGET + count * (8L << 10);
        for (RawPeer peer : silent) {
            peer.trySend(most);
            Await.within(Duration.ofMillis(5), () -> used() > bound);
            assertThat(used()).as("%s", own.group().budgetStats()).isLessThanOrEqualTo(bound);
        }
        assertUseStays(LONG, bound);
        long begin = System.nanoTime();
        good.send(Bytes.frame(new byte[20_000])).receive(Integer.BYTES);
        assertThat(System.nanoTime() - begin).isLessThan(LONG.toNanos());
        endByReset(silent);
    }

    /** What is missing of them nobody knows, so each look at them asks for one byte more. */
    @Test
    void whatLinesWithoutAnEndHoldIsBounded() throws Exception {
        Listening server = own.net().serve(connection -> {
            connection.reader().readUntil((byte) '\n');
            connection.writer().writeByte('.').flush();
        });
        RawPeer good = own.net().connectRaw(server.address());
        RawPeer[] endless = new RawPeer[3 * PEERS];
        for (int i = 0; i < endless.length; i++) {
            endless[i] = own.net().connectRaw(server.address());
        }
        long bound = 5 * BUDGET + endless.length * (8L << 10); // what is closed takes a moment to come back
        byte[] piece = new byte[8_000];
        for (int round = 0; round < 20; round++) {
            for (RawPeer peer : endless) {
                try {
                    peer.trySend(piece);
                } catch (IOException closed) {
                    // which happens to those that hold most
                }
            }
            assertThat(good.send("x\n").receiveText(1)).isEqualTo(".");
            assertUseStays(Duration.ofMillis(20), bound);
        }
        endByReset(endless);
    }

    /** It lies in the kernel, and nobody can be answered any more. */
    @Test
    void whatResetPeersLeaveIsDropped() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        Listening server = serveLater(go);
        RawPeer[] peers = new RawPeer[3 * PEERS];
        try {
            for (int i = 0; i < peers.length; i++) {
                peers[i] = own.net().connectRaw(server.address());
                assertThat(peers[i].trySend(new byte[300_000])).isPositive();
            }
            Await.until("most wait for memory", () -> own.group().budgetStats().waiters() >= PEERS);
            for (RawPeer peer : peers) {
                peer.reset();
            }
            assertUseStays(LONG, 3 * BUDGET);
        } finally {
            go.countDown();
        }
        Await.until("the memory is back", () -> used() == 0);
        own.net().takeErrors();
    }

    /** Its handlers hold what has come, and read no more until they may go. */
    private Listening serveLater(CountDownLatch go) throws IOException {
        return own.net().serve(connection -> {
            connection.reader().readByte();
            assertThat(go.await(60, TimeUnit.SECONDS)).isTrue();
            Handlers.discard().handle(connection);
        });
    }

    /** The end of its stream lies behind bytes that wait for memory, and ends nothing before them. */
    @Test
    void aPeerThatHasSentAllIsAnsweredThoughTheRestWaitsForMemory() throws Exception {
        ConnectionOptions options =
                ConnectionOptions.builder().inboundMarks(32 << 10, 64 << 10).build();
        AtomicReference<Connection> first = new AtomicReference<>();
        CountDownLatch go = new CountDownLatch(1);
        Listening server = own.net()
                .listen(own.net()
                        .server()
                        .options(options)
                        .framing(Framing.lengthField(0, Integer.BYTES))
                        .onRequest(connection -> {
                            int length = connection.reader().readInt();
                            connection.reader().skip(length);
                            if (first.compareAndSet(null, connection)) {
                                assertThat(go.await(60, TimeUnit.SECONDS)).isTrue();
                            }
                            connection.writer().writeInt(length).flush();
                        }));
        RawPeer peer = own.net().connectRaw(server.address());
        peer.send(Bytes.concat(Bytes.frame(new byte[5]), Bytes.frame(new byte[110_000])))
                .finish();
        Await.until("reading pauses", () -> first.get() != null && used() >= 32 << 10);
        if (variant.isNative()) { // the others notice an end when they read it
            Await.until("the end behind that is noticed", () -> !first.get().isActive());
        }
        RawPeer greedy = own.net().connectRaw(server.address());
        byte[] incomplete = Arrays.copyOf(Bytes.frame(new byte[3 << 20]), 2 << 20);
        Background<RawPeer> sending = Background.call(() -> greedy.send(incomplete));
        Await.until("the memory is used up", () -> used() > BUDGET);
        go.countDown();
        assertThat(peer.receive(Integer.BYTES)).containsExactly(0, 0, 0, 5);
        assertThat(ByteBuffer.wrap(peer.receive(Integer.BYTES)).getInt()).isEqualTo(110_000);
        endByReset(sending.result());
    }

    @Test
    void whatTheUserLendsDoesNotCount() throws Exception {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment mine = arena.allocate(16 << 20);
            Listening server = own.net()
                    .serve(connection -> connection.writer().writeDirect(mine).flush());
            RawPeer slow = own.net().connectRaw(server.address()).send("x");
            assertThat(slow.receive(1)).hasSize(1);
            assertUseStays(Duration.ofMillis(300), BUDGET);
            slow.reset();
            Await.until("nothing is lent any more", () -> own.group().connectionCount() == 0);
            own.net().takeErrors();
        }
    }
}

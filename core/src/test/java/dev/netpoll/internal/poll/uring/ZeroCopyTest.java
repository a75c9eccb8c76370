// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.SocketOptions;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportEvents;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.FutureTask;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is sent without copying is right, and its memory is held as long as the kernel reads it, and no longer. */
class ZeroCopyTest implements TransportEvents {
    private static final int PIECE = 64 << 10;
    private static final long DEADLINE_NANOS = 20_000_000_000L;

    private final long blocksBefore = SegmentPool.shared().outstandingBlocks();
    private final SendQueue queue = new SendQueue();
    private UringPoller poller;
    private ServerSocket listener;
    private Socket peer;
    private UringTransport transport;
    private boolean connected;

    @BeforeEach
    void connect() throws Exception {
        assumeTrue(UringMechanism.unavailableReason() == null, UringMechanism::unavailableReason);
        UringMechanism backend = new UringMechanism();
        poller = (UringPoller) backend.openPoller();
        poller.takeOver();
        listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        transport = (UringTransport) backend.open(listener.getLocalSocketAddress(), null);
        transport.setOption(SocketOptions.ZERO_COPY_THRESHOLD, PIECE);
        poller.connect(transport, listener.getLocalSocketAddress(), this);
        turnUntil(() -> connected);
        peer = listener.accept();
    }

    @AfterEach
    void close() throws Exception {
        if (poller != null) {
            transport.close(true);
            poller.close();
            peer.close();
            listener.close();
        }
        queue.clear();
        assertThat(SegmentPool.shared().outstandingBlocks()).isEqualTo(blocksBefore);
    }

    @Test
    void memoryIsHeldUntilThePeerHasTheBytes() throws Exception {
        long sent = fillTheSocket();
        assertThat(poller.zeroCopyRing.isHolding()).isTrue();
        FutureTask<Void> reader = readOnAThread(sent + queue.bytes());
        transport.sendRest(queue);
        turnUntil(() -> queue.isEmpty() && !poller.zeroCopyRing.isHolding());
        reader.get();
    }

    @Test
    void itGivesUpWhereTheKernelHasToCopy() throws Exception {
        assertThat(transport.zeroCopy()).isNotNull();
        add(PIECE, 0);
        transport.sendRest(queue);
        readOnAThread(PIECE).get();
        turnUntil(() -> queue.isEmpty() && !poller.zeroCopyRing.isHolding());
        add(PIECE, 0);
        assertThat(transport.zeroCopy().takes(queue.head()))
                .as("on the loopback interface")
                .isFalse();
        transport.sendRest(queue);
        turnUntil(queue::isEmpty);
        assertThat(poller.zeroCopyRing.isHolding()).isFalse();
        readOnAThread(PIECE).get();
    }

    @Test
    void onlyLargePiecesAreTaken() {
        add(PIECE - 1, 0);
        assertThat(transport.zeroCopy().takes(queue.head())).isFalse();
        add(PIECE, 1);
        assertThat(transport.zeroCopy().takes(queue.head().next)).isTrue();
    }

    @Test
    void aResetGivesTheMemoryBack() throws Exception {
        fillTheSocket();
        assertThat(poller.zeroCopyRing.isHolding()).isTrue();
        transport.close(true);
        turnUntil(() -> !poller.zeroCopyRing.isHolding());
    }

    @Test
    void closingThePollerWaitsForTheKernel() throws Exception {
        fillTheSocket();
        assertThat(poller.zeroCopyRing.isHolding()).isTrue();
        transport.close(true);
        poller.close();
        queue.clear();
        assertThat(SegmentPool.shared().outstandingBlocks()).isEqualTo(blocksBefore);
    }

    @Test
    void whatAnotherThreadSendsIsGivenBackByTheLoop() throws Exception {
        FutureTask<Integer> sender = new FutureTask<>(() -> {
            add(PIECE, 0);
            return transport.send(queue);
        });
        FutureTask<Void> reader = readOnAThread(PIECE);
        Thread.ofVirtual().start(sender);
        assertThat(sender.get()).isEqualTo(Transport.SENT);
        reader.get();
        turnUntil(() -> !poller.zeroCopyRing.isHolding());
    }

    @Test
    void itSurvivesTheThreadThatSent() throws Exception {
        FutureTask<Void> first = new FutureTask<>(() -> {
            poller.takeOver();
            long sent = fillTheSocket();
            assertThat(sent).isPositive();
            poller.leave();
            return null;
        });
        Thread.ofPlatform().start(first).join();
        first.get();
        assertThat(poller.zeroCopyRing.isHolding()).isTrue();
        poller.takeOver();
        transport.close(true);
        turnUntil(() -> !poller.zeroCopyRing.isHolding());
    }

    /** Sends until the kernel takes no more; {@return how much it took} */
    private long fillTheSocket() throws IOException {
        long begin = 0;
        for (int i = 0; i < 1024; i++) {
            add(PIECE, begin);
            begin += PIECE;
            transport.sendRest(queue);
            if (!queue.isEmpty()) {
                return begin - queue.bytes();
            }
        }
        throw new AssertionError("the socket does not fill");
    }

    /** Byte number n of the stream is n modulo 251. */
    private void add(int length, long begin) {
        Block block = SegmentPool.shared().allocate(length);
        for (int i = 0; i < length; i++) {
            block.memory().set(ValueLayout.JAVA_BYTE, i, (byte) ((begin + i) % 251));
        }
        queue.add(Segment.of(block, 0, length));
    }

    private FutureTask<Void> readOnAThread(long length) {
        FutureTask<Void> task = new FutureTask<>(() -> {
            InputStream in = peer.getInputStream();
            byte[] bytes = new byte[8192];
            for (long at = 0; at < length; ) {
                int count = in.read(bytes, 0, (int) Math.min(bytes.length, length - at));
                assertThat(count).isPositive();
                for (int i = 0; i < count; i++) {
                    assertThat(bytes[i]).isEqualTo((byte) ((at + i) % 251));
                }
                at += count;
            }
            return null;
        });
        Thread.ofVirtual().start(task);
        return task;
    }

    private void turnUntil(BooleanSupplier condition) throws IOException {
        long deadline = System.nanoTime() + DEADLINE_NANOS;
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("in time").isLessThan(deadline);
            poller.fetch(1_000_000_000);
            while (poller.deliver()) {}
        }
    }

    @Override
    public void connected() {
        connected = true;
    }

    @Override
    public void received(Segment segments) {
        Segment.freeAll(segments);
    }

    @Override
    public void peerFinished() {}

    @Override
    public void peerGone() {}

    @Override
    public void sent(long bytes, boolean drained) {}

    @Override
    public void failed(int errno) {
        throw new AssertionError(Errno.describe(errno));
    }
}

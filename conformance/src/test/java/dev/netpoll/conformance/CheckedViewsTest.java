// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.netpoll.buffer.BufferMemory;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.buffer.Reader;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Memory of connections in checked mode: views end in time, and what a connection got is its own. */
class CheckedViewsTest extends ConformanceTest {
    @BeforeEach
    void inCheckedMode() {
        assertThat(BufferMemory.isChecked())
                .as("the build runs its tests in checked mode")
                .isTrue();
    }

    private static boolean hasEnded(MemorySegment view) {
        return BufferMemory.releaseOf(view).isPresent();
    }

    @Test
    void viewsOfAHandlerEndWhenItReturns() throws Exception {
        List<MemorySegment> views = new CopyOnWriteArrayList<>();
        Listening server = net.serve(connection -> {
            Reader in = connection.reader();
            if (in.readableBytes() < 20) {
                connection.demand(20);
                return;
            }
            MemorySegment next = in.next(5);
            MemorySegment bytes = MemorySegment.ofBuffer(in.nextBuffer(5));
            MemorySegment peeked = in.peek(10);
            assertThat(next.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) '0');
            in.skip(10);
            views.addAll(List.of(next, bytes, peeked));
        });
        RawPeer peer = net.connectRaw(server.address());
        peer.send("0123456789abcdefghij");
        Await.until("the handler ran", () -> views.size() == 3);
        for (MemorySegment view : views) {
            Await.until("the view has ended", () -> !view.scope().isAlive());
            assertThat(hasEnded(view)).isTrue();
            assertThatIllegalStateException().isThrownBy(() -> view.get(ValueLayout.JAVA_BYTE, 0));
        }
    }

    @Test
    void aViewOfADialedConnectionEndsWithReleaseAndAReservationWithFlush() throws Exception {
        Pair pair = net.pair();
        pair.peer().send("0123456789");
        MemorySegment view = pair.connection().reader().next(5);
        assertThat(hasEnded(view)).isFalse();
        pair.connection().reader().release();
        assertThatIllegalStateException().isThrownBy(() -> view.get(ValueLayout.JAVA_BYTE, 0));
        assertThat(BufferMemory.releaseOf(view).orElseThrow())
                .hasStackTraceContaining("aViewOfADialedConnectionEndsWithReleaseAndAReservationWithFlush");

        MemorySegment reserved = pair.connection().writer().reserve(5);
        reserved.fill((byte) 'r');
        pair.connection().writer().flush();
        assertThatIllegalStateException().isThrownBy(() -> reserved.fill((byte) 'x'));
        assertThat(hasEnded(reserved)).isTrue();
        assertThat(pair.peer().receiveText(5)).isEqualTo("rrrrr");
    }

    @Test
    void buffersThatWereHandedToAConnectionAreNoLeaks() throws Exception {
        Pair pair = net.pair();
        areCollected(List.of(handOver(pair))); // and with it what other tests have left
        long leaks = BufferMemory.stats().leaks();
        List<WeakReference<LinkBuffer>> handedOver = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            handedOver.add(handOver(pair));
        }
        assertThat(pair.peer().receive(21 * 1000)).containsOnly(0);
        areCollected(handedOver);
        Await.stays(
                "no leak is counted", Timing.SHORT, () -> BufferMemory.stats().leaks() == leaks);
    }

    private static void areCollected(List<WeakReference<LinkBuffer>> buffers) {
        Await.until("they are collected", () -> {
            System.gc();
            return buffers.stream().allMatch(buffer -> buffer.refersTo(null));
        });
    }

    @SuppressWarnings("resource") // it is empty after the append
    private static WeakReference<LinkBuffer> handOver(Pair pair) throws IOException {
        LinkBuffer buffer = new LinkBuffer();
        buffer.writeBytes(new byte[900]).flush();
        buffer.writeBytes(new byte[100]);
        pair.connection().writer().append(buffer).flush();
        return new WeakReference<>(buffer);
    }

    /** Forty blocks of 64 KiB would be pinned, if leftovers stayed where they came. */
    @Test
    void aHundredUnreadBytesNeverPinALargeBlock() throws Exception {
        net.awaitMemory("earlier tests have ended", () -> net.group().connectionCount() == 0);
        long connections = 40;
        AtomicLong skipped = new AtomicLong();
        Listening server = net.serve(connection -> {
            long unwanted = Math.max(0, connection.reader().readableBytes() - 100);
            connection.reader().skip(unwanted);
            skipped.addAndGet(unwanted);
        });
        List<RawPeer> peers = new ArrayList<>();
        for (int i = 0; i < connections; i++) {
            peers.add(net.connectRaw(server.address()));
        }
        Await.until("all are there", () -> server.server().connectionCount() == connections);
        long before = LeakCheck.outstandingBytes();
        for (RawPeer peer : peers) {
            peer.send(new byte[60_000]);
        }
        Await.until("only the last hundred bytes of each are left", () -> skipped.get() == connections * 59_900);
        net.awaitMemory("no more is held for them", () -> held(before) <= connections * 1024 + 2 * (64 << 10));
    }

    private static long held(long before) {
        return LeakCheck.outstandingBytes() - before;
    }
}

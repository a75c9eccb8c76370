// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.Framing;
import dev.netpoll.Server;
import dev.netpoll.buffer.BufferMemory;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.buffer.Reader;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.Mode;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.conformance.support.Transport;
import dev.netpoll.conformance.support.Variants;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** What a program keeps of what it has received, in slices and views, is bounded as everything else. */
@Variants(
        transports = Transport.TCP4,
        modes = {Mode.ADAPTIVE, Mode.VIRTUAL})
class KeptMemoryTest extends BudgetTest {
    private static final long BUDGET = 2L << 20;
    private static final int MARK = 128 << 10;
    private static final int FRAME_MAX = 512 << 10;

    /** Of one connection; more comes before it is noticed, most with io_uring. */
    private static final long KEPT_MAX = MARK + FRAME_MAX + (2 << 20);

    private static final Duration LONG = Duration.ofMillis(1500);

    private final AtomicLong keptBytes = new AtomicLong();

    KeptMemoryTest() {
        super(BUDGET);
    }

    @Override
    long closeKept() {
        long bytes = super.closeKept();
        keptBytes.addAndGet(-bytes);
        return bytes;
    }

    private static ConnectionOptions options() {
        return ConnectionOptions.builder()
                .inboundMarks(MARK / 2, MARK)
                .maxFrameLength(FRAME_MAX)
                .build();
    }

    /** Its handlers keep each message. */
    private Server.Builder keeping() {
        ConnectionHandler handler = connection -> {
            Reader reader = connection.reader();
            int length = reader.readInt();
            LinkBuffer slice = reader.slice(length);
            keptBytes.addAndGet(length);
            kept.add(slice);
        };
        return own.net()
                .server()
                .options(options())
                .framing(Framing.lengthField(0, Integer.BYTES))
                .onRequest(handler);
    }

    /** The rest of each frame is dropped. A slice that kept the block of its frame would keep 64 KiB. */
    @Test
    void aSliceOfFewBytesKeepsLittleMemory() throws Exception {
        int frames = 200;
        Listening server = own.net()
                .listen(own.net()
                        .server()
                        .framing(Framing.lengthField(0, Integer.BYTES))
                        .onRequest(connection -> {
                            connection.reader().readInt();
                            kept.add(connection.reader().slice(100));
                        }));
        long before = BufferMemory.stats().outstandingBytes();
        byte[] frame = Bytes.frame(new byte[60_000]);
        RawPeer peer = own.net().connectRaw(server.address());
        for (int i = 0; i < frames; i++) {
            peer.send(frame);
        }
        Await.until("all frames are handled", () -> kept.size() == frames);
        assertThat(BufferMemory.stats().outstandingBytes() - before).isLessThan(frames * 1024L + (1 << 20));
    }

    @Test
    void slicesOfFramesPauseReadingUntilTheyAreClosed() throws Exception {
        Listening server = own.net().listen(keeping());
        RawPeer peer = own.net().connectRaw(server.address());
        byte[] frame = Bytes.frame(new byte[100_000]);
        AtomicBoolean over = new AtomicBoolean();
        AtomicLong sent = new AtomicLong();
        Background<Void> pour = Background.run(() -> {
            int at = 0;
            while (!over.get()) {
                int more = peer.trySend(Arrays.copyOfRange(frame, at, frame.length));
                sent.addAndGet(more);
                at = (at + more) % frame.length;
                if (more == 0) {
                    Await.within(Duration.ofMillis(5), over::get);
                }
            }
        });
        try {
            Await.until("some are kept", () -> keptBytes.get() > 0);
            assertThat(Await.within(LONG, () -> keptBytes.get() > KEPT_MAX)).isFalse();
            long before = sent.get();
            closeKept();
            Await.until("reading goes on", () -> sent.get() > before + MARK);
        } finally {
            over.set(true);
            pour.result();
        }
    }

    /** It might wait for itself. */
    @Test
    void aReaderThatKeepsTooMuchIsToldSo() throws Exception {
        for (boolean views : new boolean[] {false, true}) {
            Pair pair = own.net().pair(options());
            RawPeer peer = pair.peer();
            Background<Void> pour = Background.run(() -> {
                byte[] much = new byte[16 << 20];
                for (int at = 0; at < much.length; ) {
                    at += peer.trySend(Arrays.copyOfRange(much, at, Math.min(much.length, at + 100_000)));
                }
            });
            Reader reader = pair.connection().reader();
            assertThatIllegalStateException()
                    .isThrownBy(() -> {
                        while (true) {
                            if (views) {
                                reader.next(30_000);
                            } else {
                                kept.add(reader.slice(30_000));
                            }
                            assertThat(keptBytes.addAndGet(30_000)).isLessThan(KEPT_MAX);
                        }
                    })
                    .withMessageContaining("release()")
                    .withMessageContaining("close()");
            closeKept();
            keptBytes.set(0);
            reader.release();
            assertThat(reader.readBytes(30_000)).as("and goes on").hasSize(30_000);
            pair.connection().abort();
            assertThat(pour.failure()).as("not all was taken").isInstanceOf(IOException.class);
        }
    }

    /** Nobody is slow but the program: nobody is closed, and all go on when it gives back. */
    @Test
    void whatAllKeepTogetherIsBoundedByTheBudget() throws Exception {
        Listening server = own.net().listen(keeping());
        int peers = 60;
        int frames = 3;
        byte[] frame = Bytes.frame(new byte[100_000]);
        Background<?>[] sends = new Background<?>[peers];
        for (int i = 0; i < peers; i++) {
            RawPeer peer = own.net().connectRaw(server.address());
            sends[i] = Background.run(() -> {
                for (int k = 0; k < frames; k++) {
                    peer.send(frame);
                }
            });
        }
        Await.until("the budget is used up", () -> used() > BUDGET);
        assertThat(Await.within(LONG, () -> used() > 3 * BUDGET + peers * (16L << 10)))
                .as(() -> own.group().budgetStats().toString())
                .isFalse();
        assertThat(own.group().budgetStats().closed()).isZero();
        AtomicLong all = new AtomicLong();
        Await.until("all of them come", () -> all.addAndGet(closeKept()) == 100_000L * peers * frames);
        for (Background<?> send : sends) {
            send.result();
        }
        assertThat(own.group().budgetStats().closed()).isZero();
    }

    private long used() {
        return own.group().budgetStats().usedBytes();
    }
}

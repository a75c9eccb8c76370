// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.PeerClosedException;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.buffer.Reader;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.LeakCheck;
import dev.netpoll.testkit.Await;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Blocking reads of a connection without a handler. */
class ReadTest extends ConformanceTest {
    @Test
    void aThousandReadsSeeAThousandWrites() throws Exception {
        Pair pair = net.pair();
        byte[] block = Bytes.pattern(256);
        Background<Void> sender = Background.runOnPlatformThread(() -> {
            for (int i = 0; i < 1000; i++) {
                pair.peer().send(block);
            }
        });
        Reader in = pair.connection().reader();
        for (int i = 0; i < 1000; i++) {
            assertThat(in.next(block.length).toArray(ValueLayout.JAVA_BYTE)).isEqualTo(block);
            in.release();
        }
        sender.result();
        assertThat(in.readableBytes()).isZero();
    }

    @Test
    void aCopyingReadLeavesAnEarlierViewIntact() throws Exception {
        Pair pair = net.pair();
        byte[] sent = Bytes.pattern(64);
        pair.peer().send(sent);
        Reader in = pair.connection().reader();
        MemorySegment view = in.peek(16);
        byte[] copy = new byte[64];
        in.readBytes(copy);
        assertThat(copy).isEqualTo(sent);
        assertThat(view.toArray(ValueLayout.JAVA_BYTE)).isEqualTo(Arrays.copyOf(sent, 16));
        in.release();
    }

    @Test
    void aReadWaitsForTheSecondHalfOfAMessage() throws Exception {
        Pair pair = net.pair();
        byte[] message = Bytes.pattern(8192);
        pair.peer().send(Arrays.copyOfRange(message, 0, 4096));
        Reader in = pair.connection().reader();
        Await.until("the first half came", () -> in.readableBytes() == 4096);
        Background<byte[]> read = Background.call(() -> in.readBytes(8192)).awaitBlocked();
        pair.peer().send(Arrays.copyOfRange(message, 4096, 8192));
        assertThat(read.result()).isEqualTo(message);
    }

    @Test
    void aReadIsNotSatisfiedByFewerBytesThanItAskedFor() throws Exception {
        Pair pair = net.pair();
        Background<byte[]> read =
                Background.call(() -> pair.connection().reader().readBytes(100)).awaitBlocked();
        for (int i = 0; i < 99; i++) {
            pair.peer().send(new byte[] {(byte) i});
        }
        Await.stays("the read waits for the last byte", Timing.SHORT, () -> !read.isDone());
        pair.peer().send(new byte[] {99});
        assertThat(read.result()).hasSize(100).startsWith(0, 1, 2).endsWith(98, 99);
    }

    @Test
    void bytesSentJustBeforeTheEndReachABlockedRead() throws Exception {
        Pair pair = net.pair();
        byte[] sent = Bytes.pattern(256);
        Background<byte[]> read =
                Background.call(() -> pair.connection().reader().readBytes(256)).awaitBlocked();
        pair.peer().send(sent).close();
        assertThat(read.result()).isEqualTo(sent);
    }

    @Test
    void readUntilFindsEachDelimiterAndFailsWithoutConsumingAtTheEnd() throws Exception {
        Pair pair = net.pair();
        byte[] line = new byte[501];
        Arrays.fill(line, (byte) 'a');
        line[500] = '\n';
        Background<Void> sender = Background.runOnPlatformThread(() -> {
            for (int i = 0; i < 2000; i++) {
                pair.peer().send(line);
            }
            pair.peer().send(new byte[100]).close();
        });
        Reader in = pair.connection().reader();
        for (int i = 0; i < 2000; i++) {
            assertThat(in.readUntil((byte) '\n')).hasSize(501);
        }
        assertThatThrownBy(() -> in.readUntil((byte) '\n')).isInstanceOf(PeerClosedException.class);
        assertThat(in.readBytes(100)).isEqualTo(new byte[100]);
        sender.result();
    }

    @Test
    void bytesBeforeWaitsForTheDelimiter() throws Exception {
        Pair pair = net.pair();
        pair.peer().send("GET /");
        Reader in = pair.connection().reader();
        Background<Long> position =
                Background.call(() -> in.bytesBefore((byte) '\n')).awaitBlocked();
        pair.peer().send("index\nrest");
        assertThat(position.result()).isEqualTo(10);
        assertThat(in.readUtf8(11)).isEqualTo("GET /index\n");
        assertThat(in.readUtf8(4)).isEqualTo("rest");
    }

    @Test
    void oneBigReadFedBySmallWritesKeepsMemoryInProportion() throws Exception {
        Pair pair = net.pair();
        int size = 1 << 20;
        long before = LeakCheck.outstandingBytes();
        Reader in = pair.connection().reader();
        Background<Integer> read = Background.call(() -> (int) in.next(size).byteSize());
        byte[] small = new byte[1024];
        for (int sent = 0; sent < size; sent += small.length) {
            pair.peer().send(small);
        }
        assertThat(read.result()).isEqualTo(size);
        assertThat(LeakCheck.outstandingBytes() - before).isLessThanOrEqualTo(4L * size);
        in.release();
    }

    @Test
    void readReturnsWhatIsThereAndMinusOneAtTheEnd() throws Exception {
        Pair pair = net.pair();
        pair.peer().send("abc");
        Reader in = pair.connection().reader();
        byte[] bytes = new byte[10];
        assertThat(in.read(bytes, 0, 0)).isZero();
        assertThat(in.read(bytes, 2, 8)).isEqualTo(3);
        assertThat(Arrays.copyOfRange(bytes, 2, 5)).isEqualTo("abc".getBytes(StandardCharsets.UTF_8));
        Background<Integer> end =
                Background.call(() -> in.read(ByteBuffer.allocate(5))).awaitBlocked();
        pair.peer().finish();
        assertThat(end.result()).isEqualTo(-1);
        assertThat(in.read(bytes, 0, 1)).isEqualTo(-1);
    }

    @Test
    void anInputStreamReadsToTheEnd() throws Exception {
        Pair pair = net.pair();
        byte[] sent = Bytes.pattern(100_000);
        Background<Void> sender =
                Background.runOnPlatformThread(() -> pair.peer().send(sent).finish());
        InputStream in = pair.connection().reader().asInputStream();
        assertThat(in.readAllBytes()).isEqualTo(sent);
        assertThat(in.read()).isEqualTo(-1);
        sender.result();
    }

    @Test
    void everyKindOfNumberComesAsItWasSent() throws Exception {
        Pair pair = net.pair();
        pair.peer()
                .send(ByteBuffer.allocate(15)
                        .put((byte) -7)
                        .putShort((short) -300)
                        .putInt(1_234_567_890)
                        .putLong(Long.MIN_VALUE + 5)
                        .array());
        Reader in = pair.connection().reader();
        assertThat(in.readByte()).isEqualTo((byte) -7);
        assertThat(in.readShort()).isEqualTo((short) -300);
        assertThat(in.readInt()).isEqualTo(1_234_567_890);
        assertThat(in.readLong()).isEqualTo(Long.MIN_VALUE + 5);
        pair.peer().send(new byte[] {1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0});
        assertThat(in.readShortLE()).isEqualTo((short) 1);
        assertThat(in.readIntLE()).isEqualTo(2);
        assertThat(in.readLongLE()).isEqualTo(3);
    }

    @Test
    void aSliceOutlivesTheConnectionAndMayMoveToAnotherThread() throws Exception {
        Pair pair = net.pair();
        byte[] sent = Bytes.pattern(10_000);
        pair.peer().send(sent);
        LinkBuffer slice = pair.connection().reader().slice(10_000);
        pair.connection().close();
        try (slice) {
            assertThat(Background.call(() -> slice.readBytes(10_000)).result()).isEqualTo(sent);
        }
    }

    @Test
    void readersAndWritersAreAlwaysTheSameObjects() throws Exception {
        Pair pair = net.pair();
        assertThat(pair.connection().reader()).isSameAs(pair.connection().reader());
        assertThat(pair.connection().writer()).isSameAs(pair.connection().writer());
    }

    @Test
    void readsOfNothingOrOfLessThanNothingAreHarmless() throws Exception {
        Pair pair = net.pair();
        Reader in = pair.connection().reader();
        assertThat(in.next(0).byteSize()).isZero();
        assertThat(in.peek(0).byteSize()).isZero();
        in.skip(0);
        assertThat(in.readBytes(0)).isEmpty();
        assertThat(in.readUtf8(0)).isEmpty();
        in.slice(0).close();
        assertThatThrownBy(() -> in.next(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> in.skip(-1)).isInstanceOf(IllegalArgumentException.class);
        in.release();
        in.release();
        pair.peer().send("x");
        assertThat(in.readUtf8(1)).isEqualTo("x");
    }
}

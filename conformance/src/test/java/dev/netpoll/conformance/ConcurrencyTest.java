// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.netpoll.Connection;
import dev.netpoll.WriteTimeoutException;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Both;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.RawPeer;
import dev.netpoll.testkit.Await;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Many threads at a time, on one connection as far as allowed and on many. */
class ConcurrencyTest extends ConformanceTest {
    @Test
    void aConnectionIsReadAndWrittenAtTheSameTimeInBothDirections() throws Exception {
        Both both = net.both();
        byte[] bytes = Bytes.pattern(4 << 20);
        List<Background<byte[]>> readers = new ArrayList<>();
        List<Background<Void>> writers = new ArrayList<>();
        for (Connection connection : List.of(both.dialed(), both.accepted())) {
            readers.add(Background.call(() -> connection.reader().readBytes(bytes.length)));
            writers.add(Background.run(() -> {
                for (int from = 0; from < bytes.length; from += 10_000) {
                    int length = Math.min(10_000, bytes.length - from);
                    connection.writer().writeBytes(bytes, from, length).flush();
                }
            }));
        }
        writers.forEach(Background::result);
        readers.forEach(
                reader -> assertThat(Arrays.equals(reader.result(), bytes)).isTrue());
    }

    @Test
    void writesOfASharedChannelAreNeverMixed() throws Exception {
        Both both = net.both();
        int writers = 8;
        int each = 100;
        List<Background<Void>> tasks = new ArrayList<>();
        for (int i = 0; i < writers; i++) {
            byte[] record = new byte[700];
            Arrays.fill(record, (byte) i);
            tasks.add(Background.run(() -> {
                for (int j = 0; j < each; j++) {
                    ByteBuffer buffer = ByteBuffer.wrap(record);
                    assertThat(both.dialed().asByteChannel().write(buffer)).isEqualTo(record.length);
                    assertThat(buffer.hasRemaining()).isFalse();
                }
            }));
        }
        int[] counts = new int[writers];
        for (int i = 0; i < writers * each; i++) {
            byte[] record = both.accepted().reader().readBytes(700);
            for (byte b : record) {
                assertThat(b).isEqualTo(record[0]);
            }
            counts[record[0]]++;
        }
        tasks.forEach(Background::result);
        assertThat(counts).containsOnly(each);
    }

    @Test
    void aWriteThatTimesOutLeavesTheRestInTheBuffer() throws Exception {
        Both both = net.both();
        both.dialed().setWriteTimeout(Timing.SHORT);
        byte[] bytes = Bytes.pattern(20 << 20);
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        for (int i = 0; i < 2; i++) { // the second sends nothing
            int before = buffer.position();
            WriteTimeoutException failure = catchThrowableOfType(
                    WriteTimeoutException.class,
                    () -> both.dialed().asByteChannel().write(buffer));
            assertThat(failure.bytesSent()).isEqualTo(buffer.position() - before);
        }
        both.dialed().setWriteTimeout(Timing.LONG);
        Background<Integer> rest =
                Background.call(() -> both.dialed().asByteChannel().write(buffer));
        assertThat(Arrays.equals(both.accepted().reader().readBytes(bytes.length), bytes))
                .isTrue();
        rest.result();
    }

    @Test
    void readsOfASharedChannelLoseAndRepeatNothing() throws Exception {
        Both both = net.both();
        AtomicLong sum = new AtomicLong();
        AtomicLong count = new AtomicLong();
        List<Background<Void>> readers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            readers.add(Background.run(() -> {
                ByteBuffer buffer = ByteBuffer.allocate(100);
                while (both.accepted().asByteChannel().read(buffer.clear()) >= 0) {
                    buffer.flip();
                    count.addAndGet(buffer.remaining());
                    while (buffer.hasRemaining()) {
                        sum.addAndGet(buffer.get());
                    }
                }
            }));
        }
        byte[] bytes = Bytes.pattern(200_000);
        long expected = 0;
        for (byte b : bytes) {
            expected += b;
        }
        both.dialed().writer().writeBytes(bytes).flush();
        both.dialed().shutdownOutput();
        readers.forEach(Background::result);
        assertThat(count).hasValue(bytes.length);
        assertThat(sum).hasValue(expected);
    }

    @Test
    void aHundredParallelShortConnectionsLoseNothing() throws Exception {
        AtomicLong received = new AtomicLong();
        Listening server = net.serve(Handlers.count(received));
        List<Background<Void>> clients = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            clients.add(Background.run(() -> {
                try (Connection client = net.dialer().build().dial(server.address())) {
                    client.writer().writeBytes(new byte[1024]).flush();
                }
            }));
        }
        clients.forEach(Background::result);
        Await.until("everything arrived", () -> received.get() == 100 * 1024);
        server.awaitNoConnections();
    }

    @Test
    void clientsThatWriteAndCloseAtOnceLoseNothing() throws Exception {
        AtomicLong received = new AtomicLong();
        Listening server = net.serve(Handlers.count(received));
        for (int i = 0; i < 10; i++) {
            RawPeer client = net.connectRaw(server.address());
            client.send(new byte[5000]);
            client.close();
        }
        Await.until("everything arrived", () -> received.get() == 50_000);
    }

    @Test
    void anythingThatIsSafeFromAnyThreadIsSafeWhileTheConnectionCloses() throws Exception {
        for (int round = 0; round < 20; round++) {
            Both both = net.both();
            Connection connection = both.dialed();
            List<Background<Void>> tasks = new ArrayList<>();
            tasks.add(Background.run(() -> connection.setReadTimeout(Timing.LONG)));
            tasks.add(Background.run(() -> connection.setReadDeadline(null)));
            tasks.add(Background.run(() -> connection.setIdleTimeout(Timing.LONG)));
            tasks.add(Background.run(connection::pauseReading));
            tasks.add(Background.run(connection::resumeReading));
            tasks.add(Background.run(() -> connection.attach(connection.attachment())));
            tasks.add(Background.run(() -> connection.onRequest(Handlers.discard())));
            tasks.add(Background.run(connection::isActive));
            tasks.add(Background.run(connection::abort));
            tasks.add(Background.run(connection::close));
            both.accepted().close();
            tasks.forEach(Background::result);
        }
    }
}

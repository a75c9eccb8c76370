// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.netpoll.Connection;
import dev.netpoll.ReadTimeoutException;
import dev.netpoll.WriteTimeoutException;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Harness.Both;
import dev.netpoll.testkit.Await;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ByteChannel;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The cases of Go's golang.org/x/net/nettest.TestConn, on two connections of the library that are connected with each
 * other, through {@link Connection#asByteChannel()}. One rule differs: a read of bytes that are there succeeds though
 * its deadline has passed. Writes that are to time out are repeated until the kernel is full.
 */
class NettestTest extends ConformanceTest {
    private static final Instant LONG_AGO = Instant.EPOCH;
    private static final int CHUNK = 1024;

    private Connection c1;
    private Connection c2;

    @BeforeEach
    void connect() throws IOException {
        Both both = net.both();
        c1 = both.dialed();
        c2 = both.accepted();
    }

    @Test
    void basicIO() throws Exception {
        byte[] want = Bytes.pattern(1 << 20);
        Background<Void> writer = Background.run(() -> {
            for (int from = 0; from < want.length; from += CHUNK) {
                write(c1, ByteBuffer.wrap(want, from, CHUNK));
            }
            c1.asByteChannel().close();
        });
        ByteArrayOutputStream got = new ByteArrayOutputStream();
        ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
        while (c2.asByteChannel().read(buffer.clear()) >= 0) {
            got.write(buffer.array(), 0, buffer.position());
        }
        assertThat(got.toByteArray()).isEqualTo(want);
        writer.result();
    }

    @Test
    void pingPong() throws Exception {
        Background<Long> first = Background.call(() -> pingPong(c1));
        Background<Long> second = Background.call(() -> pingPong(c2));
        // Starts the chain.
        write(c1, ByteBuffer.allocate(Long.BYTES));
        assertThat(Math.max(first.result(), second.result())).isEqualTo(1000);
    }

    private static long pingPong(Connection connection) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        long previous = 0;
        while (readFully(connection, buffer.clear())) {
            long value = buffer.getLong(0);
            buffer.putLong(0, value + 1);
            assertThat(previous == 0 || previous + 2 == value).isTrue();
            previous = value;
            if (value == 1000) {
                break;
            }
            write(connection, buffer.rewind());
        }
        connection.close();
        return previous;
    }

    @Test
    void racyRead() throws Exception {
        Background<Void> source = pour(c2);
        c1.setReadDeadline(Instant.now().plusMillis(1));
        List<Background<Void>> readers = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            readers.add(Background.run(() -> {
                ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
                for (int j = 0; j < 100; j++) {
                    Throwable failure = catchThrowable(() -> c1.asByteChannel().read(buffer.clear()));
                    if (failure != null) {
                        assertThat(failure).isInstanceOf(ReadTimeoutException.class);
                        c1.setReadDeadline(Instant.now().plusMillis(1));
                    }
                }
            }));
        }
        readers.forEach(Background::result);
        end(source);
    }

    @Test
    void racyWrite() throws Exception {
        Background<Void> sink = drain(c2);
        c1.setWriteDeadline(Instant.now().plusMillis(1));
        List<Background<Void>> writers = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            writers.add(Background.run(() -> {
                for (int j = 0; j < 100; j++) {
                    Throwable failure = catchThrowable(() -> write(c1, ByteBuffer.allocate(CHUNK)));
                    if (failure != null) {
                        assertThat(failure).isInstanceOf(WriteTimeoutException.class);
                        c1.setWriteDeadline(Instant.now().plusMillis(1));
                    }
                }
            }));
        }
        writers.forEach(Background::result);
        end(sink);
    }

    @Test
    void readTimeout() throws Exception {
        Background<Void> sink = drain(c2);
        c1.setReadDeadline(LONG_AGO);
        assertReadTimesOut();
        write(c1, ByteBuffer.allocate(1));
        end(sink);
    }

    @Test
    void writeTimeout() throws Exception {
        Background<Void> source = pour(c2);
        c1.setWriteDeadline(LONG_AGO);
        writeUntilTimeout();
        assertThat(c1.asByteChannel().read(ByteBuffer.allocate(1))).isEqualTo(1);
        end(source);
    }

    @Test
    void pastTimeout() throws Exception {
        Background<Void> echo = echo(c2);
        roundTrip();
        c1.setReadDeadline(LONG_AGO);
        c1.setWriteDeadline(LONG_AGO);
        assertReadTimesOut();
        assertReadTimesOut();
        roundTrip();
        end(echo);
    }

    @Test
    void presentTimeout() throws Exception {
        Background<Void> reader = Background.run(this::assertReadTimesOut);
        Background<Void> writer = Background.run(this::writeUntilTimeout);
        reader.awaitBlocked();
        writer.awaitBlocked();
        c1.setReadDeadline(LONG_AGO);
        c1.setWriteDeadline(LONG_AGO);
        reader.result();
        writer.result();
    }

    @Test
    void futureTimeout() throws Exception {
        Instant deadline = Instant.now().plus(Timing.SHORT);
        c1.setReadDeadline(deadline);
        c1.setWriteDeadline(deadline);
        Background<Void> reader = Background.run(this::assertReadTimesOut);
        Background<Void> writer = Background.run(this::writeUntilTimeout);
        reader.result();
        writer.result();
        assertThat(Instant.now()).isAfterOrEqualTo(deadline.minusMillis(5));
        Background<Void> echo = echo(c2);
        resynchronize();
        roundTrip();
        end(echo);
    }

    @Test
    void closeTimeout() throws Exception {
        Background<Void> echo = echo(c2);
        Background<Throwable> reader = Background.call(() -> catchThrowable(() -> {
            while (c1.asByteChannel().read(ByteBuffer.allocate(CHUNK)) >= 0) {
                // Until it fails.
            }
            throw new IOException("end of stream");
        }));
        Background<Throwable> writer = Background.call(() -> catchThrowable(() -> {
            while (true) {
                write(c1, ByteBuffer.allocate(CHUNK));
            }
        }));
        Background<Void> closer = Background.run(() -> {
            Await.within(Timing.SHORT, () -> false);
            c1.close();
        });
        assertThat(reader.result()).isInstanceOf(IOException.class);
        assertThat(writer.result()).isInstanceOf(IOException.class);
        closer.result();
        end(echo);
    }

    @Test
    void concurrentMethods() throws Exception {
        Background<Void> echo = echo(c2);
        List<Background<Throwable>> calls = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            calls.add(attempt(() -> c1.asByteChannel().read(ByteBuffer.allocate(CHUNK))));
            calls.add(attempt(() -> write(c1, ByteBuffer.allocate(CHUNK))));
            calls.add(attempt(() -> {
                c1.setReadDeadline(Instant.now().plusMillis(10));
                c1.setWriteDeadline(Instant.now().plusMillis(10));
            }));
            calls.add(attempt(() -> c1.setReadDeadline(LONG_AGO)));
            calls.add(attempt(() -> c1.setWriteDeadline(LONG_AGO)));
            calls.add(attempt(c1::localAddress));
            calls.add(attempt(c1::remoteAddress));
        }
        for (Background<Throwable> call : calls) {
            Throwable failure = call.result();
            if (failure != null) {
                assertThat(failure).isInstanceOfAny(ReadTimeoutException.class, WriteTimeoutException.class);
            }
        }
        resynchronize();
        roundTrip();
        end(echo);
    }

    private static Background<Throwable> attempt(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        return Background.call(() -> catchThrowable(call));
    }

    private void assertReadTimesOut() {
        ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
        assertThatThrownBy(() -> c1.asByteChannel().read(buffer)).isInstanceOf(ReadTimeoutException.class);
        assertThat(buffer.position()).isZero();
    }

    private void writeUntilTimeout() {
        Throwable failure = null;
        while (failure == null) {
            failure = catchThrowable(() -> write(c1, ByteBuffer.allocate(CHUNK)));
        }
        assertThat(failure).isInstanceOf(WriteTimeoutException.class);
    }

    private void noDeadline() {
        c1.setReadDeadline(null);
        c1.setWriteDeadline(null);
        c1.setReadTimeout(Duration.ofSeconds(20));
        c1.setWriteTimeout(Duration.ofSeconds(20));
    }

    private void roundTrip() throws IOException {
        noDeadline();
        ByteBuffer hello = ByteBuffer.wrap("Hello, world!".getBytes(java.nio.charset.StandardCharsets.UTF_8));
        write(c1, hello);
        ByteBuffer answer = ByteBuffer.allocate(hello.capacity());
        assertThat(readFully(c1, answer)).isTrue();
        assertThat(answer.array()).isEqualTo(hello.array());
    }

    /** Sends a mark and reads until it comes back, whatever was on its way before; that was zeros. */
    private void resynchronize() throws IOException {
        noDeadline();
        Background<Void> mark = Background.run(() -> write(c1, ByteBuffer.wrap(new byte[] {(byte) 0xff})));
        ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
        byte last = 0;
        while (last != (byte) 0xff) {
            assertThat(c1.asByteChannel().read(buffer.clear())).isPositive();
            last = buffer.get(buffer.position() - 1);
        }
        mark.result();
    }

    private static void write(Connection connection, ByteBuffer bytes) throws IOException {
        int length = bytes.remaining();
        assertThat(connection.asByteChannel().write(bytes)).isEqualTo(length);
    }

    private static boolean readFully(Connection connection, ByteBuffer buffer) throws IOException {
        ByteChannel channel = connection.asByteChannel();
        while (buffer.hasRemaining()) {
            if (channel.read(buffer) < 0) {
                return false;
            }
        }
        return true;
    }

    private static Background<Void> echo(Connection connection) {
        return endless(() -> {
            ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
            while (connection.asByteChannel().read(buffer.clear()) >= 0) {
                write(connection, buffer.flip());
            }
        });
    }

    private static Background<Void> drain(Connection connection) {
        return endless(() -> {
            ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
            while (connection.asByteChannel().read(buffer.clear()) >= 0) {
                // Goes on to the end.
            }
        });
    }

    private static Background<Void> pour(Connection connection) {
        return endless(() -> {
            while (true) {
                write(connection, ByteBuffer.allocate(CHUNK));
            }
        });
    }

    private static Background<Void> endless(Background.Action action) {
        return Background.run(() -> {
            Throwable end = catchThrowable(action::run);
            assertThat(end == null || end instanceof IOException).as("%s", end).isTrue();
        });
    }

    /** Closes both ends, which must end the helper too. */
    private void end(Background<Void> helper) {
        c1.close();
        c2.close();
        helper.result();
    }
}

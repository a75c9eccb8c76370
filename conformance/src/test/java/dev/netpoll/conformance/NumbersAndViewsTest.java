// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.PeerClosedException;
import dev.netpoll.ReadTimeoutException;
import dev.netpoll.buffer.MalformedVarIntException;
import dev.netpoll.buffer.Reader;
import dev.netpoll.buffer.StreamReader;
import dev.netpoll.buffer.StreamWriter;
import dev.netpoll.buffer.Writer;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Harness.Both;
import dev.netpoll.conformance.support.Harness.Pair;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Numbers of variable length, views as byte buffers, and streams over sockets. */
class NumbersAndViewsTest extends ConformanceTest {
    private static final byte MORE = (byte) 0x80;

    @Test
    void aNumberOfVariableLengthWaitsForItsLastByteAndForNoMore() throws Exception {
        Pair pair = net.pair();
        Reader in = pair.connection().reader();
        for (int length = 1; length <= 10; length++) {
            Background<Long> read = Background.call(in::readVarLong).awaitBlocked();
            for (int i = 1; i < length; i++) {
                pair.peer().send(new byte[] {MORE});
                read.awaitBlocked();
                assertThat(read.isDone()).isFalse();
            }
            pair.peer().send(new byte[] {1});
            assertThat(read.result()).isEqualTo(1L << (7 * (length - 1)));
        }
        assertThat(in.readableBytes()).isZero();
    }

    @Test
    void numbersOfAllLengthsAndSignsArriveAsTheyWereWritten() throws Exception {
        Both both = net.both();
        Background<Void> writer = Background.run(() -> {
            Writer out = both.dialed().writer();
            for (int bit = 0; bit < Long.SIZE; bit++) {
                for (long number : around(bit)) {
                    out.writeVarLong(number).writeZigZagLong(number);
                    out.writeVarInt((int) number).writeZigZagInt((int) number);
                    out.writeFloat((float) number).writeDoubleLE((double) number);
                }
                out.flush();
            }
        });
        Reader in = both.accepted().reader();
        for (int bit = 0; bit < Long.SIZE; bit++) {
            for (long number : around(bit)) {
                assertThat(in.readVarLong()).isEqualTo(number);
                assertThat(in.readZigZagLong()).isEqualTo(number);
                assertThat(in.readVarInt()).isEqualTo((int) number);
                assertThat(in.readZigZagInt()).isEqualTo((int) number);
                assertThat(in.readFloat()).isEqualTo((float) number);
                assertThat(in.readDoubleLE()).isEqualTo((double) number);
            }
        }
        writer.result();
        assertThat(in.readableBytes()).isZero();
    }

    private static long[] around(int bit) {
        return new long[] {(1L << bit) - 1, 1L << bit, (1L << bit) + 1, -(1L << bit)};
    }

    @Test
    void aMalformedNumberConsumesNothingAndTheConnectionStaysUsable() throws Exception {
        Pair pair = net.pair();
        byte[] five = {-1, -1, -1, -1, 0x10};
        pair.peer().send(five);
        Reader in = pair.connection().reader();
        assertThatThrownBy(in::readVarInt)
                .isInstanceOf(MalformedVarIntException.class)
                .hasMessageContaining("ff ff ff ff 10");
        assertThat(in.readableBytes()).isEqualTo(5);
        assertThat(in.readVarLong()).isEqualTo(0x1_0FFF_FFFFL);
    }

    @Test
    void aNumberWhoseEndDoesNotComeIsNotConsumed() throws Exception {
        Pair pair = net.pair();
        pair.peer().send(new byte[] {MORE, MORE});
        Reader in = pair.connection().reader();
        pair.connection().setReadTimeout(Timing.SHORT);
        assertThatThrownBy(in::readVarInt).isInstanceOf(ReadTimeoutException.class);
        assertThat(in.readableBytes()).isEqualTo(2);
        pair.peer().finish();
        assertThatThrownBy(in::readVarInt).isInstanceOf(PeerClosedException.class);
        assertThat(in.readBytes(2)).containsOnly(MORE);
    }

    @Test
    void viewsAsByteBuffersWaitForTheirBytesAndLastUntilRelease() throws Exception {
        Pair pair = net.pair();
        byte[] sent = Bytes.pattern(20_000);
        pair.peer().send(Arrays.copyOf(sent, 5_000));
        Reader in = pair.connection().reader();
        ByteBuffer first = in.peekBuffer(5_000);
        Background<ByteBuffer> read =
                Background.call(() -> in.peekBuffer(20_000)).awaitBlocked();
        pair.peer().send(Arrays.copyOfRange(sent, 5_000, 20_000));
        ByteBuffer all = read.result();
        ByteBuffer next = in.nextBuffer(10_000);
        in.skip(10_000);
        assertThat(first).isEqualTo(ByteBuffer.wrap(sent, 0, 5_000));
        assertThat(all).isEqualTo(ByteBuffer.wrap(sent));
        assertThat(next).isEqualTo(ByteBuffer.wrap(sent, 0, 10_000));
        assertThat(next.isReadOnly()).isTrue();
        assertThat(next.order()).isEqualTo(ByteOrder.BIG_ENDIAN);
        in.release();
    }

    @Test
    void byteBuffersAndArraysAreWrittenAtReservedPlaces() throws Exception {
        Pair pair = net.pair();
        ByteBuffer direct = ByteBuffer.allocateDirect(50_000);
        MemorySegment.ofBuffer(direct).fill((byte) 'd');
        byte[] array = {'a'};
        Writer out = pair.connection().writer();
        ByteBuffer header = out.reserveBuffer(8);
        out.commit(header.put((byte) '<').put((byte) '>').position());
        out.writeDirect(array, 1)
                .writeDirect(ByteBuffer.wrap(new byte[] {'h'}), 1)
                .writeDirect(direct, 1);
        array[0] = 'X';
        out.flush();
        assertThat(direct.hasRemaining()).isFalse();
        assertThat(pair.peer().receiveText(50_004)).isEqualTo("<ah" + "d".repeat(50_000) + ">");
    }

    @Test
    void streamsOverAPlainSocketTalkToAConnection() throws Exception {
        Pair pair = net.pair();
        byte[] payload = Bytes.pattern(1 << 20);
        Background<Void> echo = Background.run(() -> {
            Reader in = pair.connection().reader();
            Writer out = pair.connection().writer();
            int length = in.readVarInt();
            out.writeVarInt(length).writeBytes(in.next(length)).flush();
            in.release();
        });
        SocketChannel socket = pair.peer().channel();
        socket.configureBlocking(true);
        try (StreamWriter out = StreamWriter.of(socket);
                StreamReader in = StreamReader.of(socket)) {
            Background<Void> sender = Background.runOnPlatformThread(() -> {
                out.writeVarInt(payload.length).writeBytes(payload);
                out.flush();
            });
            assertThat(in.readBytes(in.readVarInt())).isEqualTo(payload);
            sender.result();
            echo.result();
            pair.connection().close();
            assertThat(in.read(new byte[1], 0, 1)).isEqualTo(-1);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.buffer;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.netpoll.buffer.LinkBuffer;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import okio.Buffer;

/**
 * What each peer does in scenario (c): many small fields, written at the end of a buffer and read from its beginning.
 * The buffer is never empty, so its position moves on from call to call and crosses the ends of segments.
 */
interface Fields extends AutoCloseable {
    /** A byte, a short, an int and a long, so many times. */
    int ROUNDS = 25;

    /** The same with a text behind them, so many times. */
    int TEXT_ROUNDS = 20;

    /** What is in the buffer between the calls: so many sets of fields. */
    int BACKLOG = 8;

    /** The texts: ASCII, with their length in one byte in front. */
    int TEXT_BYTES = 10;

    /** The least room for all of it, doubled. */
    int ROOM = 16 << 10;

    /** Writes a set of numbers that are made from {@code seed}. */
    void write(int seed);

    /** Reads the set of numbers that was written first; returns their sum. */
    long read() throws IOException;

    /** Writes a set of numbers and {@code text}, again and again. */
    void write(int seed, String text);

    /** Reads the set that was written first, its texts into {@code texts}; returns the sum of the numbers. */
    long read(String[] texts) throws IOException;

    /** Gives the memory back. */
    @Override
    default void close() {}

    /** The fields of a peer. */
    static Fields of(Peer peer) {
        return switch (peer) {
            case NETPOLL -> new Netpoll();
            case NETTY_POOLED, NETTY_ADAPTIVE -> new Netty(peer.allocator());
            case OKIO -> new Okio();
            case ARRAY -> new Array();
            case NETPOLL_POOL, NETTY_GET_BYTES -> throw peer.unsupported();
        };
    }

    final class Netpoll implements Fields {
        private final LinkBuffer buffer = new LinkBuffer();

        @Override
        public void write(int seed) {
            for (int i = seed; i < seed + ROUNDS; i++) {
                buffer.writeByte(i).writeShort(i).writeInt(i).writeLong(i);
            }
            buffer.flush();
        }

        @Override
        public long read() {
            long sum = 0;
            for (int i = 0; i < ROUNDS; i++) {
                sum += buffer.readByte() + buffer.readShort() + buffer.readInt() + buffer.readLong();
            }
            buffer.release();
            return sum;
        }

        @Override
        public void write(int seed, String text) {
            for (int i = seed; i < seed + TEXT_ROUNDS; i++) {
                buffer.writeByte(i).writeShort(i).writeInt(i).writeLong(i);
                buffer.writeByte(TEXT_BYTES).writeUtf8(text);
            }
            buffer.flush();
        }

        @Override
        public long read(String[] texts) {
            long sum = 0;
            for (int i = 0; i < TEXT_ROUNDS; i++) {
                sum += buffer.readByte() + buffer.readShort() + buffer.readInt() + buffer.readLong();
                texts[i] = buffer.readUtf8(buffer.readByte());
            }
            buffer.release();
            return sum;
        }

        @Override
        public void close() {
            buffer.close();
        }
    }

    /** One buffer; what is read is discarded when half of it is, as Netty's own cumulation of frames does. */
    final class Netty implements Fields {
        private final ByteBuf buffer;

        Netty(ByteBufAllocator allocator) {
            buffer = allocator.directBuffer(ROOM);
        }

        @Override
        public void write(int seed) {
            for (int i = seed; i < seed + ROUNDS; i++) {
                buffer.writeByte(i).writeShort(i).writeInt(i).writeLong(i);
            }
        }

        @Override
        public long read() {
            long sum = 0;
            for (int i = 0; i < ROUNDS; i++) {
                sum += buffer.readByte() + buffer.readShort() + buffer.readInt() + buffer.readLong();
            }
            buffer.discardSomeReadBytes();
            return sum;
        }

        @Override
        public void write(int seed, String text) {
            for (int i = seed; i < seed + TEXT_ROUNDS; i++) {
                buffer.writeByte(i).writeShort(i).writeInt(i).writeLong(i);
                buffer.writeByte(TEXT_BYTES);
                ByteBufUtil.reserveAndWriteUtf8(buffer, text, TEXT_BYTES);
            }
        }

        @Override
        public long read(String[] texts) {
            long sum = 0;
            for (int i = 0; i < TEXT_ROUNDS; i++) {
                sum += buffer.readByte() + buffer.readShort() + buffer.readInt() + buffer.readLong();
                texts[i] = buffer.readString(buffer.readByte(), UTF_8);
            }
            buffer.discardSomeReadBytes();
            return sum;
        }

        @Override
        public void close() {
            buffer.release();
        }
    }

    final class Okio implements Fields {
        private final Buffer buffer = new Buffer();

        @Override
        public void write(int seed) {
            for (int i = seed; i < seed + ROUNDS; i++) {
                buffer.writeByte(i).writeShort(i).writeInt(i).writeLong(i);
            }
        }

        @Override
        public long read() throws IOException {
            long sum = 0;
            for (int i = 0; i < ROUNDS; i++) {
                sum += buffer.readByte() + buffer.readShort() + buffer.readInt() + buffer.readLong();
            }
            return sum;
        }

        @Override
        public void write(int seed, String text) {
            for (int i = seed; i < seed + TEXT_ROUNDS; i++) {
                buffer.writeByte(i).writeShort(i).writeInt(i).writeLong(i);
                buffer.writeByte(TEXT_BYTES).writeUtf8(text);
            }
        }

        @Override
        public long read(String[] texts) throws IOException {
            long sum = 0;
            for (int i = 0; i < TEXT_ROUNDS; i++) {
                sum += buffer.readByte() + buffer.readShort() + buffer.readInt() + buffer.readLong();
                texts[i] = buffer.readUtf8(buffer.readByte());
            }
            return sum;
        }
    }

    /** An array with two positions; what is unread moves to the front when half of it is read. */
    final class Array implements Fields {
        private static final VarHandle SHORT = view(short[].class);
        private static final VarHandle INT = view(int[].class);
        private static final VarHandle LONG = view(long[].class);

        private final byte[] array = new byte[ROOM];
        private int start;
        private int end;

        @Override
        public void write(int seed) {
            int at = end;
            for (int i = seed; i < seed + ROUNDS; i++) {
                at = putNumbers(at, i);
            }
            end = at;
        }

        @Override
        public long read() {
            long sum = 0;
            int at = start;
            for (int i = 0; i < ROUNDS; i++) {
                sum += numbers(at);
                at += 15;
            }
            start = at;
            compact();
            return sum;
        }

        @Override
        public void write(int seed, String text) {
            int at = end;
            for (int i = seed; i < seed + TEXT_ROUNDS; i++) {
                at = putNumbers(at, i);
                byte[] encoded = text.getBytes(UTF_8);
                array[at++] = (byte) encoded.length;
                System.arraycopy(encoded, 0, array, at, encoded.length);
                at += encoded.length;
            }
            end = at;
        }

        @Override
        public long read(String[] texts) {
            long sum = 0;
            int at = start;
            for (int i = 0; i < TEXT_ROUNDS; i++) {
                sum += numbers(at);
                int length = array[at + 15];
                texts[i] = new String(array, at + 16, length, UTF_8);
                at += 16 + length;
            }
            start = at;
            compact();
            return sum;
        }

        private int putNumbers(int at, int i) {
            array[at] = (byte) i;
            SHORT.set(array, at + 1, (short) i);
            INT.set(array, at + 3, i);
            LONG.set(array, at + 7, (long) i);
            return at + 15;
        }

        private long numbers(int at) {
            return array[at]
                    + (short) SHORT.get(array, at + 1)
                    + (int) INT.get(array, at + 3)
                    + (long) LONG.get(array, at + 7);
        }

        private void compact() {
            if (start >= ROOM / 2) {
                System.arraycopy(array, start, array, 0, end - start);
                end -= start;
                start = 0;
            }
        }

        private static VarHandle view(Class<?> numbers) {
            return MethodHandles.byteArrayViewVarHandle(numbers, ByteOrder.BIG_ENDIAN);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.TreeSet;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Numbers of variable length. */
class VarIntTest extends BufferFixture {
    private static final int MORE = 0x80;

    /** The numbers around every power of two, so that all lengths and all their borders are there. */
    private static long[] borders() {
        TreeSet<Long> numbers = new TreeSet<>();
        for (int bit = 0; bit < Long.SIZE; bit++) {
            for (long near = -2; near <= 2; near++) {
                numbers.add((1L << bit) + near);
                numbers.add(-(1L << bit) + near);
            }
        }
        return numbers.stream().mapToLong(Long::longValue).toArray();
    }

    /** The definition, with numbers that have no sign: seven bits at a time, the lowest first. */
    private static byte[] encoded(long unsigned) {
        BigInteger rest = new BigInteger(Long.toUnsignedString(unsigned));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        while (rest.bitLength() > 7) {
            bytes.write((rest.intValue() & 0x7F) | MORE);
            rest = rest.shiftRight(7);
        }
        bytes.write(rest.intValue());
        return bytes.toByteArray();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 64, 0})
    void numbersAtAllBordersAreEncodedAsDefinedAndComeBack(int segmentSize) throws IOException {
        try (LinkBuffer buffer = bufferOfSegments(segmentSize)) {
            for (long number : borders()) {
                buffer.writeVarLong(number).flush();
                assertThat(buffer.toByteArray()).isEqualTo(encoded(number));
                assertThat(buffer.readVarLong()).isEqualTo(number);
                int small = (int) number;
                buffer.writeVarInt(small).flush();
                assertThat(buffer.toByteArray()).isEqualTo(encoded(Integer.toUnsignedLong(small)));
                assertThat(buffer.readVarInt()).isEqualTo(small);
                buffer.writeZigZagLong(number).writeZigZagInt(small).flush();
                assertThat(buffer.readZigZagLong()).isEqualTo(number);
                assertThat(buffer.readZigZagInt()).isEqualTo(small);
                assertThat(buffer.isEmpty()).isTrue();
            }
        }
    }

    /** Bytes that were received lie in segments as they came, unlike bytes that were written. */
    @ParameterizedTest
    @ValueSource(ints = {1, 3, 7, 64})
    void numbersAreReadAcrossSegmentsOfAnySize(int segmentSize) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (long number : borders()) {
            all.writeBytes(encoded(number));
        }
        try (LinkBuffer buffer = filled(segmentSize, all.toByteArray())) {
            for (long number : borders()) {
                assertThat(buffer.readVarLong()).isEqualTo(number);
            }
            assertThat(buffer.isEmpty()).isTrue();
        }
    }

    /** From the documentation of Protocol Buffers. */
    @ParameterizedTest
    @CsvSource({"1, 01", "150, 9601", "300, ac02", "4294967295, ffffffff0f", "-2, feffffffffffffffff01"})
    void theBytesAreThoseOfProtocolBuffers(long number, String hex) {
        try (LinkBuffer buffer = buffer()) {
            buffer.writeVarLong(number).flush();
            assertThat(HexFormat.of().formatHex(buffer.toByteArray())).isEqualTo(hex);
        }
    }

    /** From the documentation of Protocol Buffers. */
    @ParameterizedTest
    @CsvSource({"0, 0", "-1, 1", "1, 2", "-2, 3", "2147483647, 4294967294", "-2147483648, 4294967295"})
    void zigZagMapsNumbersNearZeroToSmallOnes(int number, long mapped) throws IOException {
        try (LinkBuffer buffer = buffer()) {
            buffer.writeZigZagInt(number).writeZigZagLong(number).flush();
            assertThat(buffer.readVarLong()).isEqualTo(mapped);
            assertThat(buffer.readVarLong()).isEqualTo(mapped);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 64})
    void aNumberThatIsTooGreatOrTooLongIsRefusedAndStaysThere(int segmentSize) throws IOException {
        for (int last = 0; last < 256; last++) {
            byte[] five = {-1, -1, -1, -1, (byte) last, 1};
            byte[] ten = {-1, -1, -1, -1, -1, -1, -1, -1, -1, (byte) last, 1};
            try (LinkBuffer ints = filled(segmentSize, five);
                    LinkBuffer longs = filled(segmentSize, ten)) {
                if (last <= 0x0F) {
                    assertThat(Integer.toUnsignedLong(ints.readVarInt())).isEqualTo(0xFFF_FFFFL + ((long) last << 28));
                } else {
                    assertRefused(ints, ints::readVarInt, five);
                    assertRefused(ints, ints::readZigZagInt, five);
                }
                if (last <= 1) {
                    assertThat(longs.readVarLong()).isEqualTo(Long.MAX_VALUE + ((long) last << 63));
                } else {
                    assertRefused(longs, longs::readVarLong, ten);
                    assertRefused(longs, longs::readZigZagLong, ten);
                }
            }
        }
    }

    private static void assertRefused(LinkBuffer buffer, ThrowingCallable read, byte[] bytes) {
        byte[] shown = Arrays.copyOf(bytes, bytes.length - 1);
        assertThatThrownBy(read)
                .isInstanceOf(MalformedVarIntException.class)
                .isInstanceOf(IOException.class)
                .hasMessageContaining(HexFormat.ofDelimiter(" ").formatHex(shown));
        assertThat(buffer.toByteArray()).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7})
    void aNumberWhoseEndIsMissingIsNotConsumed(int segmentSize) throws IOException {
        for (int n = 0; n < 10; n++) {
            byte[] bytes = new byte[n];
            Arrays.fill(bytes, (byte) MORE);
            try (LinkBuffer buffer = filled(segmentSize, bytes)) {
                if (n < 5) {
                    assertThatThrownBy(buffer::readVarInt).isInstanceOf(IndexOutOfBoundsException.class);
                }
                assertThatThrownBy(buffer::readVarLong)
                        .isInstanceOf(IndexOutOfBoundsException.class)
                        .hasMessageContaining("the " + n + " readable bytes");
                assertThat(buffer.readableBytes()).isEqualTo(n);
                buffer.writeByte(0).flush();
                assertThat(buffer.readVarLong()).isZero(); // longer than needed, but not too long
            }
        }
    }

    @Test
    void viewsOfANumbersBytesStayIntact() throws IOException {
        try (LinkBuffer buffer = filled(2, encoded(300_000))) {
            var view = buffer.peek(3);
            assertThat(buffer.readVarInt()).isEqualTo(300_000);
            assertThat(copyOf(view)).isEqualTo(encoded(300_000));
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Text becomes the bytes that {@link String#getBytes} gives, wherever it is written, and bytes become the text that
 * {@code new String} gives. The encoder uses memory behind the text, which must be nobody else's.
 */
class TextTest extends BufferFixture {
    /** Around the limits of the encoder: plain loop, a block of 4 KiB, large text, a block of 64 KiB. */
    private static final int[] LENGTHS = {
        0, 1, 2, 7, 8, 9, 10, 63, 64, 255, 1364, 1365, 1366, 4093, 4094, 4095, 4096, 4097, 8190, 8191, 8192, 8193,
        21_845, 65_534, 65_535, 65_536, 65_537
    };

    /** Of what a mixed text is made. */
    private static final Kind[] PARTS = {
        Kind.ASCII, Kind.LATIN_1, Kind.TWO_BYTES, Kind.THREE_BYTES, Kind.FOUR_BYTES, Kind.UNPAIRED, Kind.ZEROS
    };

    /** What a text is made of. */
    enum Kind {
        ASCII,
        LATIN_1,
        TWO_BYTES,
        THREE_BYTES,
        FOUR_BYTES,
        UNPAIRED,
        ZEROS,
        MIXED,
        /** ASCII but for one character where nobody looks first. */
        ALMOST_ASCII;

        String text(int chars, Random random) {
            StringBuilder text = new StringBuilder(chars + 1);
            while (text.length() < chars) {
                Kind kind = this == MIXED ? PARTS[random.nextInt(PARTS.length)] : this;
                switch (kind) {
                    case LATIN_1 -> text.append((char) random.nextInt(0x100));
                    case TWO_BYTES -> text.append((char) (0x80 + random.nextInt(0x780)));
                    case THREE_BYTES -> text.append((char) (0x800 + random.nextInt(0xD000)));
                    case FOUR_BYTES -> text.appendCodePoint(0x10000 + random.nextInt(0x100000));
                    case UNPAIRED -> text.append((char) (0xD800 + random.nextInt(0x800)));
                    case ZEROS -> text.append(random.nextBoolean() ? '\0' : 'z');
                    default -> text.append((char) random.nextInt(0x80));
                }
            }
            text.setLength(chars); // may part a pair
            if (this == ALMOST_ASCII && chars > 0) {
                char[] strangers = {'é', '€', '\uD800', '\uDC00', '\0', '\u0080', '\uFFFF'};
                text.setCharAt(random.nextInt(chars), strangers[random.nextInt(strangers.length)]);
            }
            return text.toString();
        }
    }

    private static Random seeded() {
        long seed = Long.getLong("seed", new Random().nextLong());
        return new Random(seed) {
            private static final long serialVersionUID = 1;

            @Override
            public String toString() {
                return "-Dseed=" + seed;
            }
        };
    }

    @ParameterizedTest
    @EnumSource
    void everyLengthIsWrittenAndReadAsStringsDoIt(Kind kind) {
        Random random = seeded();
        for (int length : LENGTHS) {
            for (int size : new int[] {1, 7, 64, 4096, 0}) {
                if (length > 2000 && size < 64) {
                    continue;
                }
                roundTrip(kind.text(length, random), size, random.nextInt(5000), random);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aTextOfThreeMebibytesIsWrittenAndReadAsStringsDoIt(Kind kind) {
        Random random = seeded();
        for (int length : new int[] {3 << 20, (8 << 20) / 3, (8 << 20) - 1}) {
            String text = kind.text(1000, random).repeat(length / 1000) + kind.text(length % 1000, random);
            roundTrip(text, random.nextBoolean() ? 0 : 4096, random.nextInt(5000), random);
        }
    }

    private void roundTrip(String text, int segmentSize, int position, Random random) {
        byte[] before = pattern(position);
        byte[] after = pattern(20);
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        try (LinkBuffer buffer = bufferOfSegments(segmentSize)) {
            buffer.writeBytes(before).writeUtf8(text);
            assertThat(buffer.pendingBytes()).isEqualTo(position + bytes.length);
            buffer.writeBytes(after).flush();
            buffer.check();
            assertThat(buffer.readBytes(position)).isEqualTo(before);
            String back = buffer.readUtf8(bytes.length);
            if (!back.equals(new String(bytes, StandardCharsets.UTF_8))) {
                throw new AssertionError("a text of " + text.length() + " characters, " + random);
            }
            assertThat(buffer.readBytes(after.length)).as(random::toString).isEqualTo(after);
        }
    }

    /** Texts, numbers, reservations and insertions in one buffer, then all bytes at once. */
    @ParameterizedTest(name = "segments of {0} bytes")
    @ValueSource(ints = {1, 7, 64, 4096, 0})
    void textAtRandomPositionsDamagesNothingAroundIt(int segmentSize) {
        Random random = seeded();
        Kind[] kinds = Kind.values();
        for (int round = 0; round < (segmentSize == 1 ? 10 : 100); round++) {
            ByteArrayOutputStream expected = new ByteArrayOutputStream();
            try (LinkBuffer buffer = bufferOfSegments(segmentSize)) {
                for (int i = 0; i < 20; i++) {
                    byte[] bytes = pattern(random.nextInt(random.nextInt(4) == 0 ? 5000 : 40));
                    if (random.nextInt(3) == 0) {
                        buffer.reserveBuffer(bytes.length + 5).put(bytes);
                        buffer.commit(bytes.length);
                    } else {
                        buffer.writeBytes(bytes);
                    }
                    expected.writeBytes(bytes);
                    String text =
                            kinds[random.nextInt(kinds.length)].text(random.nextInt(i % 4 == 0 ? 3000 : 30), random);
                    buffer.writeUtf8(text);
                    expected.writeBytes(text.getBytes(StandardCharsets.UTF_8));
                    if (random.nextInt(4) == 0) {
                        int kept = random.nextInt(expected.size() + 1);
                        buffer.truncate(kept);
                        byte[] all = expected.toByteArray();
                        expected.reset();
                        expected.write(all, 0, kept);
                    }
                }
                buffer.check();
                buffer.flush();
                assertThat(buffer.toByteArray()).as(random::toString).isEqualTo(expected.toByteArray());
            }
        }
    }

    /** A slice of the front and the rest that is appended elsewhere share a block, and the text goes behind it. */
    @Test
    void textBehindBytesThatShareABlockWithASliceLeavesTheSliceAlone() {
        Random random = seeded();
        for (int round = 0; round < 200; round++) {
            byte[] bytes = pattern(2 + random.nextInt(500));
            int cut = 1 + random.nextInt(bytes.length - 1);
            String text = Kind.MIXED.text(random.nextInt(2000), random);
            String ascii = Kind.ASCII.text(random.nextInt(200), random);
            try (LinkBuffer front = buffer();
                    LinkBuffer all = buffer()) {
                front.writeBytes(bytes).flush();
                try (LinkBuffer slice = front.slice(cut)) {
                    all.append(front).writeUtf8(ascii).writeUtf8(text).flush();
                    all.check();
                    assertThat(slice.toByteArray()).isEqualTo(Arrays.copyOf(bytes, cut));
                    assertThat(all.readBytes(bytes.length - cut))
                            .isEqualTo(Arrays.copyOfRange(bytes, cut, bytes.length));
                    assertThat(all.readUtf8(ascii.length())).isEqualTo(ascii);
                    assertThat(all.toByteArray()).as(random::toString).isEqualTo(text.getBytes(StandardCharsets.UTF_8));
                }
            }
        }
    }

    @Test
    void bytesThatAreNoUtf8AreReplacedAsStringsDoIt() {
        Random random = seeded();
        for (int length : LENGTHS) {
            byte[] bytes = new byte[length];
            random.nextBytes(bytes);
            try (LinkBuffer buffer = filled(random.nextBoolean() ? 7 : 0, bytes)) {
                assertThat(buffer.readUtf8(length))
                        .as(random::toString)
                        .isEqualTo(new String(bytes, StandardCharsets.UTF_8));
            }
        }
    }

    @Test
    void aShortTextHasNothingOfTheLongOneThatWasReadBefore() {
        try (LinkBuffer buffer = buffer()) {
            for (int length = 8192; length > 0; length = length * 2 / 3) {
                String text = String.valueOf((char) ('a' + length % 26)).repeat(length);
                buffer.writeUtf8(text).flush();
                assertThat(buffer.readUtf8(length)).isEqualTo(text);
            }
        }
    }

    @ParameterizedTest(name = "virtual threads: {0}")
    @ValueSource(booleans = {false, true})
    void threadsThatReadAtTheSameTimeGetTheirOwnTexts(boolean virtual) throws Exception {
        try (ExecutorService executor =
                virtual ? Executors.newVirtualThreadPerTaskExecutor() : Executors.newCachedThreadPool()) {
            List<Future<?>> readers = new ArrayList<>();
            for (int thread = 0; thread < 40; thread++) { // more than there are arrays, so some share
                String text = String.valueOf((char) ('A' + thread)).repeat(1 + 200 * thread);
                readers.add(executor.submit(() -> readOften(text)));
            }
            for (Future<?> reader : readers) {
                reader.get();
            }
        }
    }

    private void readOften(String text) {
        try (LinkBuffer buffer = buffer()) {
            for (int i = 0; i < 500; i++) {
                buffer.writeUtf8(text).flush();
                if (!buffer.readUtf8(text.length()).equals(text)) {
                    throw new AssertionError("not the text that was written");
                }
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.FrameLayout.REFUSED;
import static dev.netpoll.internal.connection.FrameLayout.UNKNOWN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.Framing;
import dev.netpoll.Protocol;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.memory.SegmentReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The arithmetic of lengths: every width, both byte orders, split at every byte, and values at the limits. */
class FrameLayoutTest {
    private static final int MAX = 1000;

    /** The whole length of the frame that begins with these bytes, however they are split into segments. */
    private static long length(FrameLayout layout, String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex);
        long whole = length(layout, bytes, bytes.length);
        for (int split = 1; split < bytes.length; split++) {
            assertThat(length(layout, bytes, split)).as("split at %d", split).isEqualTo(whole);
        }
        return whole;
    }

    private static long length(FrameLayout layout, byte[] bytes, int split) {
        SegmentReader in = new SegmentReader(SegmentPool.shared());
        in.append(segment(bytes, 0, split));
        in.append(segment(bytes, split, bytes.length));
        long length = layout.length(in, bytes.length);
        assertThat(in.length()).as("nothing is consumed").isEqualTo(bytes.length);
        in.clear();
        return length;
    }

    private static Segment segment(byte[] bytes, int from, int to) {
        MemorySegment memory = Arena.ofAuto().allocate(Math.max(1, to - from));
        MemorySegment.copy(bytes, from, memory, ValueLayout.JAVA_BYTE, 0, to - from);
        return Segment.ofUser(memory.asSlice(0, to - from));
    }

    @ParameterizedTest
    @CsvSource({
        "0, 1, false, 0, 05, 6",
        "0, 2, false, 0, 0102, 260",
        "0, 2, true, 0, 0201, 260",
        "0, 3, false, 0, 000102, 261",
        "0, 3, true, 0, 020100, 261",
        "0, 4, false, 0, 00000102, 262",
        "0, 4, true, 0, 02010000, 262",
        "0, 8, false, 0, 0000000000000102, 266",
        "0, 8, true, 0, 0201000000000000, 266",
        "2, 4, false, 0, aaaa0000000a, 16",
        "2, 2, true, 4, aaaa0a00, 18",
        "2, 2, false, -4, aaaa000a, 10",
        "2, 2, false, -4, aaaa0004, 4",
        "0, 4, false, 0, 00000000, 4",
        "0, 0, false, 0, 00, 1",
        "0, 0, false, 0, 05, 6",
        "0, 0, false, 0, ac02, 302",
        "0, 0, false, 0, 8580808000, 10",
        "1, 0, false, 2, aa05, 9",
    })
    void theLengthIsThatOfTheWholeFrame(
            int offset, int width, boolean littleEndian, int adjustment, String bytes, long expected) {
        FrameLayout layout = new FrameLayout(offset, width, littleEndian, adjustment, MAX);
        assertThat(length(layout, bytes)).isEqualTo(expected);
        assertThat(length(layout, bytes + "ffee")).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({
        "0, 4, 0, 000000",
        "3, 1, 0, 010203",
        "0, 8, 0, 00000000000000",
        "0, 0, 0, ff",
        "0, 0, 0, 80808080",
        "2, 0, 0, 0000",
        "2, 0, 0, 000080",
    })
    void aLengthThatIsNotThereIsNotKnown(int offset, int width, int adjustment, String bytes) {
        assertThat(length(new FrameLayout(offset, width, false, adjustment, MAX), bytes))
                .isEqualTo(UNKNOWN);
    }

    @ParameterizedTest
    @CsvSource({
        "4, 0, 000003e4, 1000",
        "4, 0, 000003e5, -1",
        "4, 0, 7fffffff, -1",
        "4, 0, 80000000, -1",
        "4, 0, ffffffff, -1",
        "8, 0, 7fffffffffffffff, -1",
        "8, 0, 8000000000000000, -1",
        "8, 0, ffffffffffffffff, -1",
        "8, 900, 7fffffffffffffff, -1",
        "8, 900, 000000000000005c, 1000",
        "8, 900, 000000000000005d, -1",
        "4, -4, 00000003, -1",
        "4, -4, 00000004, 4",
        "4, -2147483648, 7fffffff, -1",
        "4, -2147483648, 80000000, 4",
        "4, -2147483648, 800003e5, -1",
        "0, 0, e607, 1000",
        "0, 0, e707, -1",
        "0, 0, ffffffff0f, -1",
        "0, 0, 8080808010, -1",
        "0, 0, 8080808080, -1",
        "0, -2, 01, -1",
        "0, -2, 02, 1",
    })
    void aLengthThatIsTooLargeOrNegativeIsRefused(int width, int adjustment, String bytes, long expected) {
        assertThat(length(new FrameLayout(0, width, false, adjustment, MAX), bytes))
                .isEqualTo(expected);
        assertThat(REFUSED).isEqualTo(-1);
    }

    @ParameterizedTest
    @CsvSource({
        "4, 0, 00000400, 'says 1024, but a frame may have 1000 bytes at most, the field included'",
        "4, -4, 00000001, 'says 1, but it counts 4 bytes that every frame has'",
        "8, -8, FFFFFFFFFFFFFFFF, 'says 18446744073709551615, but a frame may have 1000 bytes at most'",
        "0, 0, 8888888888, 'says more than 32 bits, but a frame may have 1000 bytes at most'",
        "0, -2, 01, 'says 1, but it counts 2 bytes that every frame has'",
    })
    void aRefusalSaysWhy(int width, int adjustment, String hex, String expected) {
        byte[] bytes = HexFormat.of().parseHex(hex);
        SegmentReader in = new SegmentReader(SegmentPool.shared());
        in.append(segment(bytes, 0, bytes.length));
        FrameLayout layout = new FrameLayout(0, width, false, adjustment, MAX);
        assertThat(layout.length(in, bytes.length)).isEqualTo(REFUSED);
        assertThat(layout.refusal(in)).contains(expected);
        in.clear();
    }

    @Test
    void aLimitBelowTheShortestFrameIsRefused() {
        Framing framing = Framing.lengthField(4, 4).adjustment(2);
        Protocol fits = protocol(framing.maxFrameLength(10));
        assertThat(new FrameLayout(framing.maxFrameLength(10), fits.options()).lengthMax())
                .isEqualTo(10);
        assertThatThrownBy(() -> protocol(framing.maxFrameLength(9)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("10 bytes");
        assertThatThrownBy(() -> protocol(Framing.lengthField(Integer.MAX_VALUE, 8)
                        .adjustment(Integer.MAX_VALUE)
                        .maxFrameLength(Integer.MAX_VALUE)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private static Protocol protocol(Framing framing) {
        return Protocol.builder().framing(framing).build();
    }
}

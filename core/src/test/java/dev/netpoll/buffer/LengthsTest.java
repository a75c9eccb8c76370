// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Lengths that somebody else sent: what they may not be is an IOException, and stays unread. */
class LengthsTest extends BufferFixture {
    private static final int MAX = 1000;

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 64, 0})
    void lengthsThatAreAllowedAreRead(int segmentSize) throws IOException {
        try (LinkBuffer buffer = bufferOfSegments(segmentSize)) {
            for (int length : new int[] {0, 1, 127, 128, MAX}) {
                buffer.writeInt(length).writeIntLE(length).writeVarInt(length).flush();
                assertThat(buffer.readLength(MAX)).isEqualTo(length);
                assertThat(buffer.readLengthLE(MAX)).isEqualTo(length);
                assertThat(buffer.readVarLength(MAX)).isEqualTo(length);
                assertThat(buffer.isEmpty()).isTrue();
            }
            buffer.writeInt(Integer.MAX_VALUE).writeVarInt(Integer.MAX_VALUE).flush();
            assertThat(buffer.readLength(Integer.MAX_VALUE)).isEqualTo(Integer.MAX_VALUE);
            assertThat(buffer.readVarLength(Integer.MAX_VALUE)).isEqualTo(Integer.MAX_VALUE);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, Integer.MIN_VALUE, MAX + 1, Integer.MAX_VALUE})
    void lengthsThatAreNotAllowedAreRefusedAndStayThere(int length) throws IOException {
        try (LinkBuffer big = buffer();
                LinkBuffer little = buffer();
                LinkBuffer variable = bufferOfSegments(1)) {
            big.writeInt(length).flush();
            assertRefused(big, () -> big.readLength(MAX), length);
            little.writeIntLE(length).flush();
            assertRefused(little, () -> little.readLengthLE(MAX), length);
            variable.writeVarInt(length).flush();
            assertRefused(variable, () -> variable.readVarLength(MAX), Integer.toUnsignedLong(length));
        }
    }

    private static void assertRefused(LinkBuffer buffer, ThrowingCallable read, long length) {
        long before = buffer.readableBytes();
        assertThatThrownBy(read)
                .isInstanceOf(IOException.class)
                .isInstanceOfSatisfying(InvalidLengthException.class, e -> {
                    assertThat(e.length()).isEqualTo(length);
                    assertThat(e.max()).isEqualTo(MAX);
                })
                .hasMessageContaining(Long.toString(length))
                .hasMessageContaining(Integer.toString(MAX));
        assertThat(buffer.readableBytes()).isEqualTo(before);
    }

    @Test
    void aReaderOfAStreamWaitsForALengthAndChecksItToo() throws IOException {
        byte[] bytes = {0, 0, 0, 5, 5, 0, 0, 0, (byte) 0xAC, 2, (byte) 0xAC, 2, 0, 0};
        try (StreamReader in = StreamReader.of(new ByteArrayInputStream(bytes))) {
            assertThat(in.readLength(5)).isEqualTo(5);
            assertThat(in.readLengthLE(5)).isEqualTo(5);
            assertThat(in.readVarLength(300)).isEqualTo(300);
            assertThatExceptionOfType(InvalidLengthException.class).isThrownBy(() -> in.readVarLength(299));
            assertThatExceptionOfType(InvalidLengthException.class).isThrownBy(() -> in.readLength(MAX));
            assertThat(in.readVarInt()).isEqualTo(300);
            assertThatExceptionOfType(IOException.class).isThrownBy(() -> in.readLength(MAX));
            assertThat(in.readableBytes()).isEqualTo(2);
        }
    }

    @Test
    void tooFewBytesAreNotConsumed() {
        try (LinkBuffer buffer = filled(1, new byte[] {0, 0, 1})) {
            assertThatThrownBy(() -> buffer.readLength(MAX))
                    .isInstanceOf(IndexOutOfBoundsException.class)
                    .hasMessageContaining("3");
            assertThat(buffer.readableBytes()).isEqualTo(3);
        }
    }

    @Test
    void aLimitThatIsNegativeIsAMistakeOfTheProgram() {
        try (LinkBuffer buffer = filled(8, new byte[8])) {
            assertThatIllegalArgumentException().isThrownBy(() -> buffer.readLength(-1));
            assertThatIllegalArgumentException().isThrownBy(() -> buffer.readLengthLE(-1));
            assertThatIllegalArgumentException().isThrownBy(() -> buffer.readVarLength(-1));
            assertThat(buffer.readableBytes()).isEqualTo(8);
        }
    }
}

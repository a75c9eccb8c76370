// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.netpoll.buffer.LinkBuffer;
import java.io.IOException;
import java.net.ProtocolException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FramesTest {
    private static final byte[] EVERY_BYTE = new byte[256];

    static {
        for (int i = 0; i < EVERY_BYTE.length; i++) {
            EVERY_BYTE[i] = (byte) i;
        }
    }

    @Test
    void keepsEveryByteOfThePayload() throws IOException {
        try (LinkBuffer buffer = new LinkBuffer()) {
            Frames.write(buffer, new Message(EVERY_BYTE));
            buffer.flush();
            assertThat(buffer.toByteArray()).startsWith(0, 0, 1, 0).hasSize(4 + 256);
            assertThat(Frames.read(buffer).body()).isEqualTo(EVERY_BYTE);
        }
    }

    @Test
    void aFrameIsCompleteWithItsLastByte() throws IOException {
        try (LinkBuffer buffer = new LinkBuffer()) {
            assertThat(Frames.bytesOfNext(buffer)).isEqualTo(4);
            assertThat(Frames.isNextComplete(buffer)).isFalse();
            buffer.writeInt(2).writeByte(7).flush();
            assertThat(Frames.bytesOfNext(buffer)).isEqualTo(6);
            assertThat(Frames.isNextComplete(buffer)).isFalse();
            buffer.writeByte(8).flush();
            assertThat(Frames.isNextComplete(buffer)).isTrue();
        }
    }

    @Test
    void anEmptyFrameIsAFrame() throws IOException {
        try (LinkBuffer buffer = new LinkBuffer()) {
            buffer.writeInt(0).flush();
            assertThat(Frames.isNextComplete(buffer)).isTrue();
            assertThat(Frames.read(buffer).body()).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {Frames.PAYLOAD_BYTES_MAX + 1, Integer.MAX_VALUE, -1, Integer.MIN_VALUE})
    void aLengthOutOfBoundsIsRefusedBeforeAnythingIsTakenForIt(int length) throws IOException {
        try (LinkBuffer buffer = new LinkBuffer()) {
            buffer.writeInt(length).flush();
            assertThat(Frames.isNextComplete(buffer)).isFalse();
            assertThatExceptionOfType(ProtocolException.class).isThrownBy(() -> Frames.bytesOfNext(buffer));
            assertThatExceptionOfType(ProtocolException.class)
                    .isThrownBy(() -> Frames.read(buffer))
                    .withMessageContaining(Integer.toUnsignedString(length));
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.internal.memory.BufferAccess;
import dev.netpoll.internal.memory.Segment;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import org.junit.jupiter.api.Test;

/** Streams and channels over a buffer, and the module's own way in. */
class AdaptersTest extends BufferFixture {

    /** Go: TestIOReadWriter. */
    @Test
    void whatTheStreamWritesTheStreamReads() throws IOException {
        try (LinkBuffer buffer = buffer()) {
            OutputStream out = buffer.asOutputStream();
            out.write(ascii("hello"));
            out.write('!');
            out.write(ascii("__world__"), 2, 5);
            assertThat(buffer.isEmpty()).isTrue();
            out.flush();
            byte[] bytes = new byte[20];
            assertThat(buffer.asInputStream().read(bytes)).isEqualTo(11);
            assertThat(new String(bytes, 0, 11, java.nio.charset.StandardCharsets.US_ASCII))
                    .isEqualTo("hello!world");
        }
    }

    /** Go: TestIOReadWriter2. */
    @Test
    void readingAllEndsCleanly() throws IOException {
        byte[] bytes = pattern(50_000);
        try (LinkBuffer buffer = filled(1000, bytes)) {
            InputStream in = buffer.asInputStream();
            assertThat(in.available()).isEqualTo(50_000);
            assertThat(in.read()).isEqualTo(bytes[0] & 0xFF);
            assertThat(in.skip(9)).isEqualTo(9);
            assertThat(in.skip(0)).isZero();
            assertThat(in.readNBytes(90)).isEqualTo(java.util.Arrays.copyOfRange(bytes, 10, 100));
            ByteArrayOutputStream rest = new ByteArrayOutputStream();
            assertThat(in.transferTo(rest)).isEqualTo(49_900);
            assertThat(rest.toByteArray()).isEqualTo(java.util.Arrays.copyOfRange(bytes, 100, 50_000));
            assertThat(in.read()).isEqualTo(-1);
            assertThat(in.read(new byte[1])).isEqualTo(-1);
            assertThat(in.read(new byte[0])).isZero();
            assertThat(in.skip(5)).isZero();
            assertThat(in.readAllBytes()).isEmpty();
            assertThat(in.available()).isZero();
        }
    }

    @Test
    void streamsDoNotInvalidateViewsOfTheSameBuffer() throws IOException {
        try (LinkBuffer buffer = filled(8, pattern(64))) {
            var view = buffer.next(6);
            buffer.asInputStream().readAllBytes();
            assertThat(copyOf(view)).isEqualTo(java.util.Arrays.copyOf(pattern(64), 6));
        }
    }

    @Test
    void streamsWorkUnderTheJdksDataStreams() throws IOException {
        try (LinkBuffer buffer = buffer()) {
            DataOutputStream out = new DataOutputStream(buffer.asOutputStream());
            out.writeUTF("text");
            out.writeDouble(1.5);
            out.flush();
            DataInputStream in = new DataInputStream(buffer.asInputStream());
            assertThat(in.readUTF()).isEqualTo("text");
            assertThat(in.readDouble()).isEqualTo(1.5);
        }
    }

    @Test
    void closingAStreamDoesNothing() throws IOException {
        try (LinkBuffer buffer = filled(8, pattern(3))) {
            buffer.asInputStream().close();
            buffer.writeByte(1);
            buffer.asOutputStream().close();
            assertThat(buffer.readableBytes()).isEqualTo(3);
            assertThat(buffer.pendingBytes()).isEqualTo(1);
        }
    }

    @Test
    void channelsMoveBytesAndCloseOnlyThemselves() throws IOException {
        try (LinkBuffer buffer = buffer()) {
            ByteChannel channel = buffer.asChannel();
            ByteBuffer source = ByteBuffer.wrap(ascii("hello"));
            assertThat(channel.write(source)).isEqualTo(5);
            assertThat(source.hasRemaining()).isFalse();
            assertThat(buffer.readableBytes()).isEqualTo(5);
            ByteBuffer target = ByteBuffer.allocate(3);
            assertThat(channel.read(target)).isEqualTo(3);
            assertThat(channel.read(target)).isZero();
            assertThat(channel.read(target.clear())).isEqualTo(2);
            assertThat(channel.read(target.clear())).isEqualTo(-1);
            assertThat(channel.isOpen()).isTrue();
            channel.close();
            assertThat(channel.isOpen()).isFalse();
            assertThatThrownBy(() -> channel.read(target)).isInstanceOf(ClosedChannelException.class);
            assertThatThrownBy(() -> channel.write(source)).isInstanceOf(ClosedChannelException.class);
            assertThat(buffer.isEmpty()).isTrue();
        }
    }

    @Test
    void oneWayChannelsCloseOnlyThemselves() throws IOException {
        try (LinkBuffer buffer = buffer()) {
            WritableByteChannel out = new WriterChannel(buffer);
            ReadableByteChannel in = new ReaderChannel(buffer);
            out.write(ByteBuffer.wrap(ascii("x")));
            out.close();
            assertThat(out.isOpen()).isFalse();
            assertThat(in.isOpen()).isTrue();
            in.close();
            assertThat(in.isOpen()).isFalse();
            assertThat(buffer.readByte()).isEqualTo((byte) 'x');
        }
    }

    @Test
    void theModuleReachesTheChainsOfABuffer() {
        BufferAccess<LinkBuffer> access = BufferAccess.of(LinkBuffer.class);
        assertThatIllegalArgumentException().isThrownBy(() -> BufferAccess.of(String.class));
        try (LinkBuffer buffer = filled(4, ascii("hello"))) {
            buffer.writeBytes(ascii(" world"));
            Segment chain = access.take(buffer);
            assertThat(buffer.isEmpty()).isTrue();
            assertThat(buffer.pendingBytes()).isZero();
            assertThat(access.take(buffer)).isNull();
            try (LinkBuffer wrapped = access.wrap(pool, chain)) {
                assertThat(wrapped.readUtf8(11)).isEqualTo("hello world");
            }
        }
    }
}

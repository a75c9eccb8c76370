// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Sources of the user's that do what none should: nothing is left behind, and nothing of others is shown. */
class HostileSourceTest extends BufferFixture {
    @ParameterizedTest
    @EnumSource(StreamReaderTest.Kind.class)
    void aSourceThatClosesItsReaderWhileItIsReadLeavesNothing(StreamReaderTest.Kind kind) throws IOException {
        StreamReader[] reader = new StreamReader[1];
        ScriptedSource script = new ScriptedSource(new byte[100], 10);
        script.beforeRead = () -> reader[0].close();
        StreamReader in = new StreamReader(kind.source(pool, StreamReader.DEFAULT_LIMIT, script));
        reader[0] = in;
        assertThatThrownBy(in::readByte).isInstanceOf(IOException.class).hasMessageContaining("closed");
        in.close();
        assertThat(pool.outstandingBlocks()).isZero();
        assertThat(in.readableBytes()).isZero();
    }

    /** A channel of the user's may say that it has written what it has not. */
    @Test
    void whatAChannelLeavesOutShowsNothingOfOthers() throws IOException {
        try (LinkBuffer others = new LinkBuffer(pool, 0)) { // what the reader's memory holds before
            others.writeBytes("secret".repeat(2000).getBytes(StandardCharsets.US_ASCII));
        }
        ReadableByteChannel lying = new ReadableByteChannel() {
            @Override
            public int read(ByteBuffer target) {
                target.position(target.position() + 100);
                return 100;
            }

            @Override
            public boolean isOpen() {
                return true;
            }

            @Override
            public void close() {}
        };
        try (StreamReader in = new StreamReader(new ChannelSource(pool, StreamReader.DEFAULT_LIMIT, lying))) {
            assertThat(in.readBytes(100)).containsOnly(0);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Both;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.conformance.support.RawPeer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Messages larger than any buffer. Beyond 2 GiB: {@link HugeFlushTest}. */
class LargeTransferTest extends ConformanceTest {
    @Test
    void messagesFromBigToSmallArriveIntactAsViews() throws Exception {
        Both both = net.both();
        byte[] bytes = Bytes.pattern(16 << 20);
        Background<Void> sender = Background.run(() -> {
            for (int size = bytes.length; size > 0; size /= 4) {
                both.dialed().writer().writeBytes(bytes, 0, size).flush();
            }
        });
        for (int size = bytes.length; size > 0; size /= 4) {
            MemorySegment view = both.accepted().reader().next(size);
            assertThat(view.mismatch(MemorySegment.ofArray(bytes).asSlice(0, size)))
                    .as("%d bytes", size)
                    .isEqualTo(-1);
            both.accepted().reader().release();
        }
        sender.result();
    }

    @Test
    void reservedBlocksOfTwoMegabytesAreFlushedToAPeerThatReadsSlowly() throws Exception {
        Pair pair = net.pair();
        int size = 2 << 20;
        int rounds = 8;
        Background<Void> writer = Background.run(() -> {
            for (int i = 0; i < rounds; i++) {
                pair.connection().writer().reserve(size).fill((byte) i);
                pair.connection().writer().flush();
            }
        });
        for (int i = 0; i < rounds; i++) {
            for (int part = 0; part < 16; part++) {
                byte[] received = pair.peer().receive(size / 16);
                assertThat(received[0]).isEqualTo((byte) i);
                assertThat(received[received.length - 1]).isEqualTo((byte) i);
            }
        }
        writer.result();
    }

    @Test
    void aLargeEchoThroughAServerComesBackIntact() throws Exception {
        Listening server = net.serve(Handlers.echo());
        RawPeer peer = net.connectRaw(server.address());
        byte[] sent = Bytes.pattern(16 << 20);
        Background<byte[]> received = Background.call(() -> peer.receive(sent.length));
        peer.send(sent);
        assertThat(Arrays.equals(received.result(), sent)).isTrue();
    }

    /** Where the backend heeds the wish; elsewhere it must not hurt. */
    @Test
    void largePiecesThatAreSentWithoutCopyingArriveIntact() throws Exception {
        ConnectionOptions options =
                ConnectionOptions.builder().zeroCopyThreshold(16 << 10).build();
        Listening server = net.listen(net.server().options(options).onRequest(Handlers.echo()));
        byte[] sent = Bytes.pattern(16 << 20);
        for (int i = 0; i < 3; i++) {
            Connection connection = net.dial(server.address(), options);
            Background<byte[]> received =
                    Background.call(() -> connection.reader().readBytes(sent.length));
            connection.writer().writeBytes(sent).flush();
            assertThat(Arrays.equals(received.result(), sent)).isTrue();
            connection.close();
        }
    }

    @Test
    void memoryOfTheCallersIsSentWithoutACopyAndArrivesIntact() throws Exception {
        Pair pair = net.pair();
        byte[] bytes = Bytes.pattern(8 << 20);
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
            Background<byte[]> received = Background.call(() -> pair.peer().receive(bytes.length));
            Connection connection = pair.connection();
            connection.writer().writeDirect(memory).flush();
            assertThat(Arrays.equals(received.result(), bytes)).isTrue();
        }
    }
}

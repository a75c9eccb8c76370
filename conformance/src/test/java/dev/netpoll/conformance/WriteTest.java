// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.Connection;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.buffer.Writer;
import dev.netpoll.conformance.support.Background;
import dev.netpoll.conformance.support.Bytes;
import dev.netpoll.conformance.support.Handlers;
import dev.netpoll.conformance.support.Harness.Listening;
import dev.netpoll.conformance.support.Harness.Pair;
import dev.netpoll.testkit.Await;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Writes and flushes of a connection without a handler. */
class WriteTest extends ConformanceTest {
    @Test
    void tenThousandWritesArriveCompletely() throws Exception {
        AtomicLong received = new AtomicLong();
        Listening server = net.serve(Handlers.count(received));
        Connection client = net.dial(server.address());
        byte[] block = Bytes.pattern(256);
        for (int i = 0; i < 10_000; i++) {
            client.writer().writeBytes(block).flush();
        }
        Await.until("everything arrived", () -> received.get() == 10_000L * block.length);
    }

    @Test
    void nothingIsSentBeforeAFlush() throws Exception {
        Pair pair = net.pair();
        Writer out = pair.connection().writer();
        out.writeUtf8("hello");
        assertThat(out.pendingBytes()).isEqualTo(5);
        Await.stays("nothing is sent", Timing.SHORT, () -> pair.peer().receiveNow(1).length == 0);
        out.flush();
        assertThat(out.pendingBytes()).isZero();
        assertThat(pair.peer().receiveText(5)).isEqualTo("hello");
    }

    @Test
    void aFlushOfNothingAndARepeatedFlushDoNothing() throws Exception {
        Pair pair = net.pair();
        Writer out = pair.connection().writer();
        out.flush();
        out.writeBytes(new byte[0]).writeUtf8("").flush();
        out.writeByte('x').flush();
        out.flush();
        assertThat(pair.peer().receiveText(1)).isEqualTo("x");
        Await.stays("no more comes", Timing.SHORT, () -> pair.peer().receiveNow(1).length == 0);
    }

    @Test
    void everyKindOfWriteArrivesInOrder() throws Exception {
        Pair pair = net.pair();
        Writer out = pair.connection().writer();
        MemorySegment reserved = out.reserve(8);
        reserved.set(ValueLayout.JAVA_BYTE, 0, (byte) 'r');
        out.commit(1);
        out.writeByte('b').writeShort(0x0102).writeInt(0x03040506).writeLong(0x0708090A0B0C0D0EL);
        out.writeShortLE(0x0201).writeIntLE(0x06050403).writeLongLE(0x0E0D0C0B0A090807L);
        out.writeBytes(new byte[] {'x', 'y', 'z'}, 1, 1).writeUtf8("é");
        try (LinkBuffer buffer = new LinkBuffer()) {
            buffer.writeUtf8("appended");
            out.append(buffer);
        }
        out.flush();
        byte[] numbers = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
        byte[] expected =
                Bytes.concat(new byte[] {'r', 'b'}, numbers, numbers, "yéappended".getBytes(StandardCharsets.UTF_8));
        assertThat(pair.peer().receive(expected.length)).isEqualTo(expected);
    }

    @Test
    void aDirectWriteIsInsertedWhereItWasAskedFor() throws Exception {
        Pair pair = net.pair();
        try (Arena arena = Arena.ofShared()) {
            MemorySegment payload = arena.allocate(100_000);
            payload.fill((byte) 'p');
            Writer out = pair.connection().writer();
            out.writeUtf8("headtail").writeDirect(payload, 4).flush();
            byte[] received = pair.peer().receive(100_008);
            assertThat(new String(received, StandardCharsets.UTF_8))
                    .startsWith("headpp")
                    .endsWith("pptail");
        }
    }

    @Test
    void truncateDropsTheEndOfWhatIsPending() throws Exception {
        Pair pair = net.pair();
        Writer out = pair.connection().writer();
        out.writeUtf8("keep").writeUtf8("drop").truncate(4).writeUtf8("!").flush();
        assertThat(pair.peer().receiveText(5)).isEqualTo("keep!");
    }

    @Test
    void invalidWritesAreRefusedAndHarmless() throws Exception {
        Pair pair = net.pair();
        Writer out = pair.connection().writer();
        out.writeUtf8("ok");
        assertThatThrownBy(() -> out.reserve(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> out.truncate(3)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> out.writeBytes(new byte[2], 1, 2)).isInstanceOf(IndexOutOfBoundsException.class);
        out.flush();
        assertThat(pair.peer().receiveText(2)).isEqualTo("ok");
    }

    @Test
    void aFlushOfSeveralThousandPiecesArrivesInOrder() throws Exception {
        Pair pair = net.pair();
        byte[] sent = Bytes.pattern(3000 * 100);
        Background<byte[]> received = Background.call(() -> pair.peer().receive(sent.length));
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_BYTE, sent);
            Writer out = pair.connection().writer();
            for (int i = 0; i < 3000; i++) {
                out.writeDirect(memory.asSlice(i * 100L, 100));
            }
            out.flush();
            assertThat(received.result()).isEqualTo(sent);
        }
    }

    @Test
    void aFlushWaitsUntilTheKernelHasTakenEverything() throws Exception {
        Pair pair = net.pair();
        byte[] sent = Bytes.pattern(16 << 20);
        Background<Void> flush = Background.run(
                        () -> pair.connection().writer().writeBytes(sent).flush())
                .awaitBlocked();
        assertThat(Arrays.equals(pair.peer().receive(sent.length), sent)).isTrue();
        flush.result();
        assertThat(pair.connection().writer().pendingBytes()).isZero();
    }

    @Test
    void bytesTheCallerChangesAfterACopyingWriteAreSentAsTheyWere() throws Exception {
        Pair pair = net.pair();
        byte[] bytes = "before".getBytes(StandardCharsets.UTF_8);
        Writer out = pair.connection().writer().writeBytes(bytes);
        Arrays.fill(bytes, (byte) '-');
        out.flush();
        assertThat(pair.peer().receiveText(6)).isEqualTo("before");
    }
}

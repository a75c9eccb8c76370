// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.internal.memory.SegmentPool;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.IllegalBlockingModeException;
import java.nio.channels.Pipe;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Writers whose flush writes to a stream or a channel, also to one that behaves badly. */
class StreamWriterTest extends BufferFixture {

    enum Kind {
        STREAM {
            @Override
            StreamSink sink(SegmentPool pool, ScriptedSink script) {
                return new OutputStreamSink(pool, script);
            }
        },
        CHANNEL {
            @Override
            StreamSink sink(SegmentPool pool, ScriptedSink script) {
                return new ChannelSink(pool, script.asChannel());
            }
        };

        abstract StreamSink sink(SegmentPool pool, ScriptedSink script);
    }

    private StreamWriter open(Kind kind, ScriptedSink script) {
        return new StreamWriter(kind.sink(pool, script));
    }

    @ParameterizedTest
    @EnumSource
    void everyKindOfWriteArrivesInOrderWithTheFlush(Kind kind) throws IOException {
        ScriptedSink script = new ScriptedSink();
        byte[] large = pattern(200_000);
        try (Arena arena = Arena.ofShared();
                StreamWriter out = open(kind, script);
                LinkBuffer other = buffer()) {
            MemorySegment direct = arena.allocate(large.length).copyFrom(MemorySegment.ofArray(large));
            other.writeUtf8("readable").flush();
            other.writeUtf8("pending");
            out.reserveBuffer(10).put((byte) 'r');
            out.commit(1).writeByte('b').writeShort(0x0102).writeInt(0x03040506).writeLong(0x0708090A0B0C0D0EL);
            out.writeShortLE(0x0201).writeIntLE(0x06050403).writeLongLE(0x0E0D0C0B0A090807L);
            out.writeFloat(1.5f).writeDoubleLE(2.5).writeVarInt(300).writeZigZagLong(-1);
            out.writeUtf8("<>").writeDirect(direct, 1).writeBytes(large).append(other);
            out.writeBytes(ByteBuffer.wrap(ascii("x"))).writeBytes(MemorySegment.ofArray(ascii("y")));
            out.writeUtf8("cut").truncate(out.pendingBytes() - 3);
            assertThat(script.taken.size()).isZero();
            assertThat(out.pendingBytes()).isEqualTo(30 + 12 + 3 + 2 + 400_000 + 15 + 2);
            out.flush();
            assertThat(out.pendingBytes()).isZero();
            assertThat(other.isEmpty()).isTrue();
            out.flush();
        }
        try (LinkBuffer expected = buffer()) {
            expected.writeUtf8("rb");
            for (int i = 0; i < 2; i++) {
                expected.writeShort(0x0102).writeInt(0x03040506).writeLong(0x0708090A0B0C0D0EL);
            }
            expected.writeFloat(1.5f).writeDoubleLE(2.5).writeShort(0xAC02).writeByte(1);
            expected.writeUtf8("<")
                    .writeBytes(large)
                    .writeUtf8(">")
                    .writeBytes(large)
                    .writeUtf8("readablependingxy");
            expected.flush();
            assertThat(script.taken.toByteArray()).isEqualTo(expected.toByteArray());
        }
    }

    @Test
    void shortWritesAreContinued() throws IOException {
        ScriptedSink script = new ScriptedSink();
        script.step = 3;
        script.emptyWrites = 5;
        try (StreamWriter out = open(Kind.CHANNEL, script)) {
            out.writeBytes(pattern(10_000)).flush();
            assertThat(script.taken.toByteArray()).isEqualTo(pattern(10_000));
        }
    }

    @Test
    void aChannelThatTakesNothingIsAskedAFewTimesOnlyAndTheBytesStay() throws IOException {
        ScriptedSink script = new ScriptedSink();
        script.emptyWrites = Integer.MAX_VALUE;
        try (StreamWriter out = open(Kind.CHANNEL, script)) {
            out.writeUtf8("hello");
            assertThatThrownBy(out::flush)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("no bytes taken by 16 writes in a row");
            assertThat(out.pendingBytes()).isEqualTo(5);
            script.emptyWrites = 0;
            out.flush();
            assertThat(script.text()).isEqualTo("hello");
        }
    }

    @Test
    void aFailedFlushToAChannelKeepsExactlyWhatWasNotWritten() throws IOException {
        byte[] large = pattern(100_000);
        for (int failAt : new int[] {0, 1, 4095, 4096, 50_000, 99_999}) {
            ScriptedSink script = new ScriptedSink();
            script.step = 1000;
            script.failAt = failAt;
            try (StreamWriter out = open(Kind.CHANNEL, script)) {
                out.writeBytes(large);
                assertThatThrownBy(out::flush).hasMessage("disk full");
                assertThat(script.taken.size()).isEqualTo(failAt);
                assertThat(out.pendingBytes()).isEqualTo(large.length - failAt);
                out.writeUtf8("more").flush();
                assertThat(script.taken.toByteArray()).startsWith(large).endsWith(ascii("more"));
                assertThat(script.taken.size()).isEqualTo(large.length + 4);
            }
        }
    }

    @Test
    void aPieceThatAStreamFailedToWriteStaysAndWhatCameBeforeDoesNot() throws IOException {
        byte[] large = pattern(100_000);
        ScriptedSink script = new ScriptedSink();
        script.failAt = 50_000;
        try (StreamWriter out = open(Kind.STREAM, script)) {
            out.writeBytes(large);
            assertThatThrownBy(out::flush).hasMessage("disk full");
            int written = script.taken.size();
            assertThat(written).isBetween(50_000 - (16 << 10), 50_000);
            assertThat(out.pendingBytes()).isEqualTo(large.length - written);
            out.flush();
            assertThat(script.taken.toByteArray()).isEqualTo(large);
        }
    }

    @Test
    void whatAFailedFlushLeftMayBeTruncatedAndWrittenInto() throws IOException {
        ScriptedSink script = new ScriptedSink();
        script.step = 2;
        script.failAt = 4;
        try (StreamWriter out = open(Kind.CHANNEL, script)) {
            out.writeUtf8("headbodytail");
            assertThatThrownBy(out::flush).hasMessage("disk full");
            out.truncate(4).writeDirect(ascii("-"), 4).writeUtf8("!").flush();
            assertThat(script.text()).isEqualTo("head-body!");
        }
    }

    @ParameterizedTest
    @EnumSource
    void anUncheckedExceptionOfTheSinkLosesNothingEither(Kind kind) throws IOException {
        ScriptedSink script = new ScriptedSink();
        script.failAt = 0;
        script.error = new IllegalStateException("bug");
        try (StreamWriter out = open(kind, script)) {
            out.writeUtf8("hello");
            assertThatThrownBy(out::flush).hasMessage("bug");
            assertThat(out.pendingBytes()).isEqualTo(5);
            out.flush();
            assertThat(script.text()).isEqualTo("hello");
        }
    }

    @Test
    void aFlushReachesTheStreamAlsoWhenNothingIsPending() throws IOException {
        ScriptedSink script = new ScriptedSink();
        try (StreamWriter out = open(Kind.STREAM, script)) {
            out.writeUtf8("hello").flush();
            assertThat(script.flushes).isEqualTo(1);
            out.flush();
            assertThat(script.flushes).isEqualTo(2);
            assertThat(script.writes).isEqualTo(1);
        }
    }

    @Test
    void aFlushOfNothingDoesNotTouchAChannel() throws IOException {
        ScriptedSink script = new ScriptedSink();
        try (StreamWriter out = open(Kind.CHANNEL, script)) {
            out.flush();
            assertThat(script.writes).isZero();
        }
    }

    @Test
    void aChannelGetsTheMemoryItselfAndMayNotWriteIt() throws IOException {
        List<ByteBuffer> seen = new ArrayList<>();
        WritableByteChannel channel = new ScriptedSink() {
            @Override
            int write(ByteBuffer src) throws IOException {
                seen.add(src.slice());
                return super.write(src);
            }
        }.asChannel();
        ByteBuffer data = ByteBuffer.allocateDirect(5000);
        try (StreamWriter out = new StreamWriter(new ChannelSink(pool, channel))) {
            out.writeUtf8("x").writeDirect(data).flush();
        }
        assertThat(seen).hasSize(2).allMatch(ByteBuffer::isDirect).allMatch(ByteBuffer::isReadOnly);
        assertThat(MemorySegment.ofBuffer(seen.get(1)).address())
                .isEqualTo(MemorySegment.ofBuffer(data.rewind()).address());
    }

    @Test
    void aChannelThatDoesNotBlockIsRefusedAndTheBytesStay() throws IOException {
        Pipe pipe = Pipe.open();
        try (Pipe.SourceChannel in = pipe.source();
                StreamWriter out = new StreamWriter(new ChannelSink(pool, pipe.sink()))) {
            pipe.sink().configureBlocking(false);
            out.writeUtf8("hello");
            assertThatThrownBy(out::flush).isInstanceOf(IllegalBlockingModeException.class);
            assertThat(out.pendingBytes()).isEqualTo(5);
            pipe.sink().configureBlocking(true);
            out.flush();
            ByteBuffer received = ByteBuffer.allocate(10);
            assertThat(in.read(received)).isEqualTo(5);
        }
    }

    @ParameterizedTest
    @EnumSource
    void closingDropsWhatWasNotFlushedAndClosesTheSinkOnce(Kind kind) throws IOException {
        ScriptedSink script = new ScriptedSink();
        StreamWriter out = open(kind, script);
        out.writeUtf8("lost");
        out.close();
        out.close();
        assertThat(script.closes).isEqualTo(1);
        assertThat(script.taken.size()).isZero();
        assertThat(pool.outstandingBlocks()).isZero();
        assertThat(out.pendingBytes()).isZero();
        assertThatThrownBy(() -> out.writeByte(1))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("closed");
        assertThatThrownBy(() -> out.reserve(1)).isInstanceOf(IOException.class);
        assertThatThrownBy(out::flush).isInstanceOf(IOException.class).hasMessageContaining("closed");
        assertThat(pool.outstandingBlocks()).isZero();
    }

    @ParameterizedTest
    @EnumSource
    void memoryIsFreeEvenIfTheSinkFailsToClose(Kind kind) throws IOException {
        ScriptedSink script = new ScriptedSink();
        script.closeError = new IOException("can't close");
        StreamWriter out = open(kind, script);
        out.writeUtf8("lost");
        assertThatThrownBy(out::close).hasMessage("can't close");
        out.close();
        assertThat(pool.outstandingBlocks()).isZero();
    }

    @Test
    void anAppendedBufferThatIsClosedIsRefusedAndNothingIsWritten() throws IOException {
        LinkBuffer closed = buffer();
        closed.close();
        try (StreamWriter out = open(Kind.STREAM, new ScriptedSink())) {
            assertThatThrownBy(() -> out.append(closed)).isInstanceOf(IllegalStateException.class);
            assertThat(out.pendingBytes()).isZero();
        }
    }

    @Test
    void whatIsWrittenToAFileIsReadFromIt(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("file");
        byte[] large = pattern(300_000);
        for (int i = 0; i < 2; i++) {
            try (StreamWriter out = i == 0
                    ? StreamWriter.of(Files.newOutputStream(file))
                    : StreamWriter.of(FileChannel.open(file, StandardOpenOption.WRITE))) {
                out.writeInt(large.length).writeDirect(ByteBuffer.wrap(large)).writeVarInt(7);
                out.flush();
            }
            try (StreamReader in = StreamReader.of(Files.newByteChannel(file))) {
                assertThat(in.readBytes(in.readInt())).isEqualTo(large);
                assertThat(in.readVarInt()).isEqualTo(7);
                assertThat(in.read(new byte[1], 0, 1)).isEqualTo(-1);
            }
        }
    }
}

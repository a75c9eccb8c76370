// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.memory.MemoryLimitException;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.IllegalBlockingModeException;
import java.nio.channels.Pipe;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Readers that are filled on demand, also by sources that behave badly. */
class StreamReaderTest extends BufferFixture {
    private static final byte NEW_LINE = '\n';

    /** The two kinds of sources, over the same script. */
    enum Kind {
        STREAM {
            @Override
            StreamSource source(SegmentPool pool, int limit, ScriptedSource script) {
                return new InputStreamSource(pool, limit, script);
            }
        },
        CHANNEL {
            @Override
            StreamSource source(SegmentPool pool, int limit, ScriptedSource script) {
                return new ChannelSource(pool, limit, script.asChannel());
            }
        };

        abstract StreamSource source(SegmentPool pool, int limit, ScriptedSource script);
    }

    private StreamReader open(Kind kind, ScriptedSource script) {
        return open(kind, script, StreamReader.DEFAULT_LIMIT);
    }

    private StreamReader open(Kind kind, ScriptedSource script, int limit) {
        return new StreamReader(kind.source(pool, limit, script));
    }

    @ParameterizedTest
    @EnumSource
    void everyOperationGetsItsBytesFromASourceThatGivesFew(Kind kind) throws IOException {
        byte[] bytes = concat(pattern(100), ascii("line\nrest"), new byte[] {(byte) 0xAC, 2});
        for (int step : new int[] {1, 3, 7, 64, 10_000}) {
            try (StreamReader in = open(kind, new ScriptedSource(bytes, step))) {
                ByteBuffer expected = ByteBuffer.wrap(bytes);
                assertThat(in.readableBytes()).isZero();
                assertThat(in.readInt()).isEqualTo(expected.getInt());
                assertThat(in.readShortLE()).isEqualTo(Short.reverseBytes(expected.getShort()));
                assertThat(in.readDouble()).isEqualTo(expected.getDouble());
                assertThat(in.readUnsignedByte()).isEqualTo(expected.get() & 0xFF);
                assertThat(copyOf(in.peek(20))).isEqualTo(Arrays.copyOfRange(bytes, 15, 35));
                assertThat(copyOf(in.next(10))).isEqualTo(Arrays.copyOfRange(bytes, 15, 25));
                in.skip(5);
                LinkBuffer slice = in.slice(20);
                try (slice) {
                    assertThat(slice.toByteArray()).isEqualTo(Arrays.copyOfRange(bytes, 30, 50));
                }
                assertThat(in.readBytes(50)).isEqualTo(Arrays.copyOfRange(bytes, 50, 100));
                assertThat(in.bytesBefore(NEW_LINE)).isEqualTo(4);
                assertThat(in.readUntil(NEW_LINE)).isEqualTo(ascii("line\n"));
                assertThat(in.readUtf8(4)).isEqualTo("rest");
                assertThat(in.readVarInt()).isEqualTo(300);
                in.release();
                assertThat(in.read(new byte[1], 0, 1)).isEqualTo(-1);
                assertThat(in.read(ByteBuffer.allocate(1))).isEqualTo(-1);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void theSourceIsAskedOnlyForBytesThatAreMissing(Kind kind) throws IOException {
        ScriptedSource script = new ScriptedSource(pattern(100), 10);
        try (StreamReader in = open(kind, script)) {
            in.readInt();
            assertThat(script.reads).isEqualTo(1);
            assertThat(in.readableBytes()).isEqualTo(6);
            in.readBytes(6);
            assertThat(script.reads).isEqualTo(1);
            in.peek(11);
            assertThat(script.reads).isEqualTo(3);
            in.skip(0);
            in.next(0);
            in.read(new byte[0], 0, 0);
            in.read(new byte[50], 0, 50);
            assertThat(script.reads).isEqualTo(3);
            assertThat(in.read(new byte[50], 0, 50)).isEqualTo(10);
            assertThat(script.reads).isEqualTo(4);
        }
    }

    /** Go: TestZCReader. */
    @ParameterizedTest
    @EnumSource
    void viewsTakeWhatTheyNeedOfBlocksOfFourKilobytes(Kind kind) throws IOException {
        try (StreamReader in = open(kind, new ScriptedSource(new byte[1 << 20], 4096))) {
            assertThat(in.next(8192).byteSize()).isEqualTo(8192);
            assertThat(in.readableBytes()).isZero();
            assertThat(in.peek(4096).byteSize()).isEqualTo(4096);
            assertThat(in.readableBytes()).isEqualTo(4096);
            in.skip(4096);
            in.release();
            assertThat(in.readableBytes()).isZero();
            assertThat(pool.outstandingBlocks()).isZero();
        }
    }

    @Test
    void aNumberOfVariableLengthTakesNoByteMoreThanItHas() throws IOException {
        ScriptedSource script = new ScriptedSource(new byte[] {(byte) 0xAC, 2, (byte) 0xFF, (byte) 0xFF}, 1);
        try (StreamReader in = open(Kind.STREAM, script)) {
            assertThat(in.readVarInt()).isEqualTo(300);
            assertThat(script.reads).isEqualTo(2);
            assertThatThrownBy(in::readVarLong)
                    .isInstanceOf(EOFException.class)
                    .hasMessageContaining("reading 3 bytes")
                    .hasMessageContaining("only 2 bytes");
            assertThat(in.readableBytes()).isEqualTo(2);
        }
    }

    @ParameterizedTest
    @EnumSource
    void anEarlyEndSaysHowManyBytesThereAreAndConsumesNothing(Kind kind) throws IOException {
        try (StreamReader in = open(kind, new ScriptedSource(ascii("abc"), 2))) {
            for (int i = 0; i < 2; i++) {
                assertThatThrownBy(in::readInt)
                        .isInstanceOf(EOFException.class)
                        .hasMessageContaining("reading 4 bytes")
                        .hasMessageContaining("only 3 bytes are there");
                assertThatThrownBy(() -> in.readUntil(NEW_LINE)).isInstanceOf(EOFException.class);
            }
            byte[] rest = new byte[10];
            assertThat(in.read(rest, 0, 10)).isEqualTo(3);
            assertThat(rest).startsWith(ascii("abc"));
            assertThat(in.read(rest, 0, 10)).isEqualTo(-1);
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatCameBeforeAnErrorStaysReadableAndTheNextReadAsksAgain(Kind kind) throws IOException {
        ScriptedSource script = new ScriptedSource(ascii("abcdef"), 3).failingAt(3, new IOException("cable cut"));
        try (StreamReader in = open(kind, script)) {
            assertThatThrownBy(in::readInt).isInstanceOf(IOException.class).hasMessage("cable cut");
            assertThat(in.readableBytes()).isEqualTo(3);
            assertThat(in.readUtf8(2)).isEqualTo("ab");
            assertThat(in.readUtf8(4)).isEqualTo("cdef");
        }
    }

    @ParameterizedTest
    @EnumSource
    void anUncheckedExceptionOfTheSourceLosesNothingEither(Kind kind) throws IOException {
        ScriptedSource script = new ScriptedSource(ascii("abcdef"), 3).failingAt(3, new IllegalStateException("bug"));
        try (StreamReader in = open(kind, script)) {
            assertThatThrownBy(in::readInt).hasMessage("bug");
            assertThat(in.readUtf8(6)).isEqualTo("abcdef");
        }
    }

    @Test
    void bytesThatComeTogetherWithAnErrorStayReadable() throws IOException {
        ReadableByteChannel channel = new ScriptedSource(new byte[0], 1) {
            @Override
            int read(ByteBuffer dst) throws IOException {
                dst.put(ascii("abc"));
                throw new IOException("cable cut");
            }
        }.asChannel();
        try (StreamReader in = new StreamReader(new ChannelSource(pool, 100, channel))) {
            assertThatThrownBy(in::readByte).hasMessage("cable cut");
            assertThat(in.readUtf8(3)).isEqualTo("abc");
        }
    }

    @ParameterizedTest
    @EnumSource
    void anEofExceptionOfTheSourceIsAnErrorAndNotTheEnd(Kind kind) throws IOException {
        ScriptedSource script = new ScriptedSource(ascii("abc"), 3).failingAt(0, new EOFException("cut in the middle"));
        try (StreamReader in = open(kind, script)) {
            assertThatThrownBy(() -> in.read(new byte[1], 0, 1)).hasMessage("cut in the middle");
            assertThat(in.readUtf8(3)).isEqualTo("abc");
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSourceThatGivesNothingIsAskedAFewTimesOnly(Kind kind) throws IOException {
        ScriptedSource script = new ScriptedSource(ascii("ab"), 1);
        try (StreamReader in = open(kind, script)) {
            script.emptyReads = StreamSource.EMPTY_READS_MAX - 1;
            assertThat(in.readUtf8(1)).isEqualTo("a");
            script.emptyReads = Integer.MAX_VALUE;
            assertThatThrownBy(in::readByte)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("no bytes in 16 reads in a row");
            script.emptyReads = 0;
            assertThat(in.readUtf8(1)).isEqualTo("b");
        }
    }

    @Test
    void aStreamThatClaimsTooMuchIsRefused() throws IOException {
        InputStream liar = new ScriptedSource(new byte[0], 1) {
            @Override
            public int read(byte[] dst, int offset, int length) {
                return length + 1;
            }
        };
        try (StreamReader in = new StreamReader(new InputStreamSource(pool, 100, liar))) {
            assertThatThrownBy(in::readByte).isInstanceOf(IOException.class).hasMessageContaining("says it read");
            assertThat(in.readableBytes()).isZero();
        }
    }

    @Test
    void aChannelThatDoesNotBlockIsRefusedWhenBytesAreNeeded() throws IOException {
        Pipe pipe = Pipe.open();
        try (Pipe.SinkChannel out = pipe.sink();
                StreamReader in = new StreamReader(new ChannelSource(pool, 100, pipe.source()))) {
            out.write(ByteBuffer.wrap(ascii("ab")));
            assertThat(in.readUtf8(1)).isEqualTo("a");
            pipe.source().configureBlocking(false);
            assertThat(in.readUtf8(1)).isEqualTo("b");
            assertThatThrownBy(in::readByte).isInstanceOf(IllegalBlockingModeException.class);
            pipe.source().configureBlocking(true);
            out.write(ByteBuffer.wrap(ascii("c")));
            assertThat(in.readUtf8(1)).isEqualTo("c");
        }
    }

    @ParameterizedTest
    @EnumSource
    void anOperationThatNeedsMoreThanTheLimitFailsAndConsumesNothing(Kind kind) throws IOException {
        ScriptedSource endless = new ScriptedSource(new byte[1 << 20], 1000);
        try (StreamReader in = open(kind, endless, 10_000)) {
            assertThatThrownBy(() -> in.readBytes(10_001))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("limit")
                    .hasMessageContaining("10000");
            assertThat(endless.reads).isZero();
            assertThatThrownBy(() -> in.readUntil(NEW_LINE))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("limit");
            assertThat(in.readableBytes()).isBetween(10_000L, 11_000L);
            assertThat(in.readBytes(10_000)).isEqualTo(new byte[10_000]);
        }
        assertThatIllegalArgumentException().isThrownBy(() -> open(kind, endless, 0));
    }

    @ParameterizedTest
    @EnumSource
    void viewsStayIntactWhileMoreIsReadUntilRelease(Kind kind) throws IOException {
        byte[] bytes = pattern(50_000);
        try (StreamReader in = open(kind, new ScriptedSource(bytes, 777))) {
            var first = in.next(1000);
            var second = in.peek(20_000);
            in.readBytes(49_000);
            assertThat(copyOf(first)).isEqualTo(Arrays.copyOf(bytes, 1000));
            assertThat(copyOf(second)).isEqualTo(Arrays.copyOfRange(bytes, 1000, 21_000));
            in.release();
            assertThat(pool.outstandingBlocks()).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aBigReadFedBySmallOnesKeepsMemoryInProportion(Kind kind) throws IOException {
        byte[] bytes = pattern(1 << 20);
        for (int step : new int[] {10, 1500, 5000, 1 << 20}) {
            try (StreamReader in = open(kind, new ScriptedSource(bytes, step))) {
                assertThat(in.peek(1).byteSize()).isEqualTo(1);
                in.bytesBefore(bytes[bytes.length - 1]);
                assertThat(in.slice(0).isEmpty()).isTrue();
                LinkBuffer all = in.slice(1 << 20);
                try (all) {
                    assertThat(pool.stats().outstandingBytes()).isLessThan(5L << 19);
                    assertThat(all.toByteArray()).isEqualTo(bytes);
                }
            }
        }
    }

    @Test
    void bytesThatFindNoMemoryAreNotLost() throws IOException {
        try (SegmentPool small = new SegmentPool(64 << 10)) {
            Block everything = small.allocate(64 << 10);
            StreamSource source = new InputStreamSource(small, 100, new ScriptedSource(ascii("hello"), 5));
            try (StreamReader in = new StreamReader(source)) {
                assertThatThrownBy(in::readByte).isInstanceOf(MemoryLimitException.class);
                everything.release();
                assertThat(in.readUtf8(5)).isEqualTo("hello");
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void closingFreesTheMemoryAndClosesTheSourceOnce(Kind kind) throws IOException {
        ScriptedSource script = new ScriptedSource(pattern(100), 100);
        StreamReader in = open(kind, script);
        in.next(10);
        try (LinkBuffer slice = in.slice(10)) {
            in.close();
            in.close();
            assertThat(script.closes).isEqualTo(1);
            assertThat(slice.readBytes(10)).isEqualTo(Arrays.copyOfRange(pattern(100), 10, 20));
        }
        assertThat(pool.outstandingBlocks()).isZero();
        assertThat(in.readableBytes()).isZero();
        in.release();
        for (int n = 0; n < 2; n++) {
            int count = n;
            assertThatThrownBy(() -> in.readBytes(count))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("closed");
        }
        assertThatThrownBy(() -> in.read(new byte[1], 0, 1)).isInstanceOf(IOException.class);
        assertThat(script.reads).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource
    void memoryIsFreeEvenIfTheSourceFailsToClose(Kind kind) throws IOException {
        ScriptedSource script = new ScriptedSource(pattern(100), 100);
        script.closeError = new IOException("can't close");
        StreamReader in = open(kind, script);
        in.next(10);
        assertThatThrownBy(in::close).hasMessage("can't close");
        in.close();
        assertThat(pool.outstandingBlocks()).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 4096, 300_000})
    void filesAndStreamsAreReadToTheirEnd(int size, @TempDir Path directory) throws IOException {
        byte[] bytes = pattern(size);
        Path file = Files.write(directory.resolve("file"), bytes);
        try (StreamReader in = StreamReader.of(FileChannel.open(file))) {
            assertThat(in.asInputStream().readAllBytes()).isEqualTo(bytes);
        }
        try (StreamReader in = StreamReader.of(new ByteArrayInputStream(bytes))) {
            assertThat(in.asInputStream().readAllBytes()).isEqualTo(bytes);
        }
    }

    @Test
    void textIsReadLineByLine() throws IOException {
        byte[] text = "één\ntwee\ndrie".getBytes(StandardCharsets.UTF_8);
        try (StreamReader in = StreamReader.of(new ByteArrayInputStream(text), 100)) {
            assertThat(new String(in.readUntil(NEW_LINE), StandardCharsets.UTF_8))
                    .isEqualTo("één\n");
            assertThat(new String(in.readUntil(NEW_LINE), StandardCharsets.UTF_8))
                    .isEqualTo("twee\n");
            assertThatThrownBy(() -> in.readUntil(NEW_LINE)).isInstanceOf(EOFException.class);
            assertThat(in.readUtf8(4)).isEqualTo("drie");
        }
    }

    private static byte[] concat(byte[]... parts) {
        ByteBuffer all = ByteBuffer.allocate(
                Arrays.stream(parts).mapToInt(part -> part.length).sum());
        for (byte[] part : parts) {
            all.put(part);
        }
        return all.array();
    }
}

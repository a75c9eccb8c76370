// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.netpoll.internal.memory.Block;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.assertj.core.api.ThrowingConsumer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What checked mode finds when memory is used after its end, and that it says where that was. */
class CheckedModeTest extends BufferFixture {
    private static final byte POISON = (byte) 0xFB;

    @BeforeAll
    static void onlyInCheckedMode() {
        Checked.assumeOn();
    }

    /** That {@code trace} comes from the line behind the one where {@code before} was made. */
    private static void isTheLineBehind(Throwable before, Throwable trace) {
        StackTraceElement expected = before.getStackTrace()[0];
        assertThat(trace.getStackTrace())
                .as("%s by %s", trace, expected)
                .anyMatch(frame -> frame.getClassName().equals(expected.getClassName())
                        && frame.getLineNumber() == expected.getLineNumber() + 1);
    }

    static List<Arguments> views() {
        return List.of(
                view("next", b -> b.next(5)),
                view("next of joined segments", b -> b.next(15)),
                view("nextBuffer", b -> MemorySegment.ofBuffer(b.nextBuffer(5))),
                view("peek", b -> b.peek(5)),
                view("peek of joined segments", b -> b.peek(15)),
                view("peekBuffer", b -> MemorySegment.ofBuffer(b.peekBuffer(5))),
                view("views, the first", b -> b.views().getFirst()),
                view("views, the last", b -> b.views().getLast()),
                view("a part of next", b -> b.next(5).asSlice(2, 1)),
                view(
                        "a part of nextBuffer",
                        b -> MemorySegment.ofBuffer(b.nextBuffer(5).slice(1, 2))));
    }

    private static Arguments view(String name, Function<LinkBuffer, MemorySegment> view) {
        return Arguments.of(name, view);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("views")
    void aViewEndsWithReleaseWhichIsNamed(String name, Function<LinkBuffer, MemorySegment> operation) {
        Checked.assumeNativeAccess();
        try (LinkBuffer buffer = filled(10, ascii("0123456789abcdefghij"))) {
            MemorySegment view = operation.apply(buffer);
            assertThat(view.get(ValueLayout.JAVA_BYTE, 0)).isNotEqualTo(POISON);
            assertThat(BufferMemory.releaseOf(view)).isEmpty();
            Throwable before = new Throwable();
            buffer.release();
            assertThatIllegalStateException().isThrownBy(() -> view.get(ValueLayout.JAVA_BYTE, 0));
            assertThatIllegalStateException()
                    .isThrownBy(() -> view.asByteBuffer().get(0));
            isTheLineBehind(before, BufferMemory.releaseOf(view).orElseThrow());
            assertThat(operation.apply(filledAgain(buffer)).get(ValueLayout.JAVA_BYTE, 0))
                    .as("later views live")
                    .isNotEqualTo(POISON);
        }
    }

    private static LinkBuffer filledAgain(LinkBuffer buffer) {
        buffer.writeBytes(ascii("0123456789abcdefghij")).flush();
        return buffer;
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("views")
    void aViewEndsWithCloseWhichIsNamed(String name, Function<LinkBuffer, MemorySegment> operation) {
        Checked.assumeNativeAccess();
        LinkBuffer buffer = filled(10, ascii("0123456789abcdefghij"));
        MemorySegment view = operation.apply(buffer);
        Throwable before = new Throwable();
        buffer.close();
        assertThatIllegalStateException().isThrownBy(() -> view.get(ValueLayout.JAVA_BYTE, 0));
        isTheLineBehind(before, BufferMemory.releaseOf(view).orElseThrow());
    }

    @Test
    void aByteBufferEndsWithRelease() {
        Checked.assumeNativeAccess();
        try (LinkBuffer buffer = filled(10, ascii("0123456789"))) {
            ByteBuffer next = buffer.nextBuffer(4);
            ByteBuffer peeked = buffer.peekBuffer(4);
            ByteBuffer copy = peeked.duplicate();
            assertThat(copy.getInt(0)).isEqualTo(0x34353637);
            Throwable before = new Throwable();
            buffer.release();
            for (ByteBuffer view : List.of(next, peeked, copy)) {
                assertThatIllegalStateException().isThrownBy(() -> view.get(0));
                isTheLineBehind(before, BufferMemory.releaseOf(view).orElseThrow());
            }
        }
    }

    @Test
    void aReservationEndsWithTheFlush() {
        Checked.assumeNativeAccess();
        try (LinkBuffer buffer = buffer()) {
            MemorySegment segment = buffer.reserve(4);
            ByteBuffer bytes = buffer.reserveBuffer(4);
            segment.fill((byte) 1);
            bytes.putInt(2);
            assertThat(BufferMemory.releaseOf(segment)).isEmpty();
            Throwable before = new Throwable();
            buffer.flush();
            assertThatIllegalStateException().isThrownBy(() -> segment.fill((byte) 3));
            assertThatIllegalStateException().isThrownBy(() -> bytes.put(0, (byte) 3));
            isTheLineBehind(before, BufferMemory.releaseOf(segment).orElseThrow());
            isTheLineBehind(before, BufferMemory.releaseOf(bytes).orElseThrow());
            assertThat(buffer.readLong()).isEqualTo(0x01010101_00000002L);
        }
    }

    @Test
    void viewsEndWhenTheirBufferIsAppendedToAnother() {
        Checked.assumeNativeAccess();
        try (LinkBuffer buffer = filled(10, ascii("0123456789"));
                LinkBuffer other = buffer()) {
            MemorySegment view = buffer.peek(3);
            Throwable before = new Throwable();
            other.append(buffer);
            assertThatIllegalStateException().isThrownBy(() -> view.get(ValueLayout.JAVA_BYTE, 0));
            isTheLineBehind(before, BufferMemory.releaseOf(view).orElseThrow());
            MemorySegment empty = buffer.next(0);
            assertThat(empty.byteSize()).isZero();
        }
    }

    @Test
    void aSliceIsNotConcernedByTheReleaseOfItsParent() {
        try (LinkBuffer buffer = filled(10, ascii("0123456789abcdefghij"));
                LinkBuffer slice = buffer.slice(5)) {
            MemorySegment view = slice.peek(5);
            buffer.next(5);
            buffer.release();
            assertThat(textOf(view)).isEqualTo("01234");
            assertThat(BufferMemory.releaseOf(view)).isEmpty();
        }
    }

    /** If it got the views' life, access after the end of its arena would be a crash instead of an exception. */
    @Test
    void aViewOfTheUsersMemoryEndsWithTheUsersArena() {
        try (LinkBuffer buffer = buffer()) {
            MemorySegment view;
            try (Arena arena = Arena.ofShared()) {
                buffer.writeDirect(arena.allocate(100)).flush();
                view = buffer.next(100);
                buffer.release();
                assertThat(view.get(ValueLayout.JAVA_BYTE, 0)).isZero();
            }
            assertThatIllegalStateException().isThrownBy(() -> view.get(ValueLayout.JAVA_BYTE, 0));
        }
    }

    @Test
    void releasedBytesArePoisoned() {
        try (LinkBuffer buffer = filled(10, ascii("0123456789"))) {
            MemorySegment view = buffer.next(10);
            Optional<MemorySegment> still = Checked.nativeAccess() ? Optional.empty() : Optional.of(view);
            buffer.release();
            still.ifPresent(memory -> assertThat(copyOf(memory)).containsOnly(POISON));
        }
        Block again = pool.allocate(10); // the block that was just released
        assertThat(copyOf(again.memory().asSlice(0, 10))).containsOnly(POISON);
        again.release();
    }

    static List<Arguments> uses() {
        return List.of(
                use("readableBytes", LinkBuffer::readableBytes),
                use("isEmpty", LinkBuffer::isEmpty),
                use("next", b -> b.next(0)),
                use("peek", b -> b.peek(1)),
                use("views", LinkBuffer::views),
                use("toByteArray", LinkBuffer::toByteArray),
                use("skip", b -> b.skip(1)),
                use("slice", b -> b.slice(1)),
                use("bytesBefore", b -> b.bytesBefore((byte) 0)),
                use("readUntil", b -> b.readUntil((byte) 0)),
                use("readByte", LinkBuffer::readByte),
                use("readVarLong", LinkBuffer::readVarLong),
                use("readLength", b -> b.readLength(1)),
                use("readBytes", b -> b.readBytes(1)),
                use("read", b -> b.read(ByteBuffer.allocate(1))),
                use("readUtf8", b -> b.readUtf8(1)),
                use("reserve", b -> b.reserve(1)),
                use("commit", b -> b.commit(0)),
                use("truncate", b -> b.truncate(0)),
                use("writeByte", b -> b.writeByte(1)),
                use("writeBytes", b -> b.writeBytes(new byte[1])),
                use("writeUtf8", b -> b.writeUtf8("x")),
                use("writeDirect", b -> b.writeDirect(new byte[1])),
                use("append", b -> b.append(new LinkBuffer())),
                use("pendingBytes", LinkBuffer::pendingBytes),
                use("flush", LinkBuffer::flush),
                use("being appended", b -> new LinkBuffer().append(b)));
    }

    private static Arguments use(String name, ThrowingConsumer<LinkBuffer> use) {
        return Arguments.of(name, use);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("uses")
    void useAfterCloseSaysWhereItWasClosed(String name, ThrowingConsumer<LinkBuffer> use) {
        LinkBuffer buffer = filled(10, ascii("0123456789"));
        Throwable before = new Throwable();
        buffer.close();
        assertThatIllegalStateException()
                .isThrownBy(() -> use.accept(buffer))
                .satisfies(e -> isTheLineBehind(before, e.getCause()));
        buffer.release(); // as clean-up code does
    }

    @Test
    @SuppressWarnings("resource") // closed twice is the point
    void closingTwiceSaysWhereItWasClosedFirst() {
        LinkBuffer buffer = filled(10, ascii("0123456789"));
        Throwable before = new Throwable();
        buffer.close();
        assertThatIllegalStateException()
                .isThrownBy(buffer::close)
                .withMessage("the LinkBuffer is closed for the second time")
                .satisfies(e -> isTheLineBehind(before, e.getCause()));
    }

    @Test
    void aStreamReaderThatIsClosedSaysWhere() throws IOException {
        StreamReader in = StreamReader.of(new ByteArrayInputStream(ascii("0123456789")));
        InputStream stream = in.asInputStream();
        MemorySegment view = in.next(4);
        assertThat(stream.read()).isEqualTo('4');
        Throwable before = new Throwable();
        in.close();
        assertThatThrownBy(in::readByte)
                .isInstanceOf(IOException.class)
                .hasMessage("the StreamReader is closed")
                .satisfies(e -> isTheLineBehind(before, e.getCause()));
        assertThatThrownBy(stream::read)
                .isInstanceOf(IOException.class)
                .satisfies(e -> isTheLineBehind(before, e.getCause()));
        if (Checked.nativeAccess()) {
            assertThatIllegalStateException().isThrownBy(() -> view.get(ValueLayout.JAVA_BYTE, 0));
            isTheLineBehind(before, BufferMemory.releaseOf(view).orElseThrow());
        }
        in.close(); // does nothing, as closing a stream again
    }

    @Test
    void viewsOfAStreamReaderEndWithItsRelease() throws IOException {
        Checked.assumeNativeAccess();
        try (StreamReader in = StreamReader.of(new ByteArrayInputStream(ascii("0123456789")))) {
            InputStream stream = in.asInputStream();
            MemorySegment view = in.next(4);
            assertThat(stream.readNBytes(6)).isEqualTo(ascii("456789"));
            assertThat(textOf(view)).as("reading the stream leaves views alone").isEqualTo("0123");
            Throwable before = new Throwable();
            in.release();
            assertThatIllegalStateException().isThrownBy(() -> view.get(ValueLayout.JAVA_BYTE, 0));
            isTheLineBehind(before, BufferMemory.releaseOf(view).orElseThrow());
        }
    }

    @Test
    void aStreamWriterThatIsClosedSaysWhere() throws IOException {
        StreamWriter out = StreamWriter.of(new ByteArrayOutputStream());
        MemorySegment reserved = out.reserve(4);
        Throwable before = new Throwable();
        out.close();
        assertThatThrownBy(() -> out.writeByte(1))
                .isInstanceOf(IOException.class)
                .hasMessage("the StreamWriter is closed")
                .satisfies(e -> isTheLineBehind(before, e.getCause()));
        assertThatThrownBy(out::flush).satisfies(e -> isTheLineBehind(before, e.getCause()));
        if (Checked.nativeAccess()) {
            assertThatIllegalStateException().isThrownBy(() -> reserved.fill((byte) 1));
            isTheLineBehind(before, BufferMemory.releaseOf(reserved).orElseThrow());
        }
        out.close();
    }
}

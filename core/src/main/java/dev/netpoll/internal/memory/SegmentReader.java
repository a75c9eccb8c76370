// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

/**
 * The reading half of a buffer: a chain of segments that is consumed from its front. This layer reads numbers, bytes
 * and text; below it are views and slices ({@link ReaderViews}), joined copies ({@link ReaderJoins}), and the chain
 * itself ({@link ReaderChain}).
 *
 * <p>Invariant, numbered through the layers:
 * <ul>
 *   <li>I6. A call that throws because of its arguments has changed nothing.
 * </ul>
 *
 * <p>Not thread-safe: one owner at a time. The caller makes sure that enough bytes are there; an operation that needs
 * more throws {@link IndexOutOfBoundsException} with the numbers, and {@link IllegalArgumentException} for a negative
 * count.
 */
public final class SegmentReader extends ReaderViews {
    /** Up to this many bytes, a new array is cheaper than a shared one. */
    private static final int SMALL_TEXT = 64;

    /** Creates an empty reader that takes memory for joined bytes from {@code blocks}. */
    public SegmentReader(BlockSource blocks) {
        super(blocks);
    }

    // ---- numbers

    /** Consumes one byte. */
    public byte readByte() {
        int at = start;
        if (at > end - Byte.BYTES) {
            at = makeReady(Byte.BYTES);
        }
        byte value = first().getByte(at);
        at += Byte.BYTES;
        start = at == end ? exhaust() : at;
        return value;
    }

    /** Consumes two bytes, big-endian. */
    public short readShort() {
        int at = start;
        if (at > end - Short.BYTES) {
            at = makeReady(Short.BYTES);
        }
        short value = first().getShort(at);
        at += Short.BYTES;
        start = at == end ? exhaust() : at;
        return value;
    }

    /** Consumes four bytes, big-endian. */
    public int readInt() {
        int at = start;
        if (at > end - Integer.BYTES) {
            at = makeReady(Integer.BYTES);
        }
        int value = first().getInt(at);
        at += Integer.BYTES;
        start = at == end ? exhaust() : at;
        return value;
    }

    /** The big-endian number in the next four bytes; consumes nothing. */
    public int peekInt() {
        int at = start;
        if (at > end - Integer.BYTES) {
            at = makeReady(Integer.BYTES);
        }
        return first().getInt(at);
    }

    /** Consumes eight bytes, big-endian. */
    public long readLong() {
        int at = start;
        if (at > end - Long.BYTES) {
            at = makeReady(Long.BYTES);
        }
        long value = first().getLong(at);
        at += Long.BYTES;
        start = at == end ? exhaust() : at;
        return value;
    }

    /** Consumes two bytes, little-endian. */
    public short readShortLE() {
        return Short.reverseBytes(readShort());
    }

    /** Consumes four bytes, little-endian. */
    public int readIntLE() {
        return Integer.reverseBytes(readInt());
    }

    /** Consumes eight bytes, little-endian. */
    public long readLongLE() {
        return Long.reverseBytes(readLong());
    }

    /** Moves the cursor to {@code n} bytes in one piece; returns its place, from where the caller moves on. */
    private int makeReady(int n) {
        park();
        isNothing(n, "read");
        Segment front = first();
        if (front.length() < n) {
            front = contiguous(n);
        }
        start = front.start;
        end = front.end;
        return front.start;
    }

    /**
     * The size in bytes of the varint at the front; 0 if it is incomplete, and -1 if it has more than {@code bits}
     * bits. Consumes nothing.
     */
    public int varIntSize(int bits) {
        park();
        return Chains.varIntSize(head, bits);
    }

    /** Consumes a varint of {@code size} bytes, as {@link #varIntSize} returned it. */
    public long readVarInt(int size) {
        park();
        Segment front = first();
        int at = front.start;
        if (size <= front.end - at) {
            long value = VarInts.get(front, at, size);
            consumeTo(front, at + size);
            return value;
        }
        long value = 0;
        for (int i = 0; i < size; i++) {
            value = VarInts.with(value, i, readByte());
        }
        return value;
    }

    // ---- looks ahead, which consume nothing

    /**
     * The unsigned number of {@code width} bytes, 1 to 8, at an offset; consumes and exposes nothing. One of 8 bytes
     * may come out negative.
     */
    public long numberAt(int offset, int width, boolean littleEndian) {
        park();
        Segment segment = first();
        if (width == Integer.BYTES && offset <= segment.length() - Integer.BYTES) {
            int value = segment.getInt(segment.start + offset);
            return Integer.toUnsignedLong(littleEndian ? Integer.reverseBytes(value) : value);
        }
        if (offset + (long) width > length()) {
            throw tooFew("numberAt(" + offset + ", " + width + ")");
        }
        return Chains.number(segment, offset, width, littleEndian);
    }

    /** The offset of the first {@code wanted} at or after the offset {@code from}, or -1; consumes nothing. */
    public long indexOf(byte wanted, long from) {
        park();
        if (from < 0) {
            throw new IllegalArgumentException("indexOf: negative offset " + from);
        }
        return Chains.indexOf(head, wanted, from);
    }

    /** Copies the first bytes to {@code dst[offset..]}; consumes nothing. */
    public void copyTo(byte[] dst, int offset, int count) {
        park();
        Objects.checkFromIndexSize(offset, count, dst.length);
        if (isNothing(count, "copyTo")) {
            return;
        }
        Chains.copy(head, dst, offset, count);
    }

    // ---- bytes

    /** Consumes {@code count} bytes into {@code dst[offset..]}. */
    public void readBytes(byte[] dst, int offset, int count) {
        Objects.checkFromIndexSize(offset, count, dst.length);
        if (!isNothing(count, "readBytes")) {
            copyOut(dst, offset, count);
        }
    }

    /** Consumes as many bytes as {@code dst} has, into it. */
    public void readBytes(MemorySegment dst) {
        long count = dst.byteSize();
        if (dst.isReadOnly()) {
            throw new IllegalArgumentException("readBytes: the destination is read-only");
        }
        if (!isNothing(count, "readBytes")) {
            copyOut(dst, 0, count);
        }
    }

    /** Consumes the available bytes, at most {@code count}, into {@code dst[offset..]}; returns how many. */
    public int read(byte[] dst, int offset, int count) {
        Objects.checkFromIndexSize(offset, count, dst.length);
        int n = (int) Math.min(count, length());
        if (n > 0) {
            copyOut(dst, offset, n);
        }
        return n;
    }

    /** Consumes the available bytes, at most as many as remain in {@code dst}, into it; returns how many. */
    public int read(ByteBuffer dst) {
        if (dst.isReadOnly()) {
            throw new ReadOnlyBufferException();
        }
        int n = (int) Math.min(dst.remaining(), length());
        if (n > 0) {
            copyOut(MemorySegment.ofBuffer(dst), 0, n);
            dst.position(dst.position() + n);
        }
        return n;
    }

    /** Consumes {@code n} bytes and returns a copy. */
    public byte[] readBytes(int n) {
        if (isNothing(n, "readBytes")) {
            return new byte[0];
        }
        byte[] bytes = new byte[n];
        copyOut(bytes, 0, n);
        return bytes;
    }

    /** Like the copy to memory, but without a view of the array. */
    private void copyOut(byte[] dst, int offset, int count) {
        park();
        int done = 0;
        while (done < count) {
            Segment front = first();
            int n = Math.min(count - done, front.length());
            MemorySegment.copy(front.memory, Layouts.BYTE, front.start, dst, offset + done, n);
            consume(front, n);
            done += n;
        }
    }

    private void copyOut(MemorySegment dst, long offset, long count) {
        park();
        long done = 0;
        while (done < count) {
            Segment front = first();
            int n = (int) Math.min(count - done, front.length());
            MemorySegment.copy(front.memory, front.start, dst, offset + done, n);
            consume(front, n);
            done += n;
        }
    }

    // ---- text

    /** Consumes {@code n} bytes of UTF-8; malformed input is replaced by U+FFFD, as {@link String} does. */
    public String readUtf8(int n) {
        if (isNothing(n, "readUtf8")) {
            return "";
        }
        if (n <= SMALL_TEXT || n > HeapScratch.SIZE) {
            return toText(new byte[n], n);
        }
        byte[] scratch = HeapScratch.take();
        String text = toText(scratch, n);
        HeapScratch.give(scratch);
        return text;
    }

    /** Consumes the bytes only after the text exists. */
    private String toText(byte[] scratch, int n) {
        copyTo(scratch, 0, n);
        String text = new String(scratch, 0, n, StandardCharsets.UTF_8);
        skip(n);
        return text;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;

/**
 * Reads a stream of bytes, with and without copying.
 *
 * <p><b>Waiting.</b> The reader of a connection, and a {@link StreamReader}, wait until the requested bytes are there,
 * and throw an {@link IOException} when they can't come any more. A {@link LinkBuffer} never waits: when there are too
 * few bytes, it throws {@link IndexOutOfBoundsException} with the numbers. Either way a call that throws an exception
 * has consumed nothing. An {@link Error}, such as a stack overflow, may strike half-way and leave it unknown what
 * was consumed: close the connection or the buffer. Negative counts throw {@link IllegalArgumentException}, a range
 * that is not inside an array {@link IndexOutOfBoundsException}; a count of 0 does nothing and returns an empty result.
 *
 * <p><b>Invalid bytes.</b> Peers may send anything. Invalid bytes are no error of the program but an {@link
 * IOException}, such as {@link MalformedVarIntException}. Read lengths with {@link #readLength} or {@link
 * #readVarLength}, which check them.
 *
 * <p><b>Views.</b> {@link #next}, {@link #peek} and their {@code Buffer} twins return read-only views of pooled memory.
 * A view is valid until {@link #release()}, until the buffer is closed or appended to another one, and on a connection
 * at the latest until the handler that took it returns. What a view shows after that is undefined. All other reads
 * return copies, which are valid for ever, and a {@link #slice} lives until it is closed.
 *
 * <p><b>Threads.</b> One thread at a time reads; handing a reader to another thread needs a happens-before edge.
 *
 * <p>Multi-byte numbers are big-endian (network order), except where the name ends with {@code LE}.
 *
 * @since 0.1
 */
public interface Reader {
    /**
     * Returns the number of bytes that can be read without waiting.
     *
     * @return a number of bytes, 0 or more
     */
    long readableBytes();

    /**
     * Consumes bytes and returns them as one view. Copies nothing when they lie in one segment, and otherwise once.
     *
     * @param n how many bytes
     * @return a read-only view of exactly {@code n} bytes, valid until {@link #release()}
     * @throws IOException if the bytes can't come any more
     */
    MemorySegment next(int n) throws IOException;

    /**
     * Returns the next bytes as one view without consuming them. Peeking again, also for more bytes, leaves earlier
     * views valid and does not copy the same bytes again and again.
     *
     * @param n how many bytes
     * @return a read-only view of exactly {@code n} bytes, valid until {@link #release()}, even if still unread then
     * @throws IOException if the bytes can't come any more
     */
    MemorySegment peek(int n) throws IOException;

    /**
     * Like {@link #next(int)}, with the view as a buffer.
     *
     * @param n how many bytes
     * @return a read-only, direct, big-endian buffer with {@code n} bytes remaining, valid until {@link #release()}
     * @throws IOException if the bytes can't come any more
     */
    default ByteBuffer nextBuffer(int n) throws IOException {
        return next(n).asByteBuffer();
    }

    /**
     * Like {@link #peek(int)}, with the view as a buffer. Moving its position consumes nothing.
     *
     * @param n how many bytes
     * @return a read-only, direct, big-endian buffer with {@code n} bytes remaining, valid until {@link #release()},
     *     even if still unread then
     * @throws IOException if the bytes can't come any more
     */
    default ByteBuffer peekBuffer(int n) throws IOException {
        return peek(n).asByteBuffer();
    }

    /**
     * Consumes bytes without looking at them.
     *
     * @param n how many bytes
     * @throws IOException if the bytes can't come any more
     */
    void skip(long n) throws IOException;

    /**
     * Consumes bytes and returns them as a separate buffer that shares the memory. The slice is independent: it stays
     * valid when this reader releases or is closed, and another thread may use it. Always close it; on a connection its
     * bytes count as retained until then. There, bytes that fill at most half of a received block (64 KiB or less for
     * frames of up to this size) are copied, as a slice of few bytes would keep the whole block.
     *
     * @param n how many bytes
     * @return a buffer with exactly {@code n} readable bytes
     * @throws IOException if the bytes can't come any more
     */
    LinkBuffer slice(int n) throws IOException;

    /**
     * Looks for a delimiter. A connection and a {@link StreamReader} wait for it; a {@link LinkBuffer} returns -1 when
     * it isn't there.
     *
     * @param delimiter the byte to look for
     * @return the number of bytes before the first delimiter; consumes nothing
     * @throws IOException if the delimiter can't come any more
     */
    long bytesBefore(byte delimiter) throws IOException;

    /**
     * Consumes bytes through the first delimiter.
     *
     * @param delimiter the byte to look for
     * @return a copy of the bytes, the delimiter included
     * @throws IOException if the delimiter can't come any more
     */
    byte[] readUntil(byte delimiter) throws IOException;

    /**
     * Consumes one byte.
     *
     * @return the byte
     * @throws IOException if it can't come any more
     */
    byte readByte() throws IOException;

    /**
     * Consumes two bytes.
     *
     * @return the big-endian number
     * @throws IOException if the bytes can't come any more
     */
    short readShort() throws IOException;

    /**
     * Consumes four bytes.
     *
     * @return the big-endian number
     * @throws IOException if the bytes can't come any more
     */
    int readInt() throws IOException;

    /**
     * Consumes eight bytes.
     *
     * @return the big-endian number
     * @throws IOException if the bytes can't come any more
     */
    long readLong() throws IOException;

    /**
     * Consumes two bytes.
     *
     * @return the little-endian number
     * @throws IOException if the bytes can't come any more
     */
    short readShortLE() throws IOException;

    /**
     * Consumes four bytes.
     *
     * @return the little-endian number
     * @throws IOException if the bytes can't come any more
     */
    int readIntLE() throws IOException;

    /**
     * Consumes eight bytes.
     *
     * @return the little-endian number
     * @throws IOException if the bytes can't come any more
     */
    long readLongLE() throws IOException;

    /**
     * Consumes a length of four bytes and checks it. Use it for lengths that a peer sends: with {@link #readInt} a
     * negative one becomes an {@link IllegalArgumentException}, as if the program were wrong, and a great one requests
     * memory.
     *
     * {@snippet file="dev/netpoll/examples/Snippets.java" region="read-length"}
     *
     * @param max the greatest valid length
     * @return the big-endian number, from 0 to {@code max}
     * @throws InvalidLengthException if it is negative or greater than {@code max}; nothing is consumed
     * @throws IOException if the bytes can't come any more
     * @throws IllegalArgumentException if {@code max} is negative
     */
    int readLength(int max) throws IOException;

    /**
     * Like {@link #readLength}, with the low byte first.
     *
     * @param max the greatest valid length
     * @return the little-endian number, from 0 to {@code max}
     * @throws InvalidLengthException if it is negative or greater than {@code max}; nothing is consumed
     * @throws IOException if the bytes can't come any more
     * @throws IllegalArgumentException if {@code max} is negative
     */
    int readLengthLE(int max) throws IOException;

    /**
     * Like {@link #readLength}, for a number of variable length; see {@link #readVarInt}.
     *
     * @param max the greatest valid length
     * @return the number, from 0 to {@code max}
     * @throws MalformedVarIntException if it has more than 5 bytes or 32 bits; nothing is consumed
     * @throws InvalidLengthException if it is greater than {@code max}; nothing is consumed
     * @throws IOException if the bytes can't come any more
     * @throws IllegalArgumentException if {@code max} is negative
     */
    int readVarLength(int max) throws IOException;

    /**
     * Consumes one byte.
     *
     * @return the byte as a number from 0 to 255
     * @throws IOException if it can't come any more
     */
    default int readUnsignedByte() throws IOException {
        return Byte.toUnsignedInt(readByte());
    }

    /**
     * Consumes two bytes.
     *
     * @return the big-endian number, from 0 to 65535
     * @throws IOException if the bytes can't come any more
     */
    default int readUnsignedShort() throws IOException {
        return Short.toUnsignedInt(readShort());
    }

    /**
     * Consumes four bytes.
     *
     * @return the big-endian number, from 0 to 2<sup>32</sup> - 1
     * @throws IOException if the bytes can't come any more
     */
    default long readUnsignedInt() throws IOException {
        return Integer.toUnsignedLong(readInt());
    }

    /**
     * Consumes two bytes.
     *
     * @return the little-endian number, from 0 to 65535
     * @throws IOException if the bytes can't come any more
     */
    default int readUnsignedShortLE() throws IOException {
        return Short.toUnsignedInt(readShortLE());
    }

    /**
     * Consumes four bytes.
     *
     * @return the little-endian number, from 0 to 2<sup>32</sup> - 1
     * @throws IOException if the bytes can't come any more
     */
    default long readUnsignedIntLE() throws IOException {
        return Integer.toUnsignedLong(readIntLE());
    }

    /**
     * Consumes four bytes.
     *
     * @return the big-endian IEEE 754 number
     * @throws IOException if the bytes can't come any more
     */
    default float readFloat() throws IOException {
        return Float.intBitsToFloat(readInt());
    }

    /**
     * Consumes eight bytes.
     *
     * @return the big-endian IEEE 754 number
     * @throws IOException if the bytes can't come any more
     */
    default double readDouble() throws IOException {
        return Double.longBitsToDouble(readLong());
    }

    /**
     * Consumes four bytes.
     *
     * @return the little-endian IEEE 754 number
     * @throws IOException if the bytes can't come any more
     */
    default float readFloatLE() throws IOException {
        return Float.intBitsToFloat(readIntLE());
    }

    /**
     * Consumes eight bytes.
     *
     * @return the little-endian IEEE 754 number
     * @throws IOException if the bytes can't come any more
     */
    default double readDoubleLE() throws IOException {
        return Double.longBitsToDouble(readLongLE());
    }

    /**
     * Consumes a number of variable length, as Protocol Buffers' {@code uint32}: seven bits in each byte, the lowest
     * first. Waits for no byte beyond its last. A negative {@code int32} of theirs has ten bytes and is
     * {@code (int) readVarLong()}.
     *
     * @return the number; treat it as unsigned where that matters
     * @throws MalformedVarIntException if it has more than 5 bytes or 32 bits; nothing is consumed
     * @throws IOException if the bytes can't come any more
     */
    int readVarInt() throws IOException;

    /**
     * Consumes a number of variable length, as Protocol Buffers' {@code uint64} and {@code int64}. Waits for no byte
     * beyond its last.
     *
     * @return the number; treat it as unsigned where that matters
     * @throws MalformedVarIntException if it has more than 10 bytes or 64 bits; nothing is consumed
     * @throws IOException if the bytes can't come any more
     */
    long readVarLong() throws IOException;

    /**
     * Consumes a number of variable length, as Protocol Buffers' {@code sint32}: numbers near 0 are short, negative
     * ones too.
     *
     * @return the number
     * @throws MalformedVarIntException if it has more than 5 bytes or 32 bits; nothing is consumed
     * @throws IOException if the bytes can't come any more
     */
    default int readZigZagInt() throws IOException {
        int zigZag = readVarInt();
        return (zigZag >>> 1) ^ -(zigZag & 1);
    }

    /**
     * Consumes a number of variable length, as Protocol Buffers' {@code sint64}: numbers near 0 are short, negative
     * ones too.
     *
     * @return the number
     * @throws MalformedVarIntException if it has more than 10 bytes or 64 bits; nothing is consumed
     * @throws IOException if the bytes can't come any more
     */
    default long readZigZagLong() throws IOException {
        long zigZag = readVarLong();
        return (zigZag >>> 1) ^ -(zigZag & 1);
    }

    /**
     * Consumes bytes.
     *
     * @param n how many
     * @return a copy of them
     * @throws IOException if the bytes can't come any more
     */
    byte[] readBytes(int n) throws IOException;

    /**
     * Consumes as many bytes as {@code dst} holds.
     *
     * @param dst receives the bytes
     * @throws IOException if the bytes can't come any more
     */
    void readBytes(byte[] dst) throws IOException;

    /**
     * Consumes {@code length} bytes.
     *
     * @param dst receives the bytes
     * @param offset index of the first one in {@code dst}
     * @param length how many
     * @throws IOException if the bytes can't come any more
     */
    void readBytes(byte[] dst, int offset, int length) throws IOException;

    /**
     * Consumes as many bytes as {@code dst} holds.
     *
     * @param dst receives the bytes; any writable memory
     * @throws IOException if the bytes can't come any more
     */
    void readBytes(MemorySegment dst) throws IOException;

    /**
     * Waits for at least one byte, then consumes what is there.
     *
     * @param dst receives the bytes
     * @param offset index of the first one in {@code dst}
     * @param length how many bytes at most; with 0 the call does not wait
     * @return how many bytes, or -1 at the end of the stream, which for a {@link LinkBuffer} is when it is empty
     * @throws IOException if reading fails for another reason than the end of the stream
     */
    int read(byte[] dst, int offset, int length) throws IOException;

    /**
     * Waits for at least one byte, then consumes what is there and fits.
     *
     * @param dst receives the bytes; its position moves past them
     * @return how many bytes, or -1 at the end of the stream, which for a {@link LinkBuffer} is when it is empty
     * @throws IOException if reading fails for another reason than the end of the stream
     */
    int read(ByteBuffer dst) throws IOException;

    /**
     * Consumes text in UTF-8. Replaces malformed input by U+FFFD, including a character that is cut off at the end.
     *
     * @param n how many bytes, not characters
     * @return a copy of the text
     * @throws IOException if the bytes can't come any more
     */
    String readUtf8(int n) throws IOException;

    /**
     * Ends all views and returns their memory. Unread bytes stay readable. Idempotent.
     */
    void release();

    /**
     * Returns a stream that consumes from this reader. It keeps no bytes, so stream and reader may be used in turns;
     * closing it does nothing.
     *
     * @return a new stream; {@code read} returns -1 at the end of the stream, {@code available} never waits
     */
    default InputStream asInputStream() {
        return new ReaderInputStream(this);
    }

    /**
     * Returns a channel that consumes from this reader. It keeps no bytes; closing it closes nothing but the channel.
     *
     * @return a new channel
     */
    default ReadableByteChannel asChannel() {
        return new ReaderChannel(this);
    }
}

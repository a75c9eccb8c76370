// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;

/**
 * Collects bytes, with and without copying, and passes them on with {@link #flush()}. Written bytes are <i>pending</i>
 * until then. The flush of a connection sends them, that of a {@link StreamWriter} writes them to its stream or
 * channel, and that of a {@link LinkBuffer} makes them readable.
 *
 * <p><b>Errors.</b> A connection or {@link StreamWriter} that is closed throws an {@link IOException}. A call that
 * throws an exception has written nothing. An {@link Error} may strike half-way and leave it unknown what is pending:
 * close the connection or the buffer. Negative counts throw {@link IllegalArgumentException}, counts beyond the
 * available bytes {@link IndexOutOfBoundsException} with the numbers. Writing 0 bytes does nothing.
 *
 * <p><b>Memory.</b> All writes copy, except {@link #writeDirect} of native memory and {@link #append}. So the caller
 * may reuse the arguments of all others at once.
 *
 * <p><b>Threads.</b> One thread at a time writes; handing a writer to another thread needs a happens-before edge. Two
 * threads may read and write a connection at the same time.
 *
 * <p>Multi-byte numbers are big-endian (network order), except where the name ends with {@code LE}. All writing methods
 * return this writer.
 *
 * @since 0.1
 */
public interface Writer {
    /**
     * Appends {@code n} bytes for the caller to fill. They are pending at once, and zero until the caller fills them.
     * Clearing them takes time: reserve about what is needed.
     *
     * @param n how many bytes
     * @return writable memory of exactly {@code n} bytes in one piece, valid until the next flush, until they are
     *     truncated, or until the writer is closed
     * @throws IOException if writing is not possible any more
     */
    MemorySegment reserve(int n) throws IOException;

    /**
     * Like {@link #reserve(int)}, with the memory as a buffer. All of its bytes are pending, wherever its position is:
     * {@link #commit} with the position when fewer were put.
     *
     * @param n how many bytes
     * @return a writable, direct, big-endian buffer with {@code n} bytes remaining, valid as long as that of
     *     {@link #reserve}
     * @throws IOException if writing is not possible any more
     */
    default ByteBuffer reserveBuffer(int n) throws IOException {
        return reserve(n).asByteBuffer();
    }

    /**
     * Keeps the first {@code n} bytes of the last reservation and takes back the rest. Only directly after
     * {@link #reserve}.
     *
     * @param n how many bytes
     * @return this writer
     * @throws IllegalStateException if the last operation was not a {@code reserve}
     * @throws IOException if writing is not possible any more
     */
    Writer commit(int n) throws IOException;

    /**
     * Keeps the first {@code n} of all pending bytes and takes back the rest.
     *
     * @param n how many bytes
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    Writer truncate(long n) throws IOException;

    /**
     * Writes one byte.
     *
     * @param b the byte, in the low eight bits
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    Writer writeByte(int b) throws IOException;

    /**
     * Writes two bytes.
     *
     * @param s the number, in the low 16 bits; written big-endian
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    Writer writeShort(int s) throws IOException;

    /**
     * Writes four bytes.
     *
     * @param i the number, written big-endian
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    Writer writeInt(int i) throws IOException;

    /**
     * Writes eight bytes.
     *
     * @param l the number, written big-endian
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    Writer writeLong(long l) throws IOException;

    /**
     * Writes two bytes.
     *
     * @param s the number, in the low 16 bits; written little-endian
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    Writer writeShortLE(int s) throws IOException;

    /**
     * Writes four bytes.
     *
     * @param i the number, written little-endian
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    Writer writeIntLE(int i) throws IOException;

    /**
     * Writes eight bytes.
     *
     * @param l the number, written little-endian
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    Writer writeLongLE(long l) throws IOException;

    /**
     * Writes four bytes.
     *
     * @param f the IEEE 754 number, written big-endian
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    default Writer writeFloat(float f) throws IOException {
        return writeInt(Float.floatToRawIntBits(f));
    }

    /**
     * Writes eight bytes.
     *
     * @param d the IEEE 754 number, written big-endian
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    default Writer writeDouble(double d) throws IOException {
        return writeLong(Double.doubleToRawLongBits(d));
    }

    /**
     * Writes four bytes.
     *
     * @param f the IEEE 754 number, written little-endian
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    default Writer writeFloatLE(float f) throws IOException {
        return writeIntLE(Float.floatToRawIntBits(f));
    }

    /**
     * Writes eight bytes.
     *
     * @param d the IEEE 754 number, written little-endian
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    default Writer writeDoubleLE(double d) throws IOException {
        return writeLongLE(Double.doubleToRawLongBits(d));
    }

    /**
     * Writes 1 to 5 bytes, as Protocol Buffers' {@code uint32}: seven bits in each byte, the lowest first. Their
     * negative {@code int32} is {@code writeVarLong(i)}.
     *
     * @param i the number, taken as unsigned: a negative one takes 5 bytes
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    default Writer writeVarInt(int i) throws IOException {
        return writeVarLong(Integer.toUnsignedLong(i));
    }

    /**
     * Writes 1 to 10 bytes, as Protocol Buffers' {@code uint64} and {@code int64}.
     *
     * @param l the number, taken as unsigned: a negative one takes 10 bytes
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    Writer writeVarLong(long l) throws IOException;

    /**
     * Writes 1 to 5 bytes, as Protocol Buffers' {@code sint32}: numbers near 0 are short, negative ones too.
     *
     * @param i the number
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    default Writer writeZigZagInt(int i) throws IOException {
        return writeVarInt((i << 1) ^ (i >> 31));
    }

    /**
     * Writes 1 to 10 bytes, as Protocol Buffers' {@code sint64}: numbers near 0 are short, negative ones too.
     *
     * @param l the number
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    default Writer writeZigZagLong(long l) throws IOException {
        return writeVarLong((l << 1) ^ (l >> 63));
    }

    /**
     * Writes a copy of {@code src}.
     *
     * @param src the bytes
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    Writer writeBytes(byte[] src) throws IOException;

    /**
     * Writes a copy of a part of {@code src}.
     *
     * @param src the bytes
     * @param offset index of the first one
     * @param length how many
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    Writer writeBytes(byte[] src, int offset, int length) throws IOException;

    /**
     * Writes a copy of {@code src}.
     *
     * @param src the bytes, in memory of any kind
     * @return this writer
     * @throws IllegalStateException if the memory's arena is closed
     * @throws WrongThreadException if the memory is confined to another thread
     * @throws IOException if writing is not possible any more
     */
    Writer writeBytes(MemorySegment src) throws IOException;

    /**
     * Writes a copy of what remains in {@code src}, and consumes it.
     *
     * @param src the bytes
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    Writer writeBytes(ByteBuffer src) throws IOException;

    /**
     * Writes text in UTF-8, without its length or a terminator. An unpaired surrogate becomes {@code '?'}.
     *
     * @param text the text
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    Writer writeUtf8(String text) throws IOException;

    /**
     * Writes memory by reference, see {@link #writeDirect(MemorySegment, long)}.
     *
     * @param data the bytes
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    default Writer writeDirect(MemorySegment data) throws IOException {
        return writeDirect(data, 0);
    }

    /**
     * Inserts memory by reference into the pending bytes, so that exactly {@code remaining} of them follow it. A caller
     * can reserve a header and a trailer together and put the payload between them.
     *
     * <p>Neither change nor free the memory until its bytes are gone: on a connection or {@link StreamWriter}, until a
     * flush returned normally; in a {@link LinkBuffer}, until they are consumed and released. The writer copies memory
     * that not every thread may access (heap, confined arenas). A flush on an event loop cannot wait, so it copies what
     * the kernel does not take at once.
     *
     * @param data the bytes
     * @param remaining how many of the bytes that are pending now come after {@code data}
     * @return this writer
     * @throws IllegalStateException if the memory's arena is closed
     * @throws WrongThreadException if the memory is confined to another thread
     * @throws IOException if writing is not possible any more
     */
    Writer writeDirect(MemorySegment data, long remaining) throws IOException;

    /**
     * Writes what remains in {@code data} by reference, see {@link #writeDirect(ByteBuffer, long)}.
     *
     * @param data the bytes; its position moves to its limit
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    default Writer writeDirect(ByteBuffer data) throws IOException {
        return writeDirect(data, 0);
    }

    /**
     * Like {@link #writeDirect(MemorySegment, long)}, with what remains in {@code data}. The writer keeps the memory of
     * a direct buffer alive as long as it needs it. It copies the bytes of a heap buffer at once, and the caller may
     * reuse the buffer.
     *
     * @param data the bytes; its position moves to its limit
     * @param remaining how many of the bytes that are pending now come after {@code data}
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    default Writer writeDirect(ByteBuffer data, long remaining) throws IOException {
        writeDirect(MemorySegment.ofBuffer(data), remaining);
        data.position(data.limit());
        return this;
    }

    /**
     * Writes a copy of {@code data}, see {@link #writeDirect(byte[], long)}.
     *
     * @param data the bytes
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    default Writer writeDirect(byte[] data) throws IOException {
        return writeDirect(data, 0);
    }

    /**
     * Inserts a copy of {@code data} into the pending bytes, so that exactly {@code remaining} of them follow it. An
     * array can't be written by reference: the garbage collector may move it while the kernel reads. The writer copies
     * it at once, and the caller may reuse it.
     *
     * @param data the bytes
     * @param remaining how many of the bytes that are pending now come after {@code data}
     * @return this writer
     * @throws IOException if writing is not possible any more
     */
    default Writer writeDirect(byte[] data, long remaining) throws IOException {
        return writeDirect(MemorySegment.ofArray(data), remaining);
    }

    /**
     * Moves all bytes of {@code buffer}, the readable ones and then the pending ones, to the end of the pending bytes.
     * The buffer is empty afterwards and may be used again; views of it end as with {@link LinkBuffer#release()}.
     *
     * @param buffer the bytes
     * @return this writer
     * @throws IllegalArgumentException if {@code buffer} is this writer
     * @throws IllegalStateException if {@code buffer} is closed
     * @throws IOException if writing is not possible any more
     */
    Writer append(LinkBuffer buffer) throws IOException;

    /**
     * Returns the number of bytes written since the last flush.
     *
     * @return a number of bytes, 0 or more
     */
    long pendingBytes();

    /**
     * Passes the pending bytes on; without any, it only checks whether writing is possible. If an interrupt ends the
     * wait, {@code bytesTransferred} of its exception says how much was sent: perhaps all.
     *
     * @throws IOException if the bytes can't be passed on
     */
    void flush() throws IOException;

    /**
     * Returns a stream that writes to this writer. The stream keeps no bytes, so stream and writer may be used in
     * turns. The writer keeps them until a flush. To copy a large file to the stream, flush now and then; otherwise all
     * of it is in memory. The stream's {@code flush} flushes this writer; closing it does nothing, not even flush.
     *
     * @return a new stream
     */
    default OutputStream asOutputStream() {
        return new WriterOutputStream(this);
    }

    /**
     * Returns a channel that writes to this writer. A channel can't be flushed, so every write flushes. Closing it
     * closes nothing but the channel.
     *
     * @return a new channel
     */
    default WritableByteChannel asChannel() {
        return new WriterChannel(this);
    }
}

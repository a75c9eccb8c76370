// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.base.Classes;
import dev.netpoll.internal.memory.BufferAccess;
import dev.netpoll.internal.memory.BufferGuard;
import dev.netpoll.internal.memory.ByteSink;
import dev.netpoll.internal.memory.ByteSource;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.memory.SegmentReader;
import dev.netpoll.internal.memory.SegmentWriter;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A queue of bytes in linked pieces of pooled native memory. {@link #flush()} makes written bytes readable. Appending
 * and slicing whole buffers copies nothing.
 *
 * {@snippet file="dev/netpoll/examples/Snippets.java" region="link-buffer"}
 *
 * <p>Nothing blocks. The only checked exceptions report invalid bytes, which their sender caused: {@link
 * MalformedVarIntException} and {@link InvalidLengthException}. Reading more than there is throws {@link
 * IndexOutOfBoundsException} with the numbers and consumes nothing.
 *
 * <p>A buffer holds native memory until its bytes are consumed and released, or until {@link #close()}; an empty one
 * without views holds none. Close it: the garbage collector recovers the memory of a forgotten buffer, but at an
 * unknown time. After {@code close} every use except {@link #close()} and {@link #release()} throws {@link
 * IllegalStateException}.
 *
 * <p>Not thread-safe: one thread at a time, and handing a buffer over needs a happens-before edge. Slices are separate
 * buffers, which other threads may use meanwhile.
 *
 * @since 0.1
 */
public final class LinkBuffer implements Reader, Writer, AutoCloseable {
    static {
        Classes.initialize(MethodHandles.lookup(), SourceReader.class, SinkWriter.class);
        BufferAccess.install(new Access());
    }

    private final SegmentPool pool;
    private final SegmentReader readable;
    private @Nullable SegmentWriter pending; // null in a slice until its first write
    private final @Nullable BufferGuard guard; // in checked mode only
    private boolean closed;

    /** Creates an empty buffer, which takes no memory before the first write. */
    public LinkBuffer() {
        this(SegmentPool.shared(), 0);
    }

    /** For tests: uses their pool, and segments of {@code fixedBlock} bytes; 0 means normal growth. */
    LinkBuffer(SegmentPool pool, int fixedBlock) {
        this.pool = pool;
        this.readable = new SegmentReader(pool);
        SegmentWriter writer = new SegmentWriter(pool, fixedBlock);
        this.pending = writer;
        readable.isFedBy(writer);
        this.guard = BufferGuard.watch("LinkBuffer", this, readable, writer);
    }

    /** Creates an empty buffer without a writing half. */
    private LinkBuffer(SegmentPool pool) {
        this.pool = pool;
        this.readable = new SegmentReader(pool);
        this.guard = BufferGuard.watch("LinkBuffer", this, readable, null);
    }

    // ---- the queue itself

    /**
     * Returns whether nothing can be read; there may be pending bytes.
     *
     * @return true when {@link #readableBytes()} is 0
     */
    public boolean isEmpty() {
        return readableBytes() == 0;
    }

    /**
     * Copies all readable bytes; consumes nothing.
     *
     * @return the copy
     * @throws IllegalStateException if there are more bytes than an array can hold
     */
    public byte[] toByteArray() {
        byte[] bytes = new byte[arraySize(readableBytes())];
        readable.copyTo(bytes, 0, bytes.length);
        return bytes;
    }

    /**
     * Shows all readable bytes without copying; consumes nothing.
     *
     * @return read-only views in order, valid until {@link #release()}
     */
    public List<MemorySegment> views() {
        return in().views();
    }

    /**
     * Frees all memory, including that of views. Slices stay valid. Closing again does nothing; in checked mode it
     * throws, because two closes mean two owners.
     *
     * @throws IllegalStateException in checked mode, if the buffer is closed; the cause says where that was
     */
    @Override
    public void close() {
        if (guard != null) {
            guard.close();
        }
        if (!closed) {
            closed = true;
            try {
                readable.clear();
            } finally {
                SegmentWriter writer = pending;
                if (writer != null) {
                    writer.clear();
                }
            }
        }
    }

    // ---- Reader

    @Override
    public long readableBytes() {
        return in().length();
    }

    @Override
    public MemorySegment next(int n) {
        return in().next(n);
    }

    @Override
    public MemorySegment peek(int n) {
        return in().peek(n);
    }

    @Override
    public ByteBuffer nextBuffer(int n) {
        return next(n).asByteBuffer();
    }

    @Override
    public ByteBuffer peekBuffer(int n) {
        return peek(n).asByteBuffer();
    }

    @Override
    public void skip(long n) {
        in().skip(n);
    }

    @Override
    public LinkBuffer slice(int n) {
        return slice(pool, in(), n);
    }

    /** {@return a buffer with the first bytes of {@code in}} Consumes nothing if it fails. */
    static LinkBuffer slice(SegmentPool pool, SegmentReader in, int n) {
        LinkBuffer slice = new LinkBuffer(pool); // first, as it may fail
        slice.add(in.slice(n));
        return slice;
    }

    /** {@inheritDoc} Here: -1 when there is no delimiter. */
    @Override
    public long bytesBefore(byte delimiter) {
        return in().indexOf(delimiter, 0);
    }

    /**
     * {@inheritDoc}
     *
     * @throws IndexOutOfBoundsException if there is no delimiter; nothing is consumed
     */
    @Override
    public byte[] readUntil(byte delimiter) {
        long before = bytesBefore(delimiter);
        if (before < 0) {
            throw new IndexOutOfBoundsException("readUntil(" + delimiter + "): not in the " + readableBytes()
                    + " readable bytes" + readable.hint());
        }
        return readable.readBytes(arraySize(before + 1));
    }

    @Override
    public byte readByte() {
        return in().readByte();
    }

    @Override
    public short readShort() {
        return in().readShort();
    }

    @Override
    public int readInt() {
        return in().readInt();
    }

    @Override
    public long readLong() {
        return in().readLong();
    }

    @Override
    public short readShortLE() {
        return in().readShortLE();
    }

    @Override
    public int readIntLE() {
        return in().readIntLE();
    }

    @Override
    public long readLongLE() {
        return in().readLongLE();
    }

    @Override
    public int readUnsignedByte() {
        return Byte.toUnsignedInt(readByte());
    }

    @Override
    public int readUnsignedShort() {
        return Short.toUnsignedInt(readShort());
    }

    @Override
    public long readUnsignedInt() {
        return Integer.toUnsignedLong(readInt());
    }

    @Override
    public int readUnsignedShortLE() {
        return Short.toUnsignedInt(readShortLE());
    }

    @Override
    public long readUnsignedIntLE() {
        return Integer.toUnsignedLong(readIntLE());
    }

    @Override
    public float readFloat() {
        return Float.intBitsToFloat(readInt());
    }

    @Override
    public double readDouble() {
        return Double.longBitsToDouble(readLong());
    }

    @Override
    public float readFloatLE() {
        return Float.intBitsToFloat(readIntLE());
    }

    @Override
    public double readDoubleLE() {
        return Double.longBitsToDouble(readLongLE());
    }

    @Override
    public int readLength(int max) throws InvalidLengthException {
        return Lengths.read(in(), max);
    }

    @Override
    public int readLengthLE(int max) throws InvalidLengthException {
        return Lengths.readLE(in(), max);
    }

    @Override
    public int readVarLength(int max) throws MalformedVarIntException, InvalidLengthException {
        int size = varSize(Integer.SIZE);
        return Lengths.readVar(readable, size, max);
    }

    @Override
    public int readVarInt() throws MalformedVarIntException {
        return (int) readVar(Integer.SIZE);
    }

    @Override
    public long readVarLong() throws MalformedVarIntException {
        return readVar(Long.SIZE);
    }

    @Override
    public int readZigZagInt() throws MalformedVarIntException {
        int zigZag = readVarInt();
        return (zigZag >>> 1) ^ -(zigZag & 1);
    }

    @Override
    public long readZigZagLong() throws MalformedVarIntException {
        long zigZag = readVarLong();
        return (zigZag >>> 1) ^ -(zigZag & 1);
    }

    @Override
    public byte[] readBytes(int n) {
        return in().readBytes(n);
    }

    @Override
    public void readBytes(byte[] dst) {
        in().readBytes(dst, 0, dst.length);
    }

    @Override
    public void readBytes(byte[] dst, int offset, int length) {
        in().readBytes(dst, offset, length);
    }

    @Override
    public void readBytes(MemorySegment dst) {
        in().readBytes(dst);
    }

    @Override
    public int read(byte[] dst, int offset, int length) {
        int n = in().read(dst, offset, length);
        return n == 0 && length > 0 ? -1 : n;
    }

    @Override
    public int read(ByteBuffer dst) {
        boolean wanted = dst.hasRemaining();
        int n = in().read(dst);
        return n == 0 && wanted ? -1 : n;
    }

    @Override
    public String readUtf8(int n) {
        return in().readUtf8(n);
    }

    @Override
    public void release() {
        readable.release(); // harmless after close, where clean-up code may call it
    }

    /**
     * Returns a channel that reads from and writes to this buffer; every write is readable at once. It keeps no bytes,
     * and closing it affects only the channel.
     *
     * @return a new channel
     */
    @Override
    public ByteChannel asChannel() {
        return new LinkBufferChannel(this);
    }

    // ---- Writer

    @Override
    public MemorySegment reserve(int n) {
        return out().reserve(n);
    }

    @Override
    public ByteBuffer reserveBuffer(int n) {
        return reserve(n).asByteBuffer();
    }

    @Override
    public LinkBuffer commit(int n) {
        out().commit(n);
        return this;
    }

    @Override
    public LinkBuffer truncate(long n) {
        out().truncate(n);
        return this;
    }

    @Override
    public LinkBuffer writeByte(int b) {
        out().writeByte(b);
        return this;
    }

    @Override
    public LinkBuffer writeShort(int s) {
        out().writeShort(s);
        return this;
    }

    @Override
    public LinkBuffer writeInt(int i) {
        out().writeInt(i);
        return this;
    }

    @Override
    public LinkBuffer writeLong(long l) {
        out().writeLong(l);
        return this;
    }

    @Override
    public LinkBuffer writeShortLE(int s) {
        out().writeShortLE(s);
        return this;
    }

    @Override
    public LinkBuffer writeIntLE(int i) {
        out().writeIntLE(i);
        return this;
    }

    @Override
    public LinkBuffer writeLongLE(long l) {
        out().writeLongLE(l);
        return this;
    }

    @Override
    public LinkBuffer writeFloat(float f) {
        return writeInt(Float.floatToRawIntBits(f));
    }

    @Override
    public LinkBuffer writeDouble(double d) {
        return writeLong(Double.doubleToRawLongBits(d));
    }

    @Override
    public LinkBuffer writeFloatLE(float f) {
        return writeIntLE(Float.floatToRawIntBits(f));
    }

    @Override
    public LinkBuffer writeDoubleLE(double d) {
        return writeLongLE(Double.doubleToRawLongBits(d));
    }

    @Override
    public LinkBuffer writeVarInt(int i) {
        return writeVarLong(Integer.toUnsignedLong(i));
    }

    @Override
    public LinkBuffer writeVarLong(long l) {
        out().writeVarLong(l);
        return this;
    }

    @Override
    public LinkBuffer writeZigZagInt(int i) {
        return writeVarInt((i << 1) ^ (i >> 31));
    }

    @Override
    public LinkBuffer writeZigZagLong(long l) {
        return writeVarLong((l << 1) ^ (l >> 63));
    }

    @Override
    public LinkBuffer writeBytes(byte[] src) {
        out().writeBytes(src, 0, src.length);
        return this;
    }

    @Override
    public LinkBuffer writeBytes(byte[] src, int offset, int length) {
        out().writeBytes(src, offset, length);
        return this;
    }

    @Override
    public LinkBuffer writeBytes(MemorySegment src) {
        out().writeBytes(src);
        return this;
    }

    @Override
    public LinkBuffer writeBytes(ByteBuffer src) {
        out().writeBytes(src);
        return this;
    }

    @Override
    public LinkBuffer writeUtf8(String text) {
        out().writeUtf8(text);
        return this;
    }

    @Override
    public LinkBuffer writeDirect(MemorySegment data) {
        return writeDirect(data, 0);
    }

    @Override
    public LinkBuffer writeDirect(MemorySegment data, long remaining) {
        out().writeDirect(data, remaining);
        return this;
    }

    @Override
    public LinkBuffer writeDirect(ByteBuffer data) {
        return writeDirect(data, 0);
    }

    @Override
    public LinkBuffer writeDirect(ByteBuffer data, long remaining) {
        writeDirect(MemorySegment.ofBuffer(data), remaining);
        data.position(data.limit());
        return this;
    }

    @Override
    public LinkBuffer writeDirect(byte[] data) {
        return writeDirect(data, 0);
    }

    @Override
    public LinkBuffer writeDirect(byte[] data, long remaining) {
        return writeDirect(MemorySegment.ofArray(data), remaining);
    }

    /** {@inheritDoc} The bytes become readable with the next flush of this buffer. */
    @Override
    public LinkBuffer append(LinkBuffer buffer) {
        if (buffer == this) {
            throw new IllegalArgumentException("a buffer can't be appended to itself");
        }
        buffer.moveTo(out());
        return this;
    }

    @Override
    public long pendingBytes() {
        checkOpen();
        return pending == null ? 0 : pending.pending();
    }

    /** Makes the pending bytes readable. */
    @Override
    public void flush() {
        readable.append(out().take());
    }

    @Override
    public String toString() {
        return closed
                ? "LinkBuffer[closed]"
                : "LinkBuffer[readable=" + readable.length() + " pending=" + pendingBytes() + "]";
    }

    // ---- inside

    private SegmentReader in() {
        checkOpen();
        return readable;
    }

    private SegmentWriter out() {
        checkOpen();
        SegmentWriter writer = pending;
        return writer != null ? writer : makePending();
    }

    private SegmentWriter makePending() {
        SegmentWriter writer = new SegmentWriter(pool);
        pending = writer;
        readable.isFedBy(writer);
        if (guard != null) {
            guard.watch(writer);
        }
        return writer;
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the LinkBuffer is closed", guard == null ? null : guard.closedAt());
        }
    }

    /** Moves all bytes, the readable ones and then the pending ones, to the end of {@code target}. */
    void moveTo(SegmentWriter target) {
        long bytes = readableBytes() + pendingBytes();
        Segment chain = takeAll();
        try {
            target.append(chain, bytes);
        } catch (IllegalArgumentException e) { // another thread changed the chain meanwhile
            readable.append(chain);
            throw new IllegalStateException("a LinkBuffer was used by two threads at once", e);
        }
    }

    private long readVar(int bits) throws MalformedVarIntException {
        int size = varSize(bits);
        return readable.readVarInt(size);
    }

    private int varSize(int bits) throws MalformedVarIntException {
        SegmentReader in = in();
        int size = in.varIntSize(bits);
        if (size == 0) {
            throw new IndexOutOfBoundsException("a number of variable length does not end within the " + in.length()
                    + " readable bytes" + in.hint());
        }
        if (size < 0) {
            throw MalformedVarIntException.at(in, bits);
        }
        return size;
    }

    private @Nullable Segment takeAll() {
        checkOpen();
        SegmentWriter writer = pending;
        if (writer != null) {
            readable.append(writer.take());
        }
        return readable.take();
    }

    private static int arraySize(long bytes) {
        if (bytes < 0) {
            throw new IllegalStateException("the LinkBuffer was used by two threads at once");
        }
        if (bytes > Integer.MAX_VALUE - 8) {
            throw new IllegalStateException(bytes + " bytes are too many for an array");
        }
        return (int) bytes;
    }

    /** {@return a buffer that owns {@code chain} as readable bytes} */
    static LinkBuffer wrap(SegmentPool pool, @Nullable Segment chain) {
        LinkBuffer buffer;
        try {
            buffer = new LinkBuffer(pool);
        } catch (Throwable t) {
            Segment.freeAll(chain);
            throw t;
        }
        buffer.add(chain);
        return buffer;
    }

    /** Adds bytes from another part of the library. */
    private void add(@Nullable Segment chain) {
        Segment.shareAll(chain);
        readable.append(chain);
    }

    /** For tests: throws {@link AssertionError} when an invariant does not hold; returns the sum of the charges. */
    long check() {
        return readable.check() + (pending == null ? 0 : pending.check());
    }

    private static final class Access extends BufferAccess<LinkBuffer> {
        @Override
        protected Class<LinkBuffer> type() {
            return LinkBuffer.class;
        }

        @Override
        public LinkBuffer wrap(SegmentPool pool, @Nullable Segment chain) {
            return LinkBuffer.wrap(pool, chain);
        }

        @Override
        public void add(LinkBuffer buffer, @Nullable Segment chain) {
            buffer.add(chain);
        }

        @Override
        public @Nullable Segment take(LinkBuffer buffer) {
            return buffer.takeAll();
        }

        @Override
        public <R> R reader(Class<R> type, ByteSource source) {
            return type.cast(new SourceReader(source));
        }

        @Override
        public <W> W writer(Class<W> type, ByteSink sink) {
            return type.cast(new SinkWriter(sink));
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

/**
 * The writing half of a buffer: a chain of pending bytes that grows at its end until it is taken away. This layer
 * writes numbers, bytes and text; below it are bytes by reference ({@link WriterReferences}), reservations and removal
 * ({@link WriterReservations}), and the chain itself ({@link WriterChain}).
 *
 * <p>Invariant, numbered through the layers:
 * <ul>
 *   <li>I6. A call that throws because of its arguments has changed nothing.
 * </ul>
 *
 * <p>Numbers and reservations that don't fit into the rest of a block go to a new one: at most nine bytes are wasted
 * for a number, and readers find them in one piece.
 *
 * <p>Not thread-safe: one owner at a time.
 */
public final class SegmentWriter extends WriterReferences {
    /** From this many characters on, the block is held during encoding. */
    private static final int GUARDED = 128;

    /** From this length on, a text is first tried as ASCII: room for any text is three times as large. */
    private static final int LARGE_TEXT = 8 << 10;

    /** Creates an empty writer that takes blocks from {@code blocks}; they grow with the number of pending bytes. */
    public SegmentWriter(BlockSource blocks) {
        this(blocks, 0);
    }

    /**
     * Like {@link #SegmentWriter(BlockSource)}, for tests: segments hold {@code fixedBlock} bytes, unless more have to
     * be in one piece. 0 means normal growth.
     */
    public SegmentWriter(BlockSource blocks, int fixedBlock) {
        this(blocks, fixedBlock, false);
    }

    private SegmentWriter(BlockSource blocks, int fixedBlock, boolean ofConnection) {
        super(blocks, fixedBlock, ofConnection);
    }

    /** {@return a writer for a connection} */
    public static SegmentWriter ofConnection(BlockSource blocks) {
        return new SegmentWriter(blocks, 0, true);
    }

    // ---- numbers

    /** Writes the low eight bits. */
    public void writeByte(int b) {
        int at = end;
        if (at > limit - Byte.BYTES) {
            at = makeRoom(Byte.BYTES);
        }
        last().setByte(at, (byte) b);
        end = at + Byte.BYTES;
    }

    /** Writes the low 16 bits, big-endian. */
    public void writeShort(int s) {
        int at = end;
        if (at > limit - Short.BYTES) {
            at = makeRoom(Short.BYTES);
        }
        last().setShort(at, (short) s);
        end = at + Short.BYTES;
    }

    /** Writes four bytes, big-endian. */
    public void writeInt(int i) {
        int at = end;
        if (at > limit - Integer.BYTES) {
            at = makeRoom(Integer.BYTES);
        }
        last().setInt(at, i);
        end = at + Integer.BYTES;
    }

    /** Writes eight bytes, big-endian. */
    public void writeLong(long l) {
        int at = end;
        if (at > limit - Long.BYTES) {
            at = makeRoom(Long.BYTES);
        }
        last().setLong(at, l);
        end = at + Long.BYTES;
    }

    /** Writes the low 16 bits, little-endian. */
    public void writeShortLE(int s) {
        writeShort(Short.reverseBytes((short) s));
    }

    /** Writes four bytes, little-endian. */
    public void writeIntLE(int i) {
        writeInt(Integer.reverseBytes(i));
    }

    /** Writes eight bytes, little-endian. */
    public void writeLongLE(long l) {
        writeLong(Long.reverseBytes(l));
    }

    /** Writes an unsigned number as a varint of 1 to 10 bytes. */
    public void writeVarLong(long value) {
        int size = VarInts.size(value);
        int at = end;
        if (at > limit - size) {
            at = makeRoom(size);
        }
        VarInts.put(last(), at, value, size);
        end = at + size;
    }

    // ---- bytes, copied

    /** Writes a copy of {@code src[offset .. offset + count)}. */
    public void writeBytes(byte[] src, int offset, int count) {
        Objects.checkFromIndexSize(offset, count, src.length);
        park();
        Segment last = tail;
        if (last != null && count > 0 && count <= last.room()) { // most small ones; needs no view of the array
            last.put(src, offset, count);
            last.end += count;
        } else {
            copyIn(MemorySegment.ofArray(src), offset, count);
        }
    }

    /** Writes a copy of {@code src}, which may be of any kind. */
    public void writeBytes(MemorySegment src) {
        copyIn(checkAccessible(src), 0, src.byteSize());
    }

    /** Writes a copy of what remains in {@code src} and consumes it. */
    public void writeBytes(ByteBuffer src) {
        copyIn(MemorySegment.ofBuffer(src), 0, src.remaining());
        src.position(src.limit());
    }

    // ---- text

    /** Writes {@code text} in UTF-8; an unpaired surrogate becomes {@code '?'}, as {@link String#getBytes} does. */
    public void writeUtf8(String text) {
        park();
        int chars = text.length();
        Segment last = tail;
        if (last != null && last.room() >= Utf8.room(chars)) {
            last.end += chars < GUARDED ? Utf8.encode(text, last, last.end) : encodeHeld(text, last, last.end, false);
        } else if (chars > 0) {
            writeUtf8Slowly(text, chars);
        }
    }

    /**
     * Writing a long text takes a while, in which another thread might free the segment by mistake. Until this ends,
     * its memory must not get another owner.
     */
    private static int encodeHeld(String text, Segment target, int at, boolean notAscii) {
        Block block = target.hold();
        try {
            return notAscii ? Utf8.encodeChars(text, target, at) : Utf8.encode(text, target, at);
        } finally {
            target.letGo(block);
        }
    }

    private static boolean isEncodedAsAscii(String text, Segment target) {
        Block block = target.hold();
        try {
            return Utf8.encodeAscii(text, target, 0);
        } finally {
            target.letGo(block);
        }
    }

    /** Without room for the longest encoding: takes a new block, or a detour if that would waste much. */
    private void writeUtf8Slowly(String text, int chars) {
        try {
            encode(text, chars);
        } catch (Throwable t) {
            dropEmptyTail();
            throw t;
        }
    }

    private void encode(String text, int chars) {
        Segment last = tail;
        boolean fresh = fixedBlock == 0 && (last == null || last.room() < chars);
        boolean large = fresh && chars >= LARGE_TEXT && chars <= SizeClasses.MAX_BLOCK - 2;
        if (large) {
            last = grow(chars + 2);
            if (isEncodedAsAscii(text, last)) {
                last.end = chars;
                return;
            }
            dropEmptyTail();
        }
        if (Utf8.room(chars) > SizeClasses.MAX_BLOCK) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            writeBytes(bytes, 0, bytes.length);
        } else if (fresh) {
            last = grow((int) Utf8.room(chars));
            last.end = encodeHeld(text, last, 0, large);
        } else {
            Segment encoded = Segment.allocate(blocks, (int) Utf8.room(chars));
            try {
                copyIn(encoded.memory, 0, Utf8.encode(text, encoded, 0));
            } finally {
                encoded.free();
            }
        }
    }
}

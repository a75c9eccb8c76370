// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The writing half of a buffer: a chain of pending bytes that grows at its end until it is taken away.
 *
 * <p>Invariants, between calls:
 * <ul>
 *   <li>I1. {@code pending} is the sum of the lengths of the segments. None of them is empty.
 *   <li>I2. A writer without pending bytes owns no block.
 *   <li>I3. {@code reserved >= 0} only while the last operation was a {@link #reserve}; those bytes are the end of the
 *       last segment.
 *   <li>I4. A reservation and a number lie in one segment; other bytes may be split over several.
 *   <li>I5. A call that throws because of its arguments has changed nothing.
 * </ul>
 *
 * <p>Numbers and reservations that don't fit into the rest of a block go to a new one: at most nine bytes are wasted
 * for a number, and readers find them in one piece.
 *
 * <p>Not thread-safe: one owner at a time.
 */
public final class SegmentWriter {
    private static final int FIRST_BLOCK = 4 << 10;
    private static final int SECOND_BLOCK = 16 << 10;
    private static final int LARGE_BLOCK = 64 << 10;

    /** At most so much of the user's memory becomes one segment: a multiple of every page size. */
    private static final int MAX_DIRECT = 1 << 30;

    /** Nobody's thread: memory that even this one may access is not confined to any. */
    private static final Thread ANOTHER_THREAD = Thread.ofPlatform().unstarted(() -> {});

    private final SegmentPool pool;
    private final int fixedBlock;
    private @Nullable Segment head;
    private @Nullable Segment tail;
    private long pending;
    private int reserved = -1;

    /** Creates an empty one that takes its blocks from {@code pool}; they grow with the number of pending bytes. */
    public SegmentWriter(SegmentPool pool) {
        this(pool, 0);
    }

    /**
     * As {@link #SegmentWriter(SegmentPool)}, for tests: segments hold {@code fixedBlock} bytes, except where more have
     * to be in one piece. 0 means the normal growth.
     */
    public SegmentWriter(SegmentPool pool, int fixedBlock) {
        this.pool = pool;
        this.fixedBlock = fixedBlock;
    }

    /** The number of bytes written or reserved since the last {@link #take()}. */
    public long pending() {
        return pending;
    }

    /** Takes all pending bytes away, as a chain that belongs to the caller; null when there are none. */
    public @Nullable Segment take() {
        dropEmptyTail();
        Segment chain = head;
        head = null;
        tail = null;
        pending = 0;
        reserved = -1;
        return chain;
    }

    /** Frees all pending bytes. */
    public void clear() {
        Segment.freeAll(take());
    }

    // ---- reservations

    /** Adds {@code n} bytes of arbitrary content and returns them, in one piece, writable until the next flush. */
    public MemorySegment reserve(int n) {
        if (n < 0) {
            throw new IllegalArgumentException("reserve(" + n + "): the count is negative");
        }
        if (n == 0) {
            reserved = 0;
            return MemorySegment.NULL;
        }
        Segment last = roomFor(n);
        MemorySegment memory = last.memory.asSlice(last.end, n);
        written(last, n);
        reserved = n;
        return memory;
    }

    /** Keeps the first {@code n} bytes of the reservation that was the last operation. */
    public void commit(int n) {
        int size = reserved;
        if (size < 0) {
            throw new IllegalStateException("commit(" + n + "): the last operation was not a reserve");
        }
        if (n < 0) {
            throw new IllegalArgumentException("commit(" + n + "): the count is negative");
        }
        if (n > size) {
            throw new IndexOutOfBoundsException("commit(" + n + "): only " + size + " bytes are reserved");
        }
        reserved = -1;
        Segment last = tail;
        if (last != null && n < size) {
            last.end -= size - n;
            pending -= size - n;
            dropEmptyTail();
        }
    }

    /** Keeps the first {@code n} of all pending bytes. */
    public void truncate(long n) {
        checkPending("truncate", n);
        reserved = -1;
        if (n == 0) {
            clear();
        }
        Segment last = head;
        if (last == null || n == pending) {
            return;
        }
        long left = n;
        while (left > last.length()) {
            left -= last.length();
            last = Objects.requireNonNull(last.next);
        }
        Segment dropped = last.next;
        last.next = null;
        last.truncate((int) left);
        tail = last;
        pending = n;
        Segment.freeAll(dropped);
    }

    // ---- numbers

    /** Writes the low eight bits. */
    public void writeByte(int b) {
        Segment last = roomFor(Byte.BYTES);
        last.memory.set(Layouts.BYTE, last.end, (byte) b);
        written(last, Byte.BYTES);
    }

    /** Writes the low 16 bits, the high byte first. */
    public void writeShort(int s) {
        Segment last = roomFor(Short.BYTES);
        last.memory.set(Layouts.SHORT, last.end, (short) s);
        written(last, Short.BYTES);
    }

    /** Writes four bytes, the high one first. */
    public void writeInt(int i) {
        Segment last = roomFor(Integer.BYTES);
        last.memory.set(Layouts.INT, last.end, i);
        written(last, Integer.BYTES);
    }

    /** Writes eight bytes, the high one first. */
    public void writeLong(long l) {
        Segment last = roomFor(Long.BYTES);
        last.memory.set(Layouts.LONG, last.end, l);
        written(last, Long.BYTES);
    }

    /** Writes the low 16 bits, the low byte first. */
    public void writeShortLE(int s) {
        writeShort(Short.reverseBytes((short) s));
    }

    /** Writes four bytes, the low one first. */
    public void writeIntLE(int i) {
        writeInt(Integer.reverseBytes(i));
    }

    /** Writes eight bytes, the low one first. */
    public void writeLongLE(long l) {
        writeLong(Long.reverseBytes(l));
    }

    /** Writes an unsigned number as a varint of 1 to 10 bytes. */
    public void writeVarLong(long value) {
        int size = VarInts.size(value);
        Segment last = roomFor(size);
        VarInts.put(last.memory, last.end, value, size);
        written(last, size);
    }

    // ---- bytes and text, copied

    /** Writes a copy of {@code src[offset .. offset + count)}. */
    public void writeBytes(byte[] src, int offset, int count) {
        Objects.checkFromIndexSize(offset, count, src.length);
        copyIn(MemorySegment.ofArray(src), offset, count);
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

    /** Writes {@code text} in UTF-8; an unpaired surrogate becomes {@code '?'}, as {@link String#getBytes} does. */
    public void writeUtf8(String text) {
        // Measured: even for short strings the JDK's encoder and a copy beat encoding char by char into native memory.
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        copyIn(MemorySegment.ofArray(bytes), 0, bytes.length);
    }

    // ---- bytes by reference

    /**
     * Inserts {@code data} so that exactly {@code remaining} of the bytes that are pending now follow it. Native memory
     * that every thread may access is inserted by reference: it must be neither changed nor freed until the bytes are
     * gone. Other memory is copied.
     */
    public void writeDirect(MemorySegment data, long remaining) {
        checkPending("writeDirect", remaining);
        checkAccessible(data);
        long size = data.byteSize();
        boolean byReference = data.isNative() && data.isAccessibleBy(ANOTHER_THREAD);
        if (size == 0) {
            reserved = -1;
        } else if (remaining == 0 && byReference) {
            reserved = -1;
            refer(data, size);
        } else if (remaining == 0) {
            copyIn(data, 0, size);
        } else {
            SegmentWriter inserted = new SegmentWriter(pool, fixedBlock);
            if (byReference) {
                inserted.refer(data, size);
            } else {
                inserted.copyIn(data, 0, size);
            }
            insert(inserted, pending - remaining);
        }
    }

    /**
     * Adds a chain of segments, which belong to this writer from now on, without copying.
     *
     * @throws IllegalArgumentException if the chain does not hold {@code bytes} bytes; it is not taken over then
     */
    public void append(@Nullable Segment chain, long bytes) {
        long sum = 0;
        for (Segment segment = chain; segment != null; segment = segment.next) {
            sum += segment.length();
        }
        if (sum != bytes) {
            throw new IllegalArgumentException("a chain of " + sum + " bytes was said to have " + bytes);
        }
        reserved = -1;
        Segment segment = chain;
        while (segment != null) {
            Segment following = segment.next;
            segment.next = null;
            if (segment.length() == 0) {
                segment.free();
            } else {
                pending += segment.length();
                link(segment);
            }
            segment = following;
        }
    }

    // ---- inside

    private void checkPending(String operation, long n) {
        if (n < 0) {
            throw new IllegalArgumentException(operation + "(" + n + "): the count is negative");
        }
        if (n > pending) {
            throw new IndexOutOfBoundsException(operation + "(" + n + "): only " + pending + " bytes are pending");
        }
    }

    /** Refuses memory that is gone or belongs to another thread before anything is changed. */
    private static MemorySegment checkAccessible(MemorySegment memory) {
        if (!memory.scope().isAlive()) {
            throw new IllegalStateException("the memory's arena is closed");
        }
        if (!memory.isAccessibleBy(Thread.currentThread())) {
            throw new WrongThreadException("the memory is confined to another thread");
        }
        return memory;
    }

    private Segment roomFor(int n) {
        Segment last = tail;
        return last != null && n <= last.room() ? last : grow(n);
    }

    /** Adds an empty segment for at least {@code n} bytes in one piece. */
    private Segment grow(int n) {
        int size = Math.max(n, nextBlock());
        Block block = pool.allocate(size);
        Segment segment = fixedBlock == 0 ? Segment.writable(block) : Segment.writable(block, size);
        link(segment);
        return segment;
    }

    private int nextBlock() {
        if (fixedBlock > 0) {
            return fixedBlock;
        }
        return pending < FIRST_BLOCK / 2 ? FIRST_BLOCK : pending < SECOND_BLOCK ? SECOND_BLOCK : LARGE_BLOCK;
    }

    private void written(Segment last, int n) {
        last.end += n;
        pending += n;
        reserved = -1;
    }

    private void link(Segment segment) {
        dropEmptyTail();
        Segment last = tail;
        if (last == null) {
            head = segment;
        } else {
            last.next = segment;
        }
        tail = segment;
    }

    private void dropEmptyTail() {
        Segment last = tail;
        if (last == null || last.length() > 0) {
            return;
        }
        Segment before = null;
        for (Segment s = head; s != null && s != last; s = s.next) {
            before = s;
        }
        if (before == null) {
            head = null;
        } else {
            before.next = null;
        }
        tail = before;
        last.free();
    }

    private void copyIn(MemorySegment src, long offset, long count) {
        long before = pending;
        reserved = -1;
        try {
            copyPieces(src, offset, count);
        } catch (RuntimeException e) { // no memory, or the source was closed meanwhile: as if nothing was written
            dropEmptyTail();
            truncate(before);
            throw e;
        }
    }

    private void copyPieces(MemorySegment src, long offset, long count) {
        long done = 0;
        while (done < count) {
            long left = count - done;
            Segment last = tail;
            if (last == null || last.room() == 0) {
                // Large data comes in large blocks, but not in one: those are rarely found in the pool.
                last = grow(fixedBlock > 0 ? 1 : (int) Math.min(left, LARGE_BLOCK));
            }
            int n = (int) Math.min(left, last.room());
            MemorySegment.copy(src, offset + done, last.memory, last.end, n);
            written(last, n);
            done += n;
        }
    }

    private void refer(MemorySegment data, long size) {
        for (long done = 0; done < size; done += MAX_DIRECT) {
            Segment segment = Segment.ofUser(data.asSlice(done, Math.min(MAX_DIRECT, size - done)));
            pending += segment.length();
            link(segment);
        }
    }

    /** Moves all bytes of {@code other} to the position {@code at} of this one. */
    private void insert(SegmentWriter other, long at) {
        dropEmptyTail();
        Segment before = null;
        Segment after = head;
        long left = at;
        while (after != null && left >= after.length()) {
            left -= after.length();
            before = after;
            after = after.next;
        }
        if (after != null && left > 0) { // inside a segment: its front part takes the place before it
            Segment front = after.split((int) left);
            linkBehind(before, front);
            before = front;
        }
        long bytes = other.pending;
        Segment last = other.tail;
        linkBehind(before, other.take());
        if (last != null && after != null) {
            last.next = after;
        } else {
            tail = last;
        }
        pending += bytes;
        reserved = -1;
    }

    private void linkBehind(@Nullable Segment before, @Nullable Segment segment) {
        if (before == null) {
            head = segment;
        } else {
            before.next = segment;
        }
    }

    /**
     * For tests: walks over all segments and throws {@link AssertionError} when an invariant does not hold.
     *
     * @return the sum of the charges
     */
    public long check() {
        long sum = 0;
        long charged = 0;
        Segment last = null;
        for (Segment s = head; s != null; s = s.next) {
            s.check();
            sum += s.length();
            charged += s.charged();
            if (s.length() == 0) {
                throw new AssertionError("pending " + s);
            }
            last = s;
        }
        if (sum != pending || last != tail || (last != null && reserved > last.length())) {
            throw new AssertionError("pending " + pending + " but " + sum + " bytes in the chain, tail " + tail);
        }
        return charged;
    }
}

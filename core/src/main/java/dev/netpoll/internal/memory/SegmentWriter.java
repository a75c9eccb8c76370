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
 *   <li>I1. {@code before} is the sum of the lengths of the segments before the last. None of them is empty.
 *   <li>I2. A writer without pending bytes owns no block.
 *   <li>I3. While {@code reserved >= 0} and {@code reservedEnd == pending()}, the last operation was a
 *       {@link #reserve}, and the end of the last segment are those bytes.
 *   <li>I4. A reservation and a number lie in one segment; other bytes may be split over several.
 *   <li>I5. A call that throws because of its arguments has changed nothing.
 *   <li>I6. While {@code limit != 0}, numbers are being written to the last segment: {@code end} is where the next one
 *       goes, and the segment's own {@code end} is stale. Every other operation {@link #park}s first. See I3 of
 *       {@link ReaderChain} for the reason.
 * </ul>
 *
 * <p>Numbers and reservations that don't fit into the rest of a block go to a new one: at most nine bytes are wasted
 * for a number, and readers find them in one piece.
 *
 * <p>Not thread-safe: one owner at a time.
 */
public final class SegmentWriter {
    /** From so many characters on, the block is held while they are encoded. */
    private static final int GUARDED = 128;

    private static final int FIRST_BLOCK = 4 << 10;
    private static final int SECOND_BLOCK = 16 << 10;
    private static final int LARGE_BLOCK = 64 << 10;

    /** From this length on, a text is first taken for ASCII, lest it get three times the memory it needs. */
    private static final int LARGE_TEXT = 8 << 10;

    /** At most so much of the user's memory becomes one segment: a multiple of every page size. */
    private static final int MAX_DIRECT = 1 << 30;

    /** Nobody's thread: memory that even this one may access is not confined to any. */
    private static final Thread ANOTHER_THREAD = Thread.ofPlatform().unstarted(() -> {});

    private final BlockSource blocks;
    private final int fixedBlock;

    /** Whether its segments only ever reach a connection, which lets one thread at a time use them. */
    private final boolean ofConnection;

    private @Nullable Segment head;
    private @Nullable Segment tail;
    private int end;
    private int limit;
    private long before;
    private int reserved = -1;
    private long reservedEnd;

    /** Whether a reservation has been handed out since the last flush. */
    private boolean hasReserved;

    private final @Nullable ViewScope scope = ViewScope.ofMode();

    /** Creates an empty one that takes its blocks from {@code blocks}; they grow with the number of pending bytes. */
    public SegmentWriter(BlockSource blocks) {
        this(blocks, 0);
    }

    /**
     * As {@link #SegmentWriter(BlockSource)}, for tests: segments hold {@code fixedBlock} bytes, except where more have
     * to be in one piece. 0 means the normal growth.
     */
    public SegmentWriter(BlockSource blocks, int fixedBlock) {
        this(blocks, fixedBlock, false);
    }

    private SegmentWriter(BlockSource blocks, int fixedBlock, boolean ofConnection) {
        this.blocks = blocks;
        this.fixedBlock = fixedBlock;
        this.ofConnection = ofConnection;
    }

    /** {@return one for a connection} */
    public static SegmentWriter ofConnection(BlockSource blocks) {
        return new SegmentWriter(blocks, 0, true);
    }

    /** The number of bytes written or reserved since the last {@link #take()}. */
    public long pending() {
        Segment last = tail;
        return last == null ? 0 : before + (limit != 0 ? end - last.start : last.length());
    }

    /** Whether it owns any segment. */
    boolean holdsMemory() {
        return head != null;
    }

    /** Whether some of the pending bytes are in memory of the user's, who may close it. */
    public boolean hasUserMemory() {
        for (Segment segment = head; segment != null; segment = segment.next) {
            if (segment.block == null) {
                return true;
            }
        }
        return false;
    }

    /**
     * Copies what lies in memory of the user's, who may change and free it from now on. If it throws, nothing is
     * pending any more.
     *
     * @throws IllegalStateException if such memory was freed already
     */
    public void endLoans() {
        Segment rest = take();
        try {
            while (rest != null) {
                Segment segment = rest;
                rest = segment.next;
                segment.next = null;
                if (segment.block != null) {
                    link(segment);
                } else {
                    append(segment.copied(blocks), segment.length());
                }
            }
        } catch (Throwable t) {
            clear();
            Segment.freeAll(rest);
            throw t;
        }
    }

    /** Takes all pending bytes away, as a chain that belongs to the caller; null when there are none. */
    public @Nullable Segment take() {
        park();
        dropEmptyTail();
        return forget();
    }

    /** Frees all pending bytes. */
    public void clear() {
        Segment.freeAll(forget());
    }

    private @Nullable Segment forget() {
        if (scope != null) {
            scope.end();
        }
        Segment chain = head;
        end = 0; // no matter where the cursor was
        limit = 0;
        head = null;
        tail = null;
        before = 0;
        reserved = -1;
        hasReserved = false;
        return chain;
    }

    /**
     * Gives up everything for an owner that does not come back, though reservations may be written to for longer: what
     * nobody can reach is freed at once, the rest when no reservation in it is reachable any more. Without native
     * access that can't be known: then the rest is lost, and counted.
     */
    public void abandon() {
        boolean shown = hasReserved;
        if (scope != null) {
            scope.abandon();
        }
        Segment.abandonAll(forget(), shown);
    }

    // ---- reservations

    /** Adds {@code n} bytes of arbitrary content and returns them, in one piece, writable until the next flush. */
    public MemorySegment reserve(int n) {
        park();
        if (n < 0) {
            throw new IllegalArgumentException("reserve(" + n + "): the count is negative");
        }
        MemorySegment memory = n == 0 ? scoped(MemorySegment.NULL) : reserved(n);
        reserved = n;
        reservedEnd = pending();
        return memory;
    }

    private MemorySegment reserved(int n) {
        Segment last = roomFor(n);
        hasReserved = true;
        try {
            MemorySegment memory = scoped(last.reservable().asSlice(last.end, n));
            last.end += n;
            return memory;
        } catch (Throwable t) {
            dropEmptyTail();
            throw t;
        }
    }

    private MemorySegment scoped(MemorySegment memory) {
        return scope != null ? scope.scoped(memory) : memory;
    }

    /** Keeps the first {@code n} bytes of the reservation that was the last operation. */
    public void commit(int n) {
        park();
        int size = reserved;
        if (size < 0 || reservedEnd != pending()) {
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
            last.end = Math.max(last.start, last.end - (size - n));
            dropEmptyTail();
        }
    }

    /** Keeps the first {@code n} of all pending bytes. */
    public void truncate(long n) {
        park();
        checkPending("truncate", n);
        reserved = -1;
        if (n == 0) {
            clear();
        }
        Segment last = head;
        if (last == null || n == pending()) {
            return;
        }
        before = 0;
        long left = n;
        while (left > last.length()) {
            left -= last.length();
            before += last.length();
            last = Misuse.present(last.next);
        }
        Segment dropped = last.next;
        last.next = null;
        last.truncate((int) left);
        tail = last;
        Segment.freeAll(dropped);
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

    /** Writes the low 16 bits, the high byte first. */
    public void writeShort(int s) {
        int at = end;
        if (at > limit - Short.BYTES) {
            at = makeRoom(Short.BYTES);
        }
        last().setShort(at, (short) s);
        end = at + Short.BYTES;
    }

    /** Writes four bytes, the high one first. */
    public void writeInt(int i) {
        int at = end;
        if (at > limit - Integer.BYTES) {
            at = makeRoom(Integer.BYTES);
        }
        last().setInt(at, i);
        end = at + Integer.BYTES;
    }

    /** Writes eight bytes, the high one first. */
    public void writeLong(long l) {
        int at = end;
        if (at > limit - Long.BYTES) {
            at = makeRoom(Long.BYTES);
        }
        last().setLong(at, l);
        end = at + Long.BYTES;
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
        int at = end;
        if (at > limit - size) {
            at = makeRoom(size);
        }
        VarInts.put(last(), at, value, size);
        end = at + size;
    }

    // ---- bytes and text, copied

    /** Writes a copy of {@code src[offset .. offset + count)}. */
    public void writeBytes(byte[] src, int offset, int count) {
        Objects.checkFromIndexSize(offset, count, src.length);
        park();
        Segment last = tail;
        if (last != null && count > 0 && count <= last.room()) { // as most small ones; no view of the array is made
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
     * Writing a long text takes a while, in which another thread, by mistake, might free the segment: then its memory
     * must not become somebody else's before this ends.
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

    /** There is no room for the longest encoding: a new block for it, or a detour if that would waste much. */
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

    // ---- bytes by reference

    /**
     * Inserts {@code data} so that exactly {@code remaining} of the bytes that are pending now follow it. Native memory
     * that every thread may access is inserted by reference: it must be neither changed nor freed until the bytes are
     * gone. Other memory is copied.
     */
    public void writeDirect(MemorySegment data, long remaining) {
        park();
        checkPending("writeDirect", remaining);
        checkAccessible(data);
        long size = data.byteSize();
        boolean byReference = data.isNative() && data.isAccessibleBy(ANOTHER_THREAD);
        if (size == 0) {
            reserved = -1;
        } else if (remaining == 0 && byReference) {
            reserved = -1;
            referAtEnd(data, size);
        } else if (remaining == 0) {
            copyIn(data, 0, size);
        } else {
            SegmentWriter inserted = new SegmentWriter(blocks, fixedBlock);
            try {
                if (byReference) {
                    inserted.refer(data, size);
                } else {
                    inserted.copyIn(data, 0, size);
                }
                insert(inserted, pending() - remaining);
            } catch (Throwable t) {
                inserted.clear();
                throw t;
            }
        }
    }

    /**
     * Adds a chain of segments, which belong to this writer from now on, without copying.
     *
     * @throws IllegalArgumentException if the chain does not hold {@code bytes} bytes; it is not taken over then
     */
    public void append(@Nullable Segment chain, long bytes) {
        park();
        long sum = 0;
        for (Segment segment = chain; segment != null; segment = segment.next) {
            sum += segment.length();
        }
        if (sum != bytes) {
            throw new IllegalArgumentException("a chain of " + sum + " bytes was said to have " + bytes);
        }
        reserved = -1;
        Segment rest = chain;
        while (rest != null) {
            Segment segment = rest;
            rest = segment.next;
            segment.next = null;
            link(segment);
        }
        dropEmptyTail();
    }

    // ---- inside

    private void checkPending(String operation, long n) {
        if (n < 0) {
            throw new IllegalArgumentException(operation + "(" + n + "): the count is negative");
        }
        if (n > pending()) {
            throw new IndexOutOfBoundsException(operation + "(" + n + "): only " + pending() + " bytes are pending");
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

    /** The segment that the cursor is in, or parked before. */
    private Segment last() {
        Segment last = tail;
        if (last == null) {
            throw Misuse.twoThreads();
        }
        return last;
    }

    /** Ends the cursor: the last segment knows its end again. */
    private void park() {
        if (limit != 0) {
            last().end = end;
            end = 0;
            limit = 0;
        }
    }

    /** Puts the cursor where {@code n} bytes fit; returns the place, for the caller to write and move on. */
    private int makeRoom(int n) {
        park();
        Segment last = roomFor(n);
        end = last.end;
        limit = last.limit;
        return last.end;
    }

    private Segment roomFor(int n) {
        Segment last = tail;
        return last != null && n <= last.room() ? last : grow(n);
    }

    /** Adds an empty segment for at least {@code n} bytes in one piece. */
    private Segment grow(int n) {
        int size = Math.max(n, nextBlock());
        Block block = blocks.allocate(size);
        Segment segment = fixedBlock == 0 ? Segment.writable(block) : Segment.writable(block, size);
        if (ofConnection) {
            segment.reusable();
        }
        link(segment);
        return segment;
    }

    private int nextBlock() {
        if (fixedBlock > 0) {
            return fixedBlock;
        }
        long pending = pending();
        return pending < FIRST_BLOCK / 2 ? FIRST_BLOCK : pending < SECOND_BLOCK ? SECOND_BLOCK : LARGE_BLOCK;
    }

    private void link(Segment segment) {
        dropEmptyTail();
        Segment last = tail;
        if (last == null) {
            head = segment;
        } else {
            long more = last.length();
            last.next = segment;
            before += more;
        }
        tail = segment;
    }

    private void dropEmptyTail() {
        Segment last = tail;
        if (last == null || last.length() > 0) {
            return;
        }
        Segment previous = null;
        for (Segment s = head; s != null && s != last; s = s.next) {
            previous = s;
        }
        if (previous == null) {
            head = null;
        } else {
            previous.next = null;
            before -= previous.length();
        }
        tail = previous;
        last.free();
    }

    private void copyIn(MemorySegment src, long offset, long count) {
        park();
        long already = pending();
        reserved = -1;
        try {
            copyPieces(src, offset, count);
        } catch (Throwable t) { // no memory, or the source was closed meanwhile: as if nothing was written
            dropEmptyTail();
            truncate(already);
            throw t;
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
            last.put(src, offset + done, n);
            last.end += n;
            done += n;
        }
    }

    private void referAtEnd(MemorySegment data, long size) {
        long already = pending();
        try {
            refer(data, size);
        } catch (Throwable t) {
            truncate(already);
            throw t;
        }
    }

    private void refer(MemorySegment data, long size) {
        for (long done = 0; done < size; done += MAX_DIRECT) {
            link(Segment.ofUser(data.asSlice(done, Math.min(MAX_DIRECT, size - done))));
        }
    }

    /** Moves all bytes of {@code other} to the position {@code at} of this one. */
    private void insert(SegmentWriter other, long at) {
        dropEmptyTail();
        long sum = pending() + other.pending();
        Segment previous = null;
        Segment after = head;
        long left = at;
        while (after != null && left >= after.length()) {
            left -= after.length();
            previous = after;
            after = after.next;
        }
        if (after != null && left > 0) { // inside a segment: its front part takes the place before it
            Segment front = after.split((int) left);
            linkBehind(previous, front);
            previous = front;
        }
        Segment inserted = other.tail;
        linkBehind(previous, other.take());
        if (inserted != null && after != null) {
            inserted.next = after;
        } else {
            tail = inserted;
        }
        before = sum - Misuse.present(tail).length();
        reserved = -1;
    }

    private void linkBehind(@Nullable Segment previous, @Nullable Segment segment) {
        if (previous == null) {
            head = segment;
        } else {
            previous.next = segment;
        }
    }

    /**
     * For tests: walks over all segments and throws {@link AssertionError} when an invariant does not hold.
     *
     * @return the sum of the charges
     */
    public long check() {
        if (limit != 0 && (tail == null || end <= tail.start || end > limit || limit != tail.limit)) {
            throw new AssertionError("the cursor is at " + end + " of " + limit + " in " + tail);
        }
        long sum = 0;
        long charged = 0;
        Segment last = null;
        for (Segment s = head; s != null; s = s.next) {
            s.check();
            int length = s == tail && limit != 0 ? end - s.start : s.length();
            sum += length;
            charged += s.charged();
            if (length == 0) {
                throw new AssertionError("pending " + s);
            }
            last = s;
        }
        boolean lost = last != null && limit == 0 && reservedEnd == sum && reserved > last.length();
        if (sum != pending() || last != tail || lost) {
            throw new AssertionError("pending " + pending() + " but " + sum + " bytes in the chain, tail " + tail
                    + ", reserved " + reserved + " until " + reservedEnd);
        }
        return charged;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import dev.netpoll.memory.MemoryLimitException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The reading half of a buffer: a chain of segments that is consumed from its front.
 *
 * <pre>
 *   append -> readable -- consumed, never exposed --> freed at once
 *                |
 *                +------- consumed, exposed -------> retired -- release --> freed
 * </pre>
 *
 * <p>Invariants, between calls:
 * <ul>
 *   <li>I1. {@code behind} is the sum of the lengths of the readable segments behind the first; none of them is empty.
 *   <li>I2. Retired segments are exposed. {@code viewed} is true when there may be any exposed segment.
 *   <li>I3. Of the readable segments only the first may be exposed, unless {@code allViewed}.
 *   <li>I4. A view stays intact until {@link #release()}: bytes that were exposed are neither changed nor freed.
 *   <li>I5. A call that throws because of its arguments has changed nothing.
 *   <li>I6. While {@code end != 0}, numbers are being read from the first segment: {@code start} is where the next one
 *       begins, {@code end} the segment's end, and the segment's own {@code start} is stale. Every other operation
 *       {@link #park}s first. The two are fields of this object, and stored after the paths that may change the
 *       segment have joined, so that the compiler can keep them in registers from one number to the next.
 * </ul>
 *
 * <p>Not thread-safe: one owner at a time. The caller makes sure that enough bytes are there; an operation that needs
 * more throws {@link IndexOutOfBoundsException} with the numbers, and {@link IllegalArgumentException} for a negative
 * count.
 */
public final class SegmentReader {
    /** Up to this many bytes are copied into free room of the last segment instead of pinning a block. */
    private static final int COPY_BELOW = 1024;

    /** Up to this many bytes, an array that is used once is cheaper than one that is kept. */
    private static final int SMALL_TEXT = 64;

    /** A block up to this capacity may be pinned by any leftover. */
    private static final int SMALL_BLOCK = 4096;

    private final BlockSource blocks;
    private @Nullable Segment head;
    private @Nullable Segment tail;
    private @Nullable Segment retired;
    private int start;
    private int end;
    private long behind;
    private boolean viewed;
    private boolean allViewed;
    private final @Nullable ViewScope scope = ViewScope.ofMode();

    /** What is written to the same buffer and can't be read yet: only to say so. */
    private @Nullable SegmentWriter unflushed;

    /** Creates an empty one that takes memory for joined views from {@code blocks}. */
    public SegmentReader(BlockSource blocks) {
        this.blocks = blocks;
    }

    /** Says which bytes the user may have forgotten to flush when there are too few here. */
    public void isFedBy(SegmentWriter writer) {
        unflushed = writer;
    }

    /** The number of readable bytes. */
    public long length() {
        Segment front = head;
        return front == null ? 0 : behind + (end != 0 ? end - start : front.length());
    }

    /** Whether it owns any segment. */
    public boolean holdsMemory() {
        return head != null || retired != null;
    }

    /** How many retained bytes those count for that were consumed, and that views show until {@link #release()}. */
    public long chargedForViews() {
        return Segment.chargedOf(retired);
    }

    /** How many retained bytes the unread ones count for. */
    public long charged() {
        return Segment.chargedOf(head);
    }

    /** Adds a chain of segments, which belong to this reader from now on. Small ones may be copied together. */
    public void append(@Nullable Segment chain) {
        if (head == null && chain != null && chain.next == null && chain.length() > 0) { // nearly every message
            head = chain;
            tail = chain;
        } else {
            appendAll(chain);
        }
    }

    private void appendAll(@Nullable Segment chain) {
        park();
        Segment rest = chain;
        int left = Misuse.MOST_SEGMENTS;
        try {
            while (rest != null && left-- > 0) {
                Segment segment = rest;
                boolean joined = isJoined(segment);
                rest = joined ? segment.next : link(segment);
                if (joined) {
                    segment.free();
                }
            }
        } finally {
            while (rest != null && left-- > 0) { // something was wrong with one of them: the others are readable
                rest = link(rest);
            }
        }
        Misuse.unless(rest == null);
    }

    /** Whether the segment is not needed any more: it is empty, or its bytes were copied behind those of the last. */
    private boolean isJoined(Segment segment) {
        int n = segment.length();
        Segment last = tail;
        if (n > 0 && last != null && n <= COPY_BELOW && n <= last.room() && last.chargesLike(segment)) {
            try {
                copyToEnd(last, segment, n);
            } catch (IllegalStateException | OutOfMemoryError | StackOverflowError _) {
                return false; // the user has closed his memory; or let it stay where it is
            }
            behind += last == head ? 0 : n;
            return true;
        }
        return n == 0;
    }

    /** Adds the segment as it is; returns the one that followed it. */
    private @Nullable Segment link(Segment segment) {
        Segment following = segment.next;
        segment.next = null;
        Segment last = tail;
        if (last == null) {
            head = segment;
        } else {
            last.next = segment;
            behind += segment.length();
        }
        tail = segment;
        return following;
    }

    /** Takes all readable segments away, as a chain; ends all views as {@link #release()} does. */
    public @Nullable Segment take() {
        release();
        Segment chain = head;
        head = null;
        tail = null;
        behind = 0;
        return chain;
    }

    // ---- views

    /** Consumes {@code n} bytes and returns them as a read-only view that is valid until {@link #release()}. */
    public MemorySegment next(int n) {
        park();
        Segment front = head;
        if (front == null || n <= 0 || n > front.length()) {
            if (isNothing(n, "next")) {
                return Layouts.EMPTY;
            }
            front = contiguous(n);
        }
        MemorySegment view = scoped(front, expose(front).asSlice(front.start, n));
        consume(front, n);
        return view;
    }

    /** As {@link #next(int)}, without consuming; the view ends with {@link #release()} even if it is still unread. */
    public MemorySegment peek(int n) {
        park();
        Segment front = head;
        if (front == null || n <= 0 || n > front.length()) {
            if (isNothing(n, "peek")) {
                return Layouts.EMPTY;
            }
            front = contiguous(n);
        }
        return scoped(front, expose(front).asSlice(front.start, n));
    }

    /** Read-only views of all readable bytes in order, valid until {@link #release()}; consumes nothing. */
    public List<MemorySegment> views() {
        park();
        List<MemorySegment> views = new ArrayList<>();
        for (Segment segment = head; segment != null; segment = segment.next) {
            allViewed = true; // before one of them is, as the next line may fail
            views.add(scoped(segment, expose(segment).asSlice(segment.start, segment.length())));
        }
        return views;
    }

    /**
     * Consumes {@code n} bytes and returns them as a chain that shares the memory and belongs to the caller; null when
     * {@code n} is 0. The chain is charged for exactly the bytes of it that were charged here.
     */
    public @Nullable Segment slice(int n) {
        park();
        if (isNothing(n, "slice")) {
            return null;
        }
        Segment first = null;
        Segment last = null;
        int left = n;
        try {
            while (left > 0) {
                Segment part = cutFront(left).keep();
                if (last == null) {
                    first = part;
                } else {
                    last.next = part;
                }
                last = part;
                left -= part.length();
            }
        } catch (Throwable t) { // as if nothing was taken
            if (first != null) {
                putBack(first, Misuse.present(last), n - left);
            }
            throw t;
        }
        return first;
    }

    /** Takes the first segment away, or what has {@code most} bytes of it. */
    private Segment cutFront(int most) {
        Segment front = first();
        int taken = Math.min(most, front.length());
        if (taken < front.length() || front.exposed) {
            Segment part = front.split(taken); // views of this segment live on in the part that stays here
            if (front.length() == 0) {
                retireFirst(front);
            }
            return part;
        }
        unlinkFirst(front);
        front.settle();
        return front;
    }

    private void putBack(Segment first, Segment last, int bytes) {
        Segment front = head;
        last.next = front;
        head = first;
        if (front == null) {
            tail = last;
        } else {
            behind += front.length();
        }
        behind += bytes - first.length();
    }

    /** Ends all views and frees their memory; a small leftover moves out of a large block. Idempotent. */
    public void release() {
        park();
        Segment dead = retired;
        if (viewed) {
            if (scope != null) {
                scope.end();
            }
            retired = null;
            for (Segment s = head; s != null && s.exposed; s = s.next) {
                s.exposed = false;
            }
            viewed = false;
            allViewed = false;
        }
        Segment front = head;
        if (front != null) {
            front.settle();
            Block block = front.block;
            if (block != null && block.capacity() > SMALL_BLOCK && front.length() <= block.capacity() >> 3) {
                moveOut(front);
            }
        }
        Segment.retireAll(dead); // last, as it may throw
    }

    /** Frees everything, also what is viewed: the caller asserts that nobody uses a view any more. */
    public void clear() {
        Segment readable = head;
        Segment dead = forget();
        if (scope != null) {
            scope.end();
        }
        try {
            Segment.freeAll(dead);
        } finally {
            Segment.freeAll(readable);
        }
    }

    /**
     * Gives up everything for an owner that does not come back, though views may be looked at for longer: what nobody
     * can look at is freed at once, the rest when no view of it is reachable any more. Without native access that can't
     * be known: then the rest is lost, and counted.
     */
    public void abandon() {
        Segment readable = head;
        Segment dead = forget();
        if (scope != null) {
            scope.abandon();
        }
        Segment.abandonAll(dead, false);
        Segment.abandonAll(readable, false);
    }

    /** Forgets everything; returns what was retired. */
    private @Nullable Segment forget() {
        start = 0; // no matter where the cursor was
        end = 0;
        Segment dead = retired;
        head = null;
        tail = null;
        retired = null;
        behind = 0;
        viewed = false;
        allViewed = false;
        return dead;
    }

    // ---- plain reads

    /** Consumes {@code n} bytes without looking at them. */
    public void skip(long n) {
        park();
        if (isNothing(n, "skip")) {
            return;
        }
        long left = n;
        while (left > 0) {
            Segment front = first();
            int step = (int) Math.min(left, front.length());
            consume(front, step);
            left -= step;
        }
    }

    /** The offset of the first {@code wanted} at or behind the offset {@code from}, or -1; consumes nothing. */
    public long indexOf(byte wanted, long from) {
        park();
        if (from < 0) {
            throw new IllegalArgumentException("indexOf: negative offset " + from);
        }
        return Chains.indexOf(head, wanted, from);
    }

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

    /** Consumes two bytes, the high one first. */
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

    /** Consumes four bytes, the high one first. */
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

    /** The number that the next four bytes are, the high one first; consumes nothing. */
    public int peekInt() {
        int at = start;
        if (at > end - Integer.BYTES) {
            at = makeReady(Integer.BYTES);
        }
        return first().getInt(at);
    }

    /** Consumes eight bytes, the high one first. */
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

    /** Consumes two bytes, the low one first. */
    public short readShortLE() {
        return Short.reverseBytes(readShort());
    }

    /** Consumes four bytes, the low one first. */
    public int readIntLE() {
        return Integer.reverseBytes(readInt());
    }

    /** Consumes eight bytes, the low one first. */
    public long readLongLE() {
        return Long.reverseBytes(readLong());
    }

    /**
     * The number of bytes of the varint at the front; 0 when its end is not there yet, and -1 when it has more bits
     * than {@code bits}. Consumes nothing.
     */
    public int varIntSize(int bits) {
        park();
        return Chains.varIntSize(head, bits);
    }

    /** Consumes a varint that has {@code size} bytes, as {@link #varIntSize} says. */
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

    /** Consumes what is there, at most {@code count} bytes, into {@code dst[offset..]}; returns how many. */
    public int read(byte[] dst, int offset, int count) {
        Objects.checkFromIndexSize(offset, count, dst.length);
        int n = (int) Math.min(count, length());
        if (n > 0) {
            copyOut(dst, offset, n);
        }
        return n;
    }

    /** Consumes what is there, at most as many bytes as remain in {@code dst}, into it; returns how many. */
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

    /** The bytes are consumed when the text is there. */
    private String toText(byte[] scratch, int n) {
        copyTo(scratch, 0, n);
        String text = new String(scratch, 0, n, StandardCharsets.UTF_8);
        skip(n);
        return text;
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

    // ---- inside

    /** Checks a count of bytes to be consumed; true when it is 0. */
    private boolean isNothing(long n, String operation) {
        if (n > length()) {
            throw tooFew(operation + "(" + n + ")");
        }
        if (n < 0) {
            throw new IllegalArgumentException(operation + "(" + n + "): the count is negative");
        }
        return n == 0;
    }

    private IndexOutOfBoundsException tooFew(String operation) {
        return new IndexOutOfBoundsException(operation + ": only " + length() + " bytes are readable" + hint());
    }

    /** What to do about bytes that are not readable yet. */
    public String hint() {
        SegmentWriter writer = unflushed;
        long pending = writer == null ? 0 : writer.pending();
        return pending == 0 ? "" : ", and " + pending + " bytes are pending: flush() first";
    }

    /** Ends the cursor: the first segment knows its start again. */
    private void park() {
        if (end != 0) {
            first().start = start;
            start = 0;
            end = 0;
        }
    }

    /** Puts the cursor where {@code n} bytes lie in one piece; returns the place, from where the caller moves on. */
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

    /** The cursor has come to the end of the first segment; returns its new place, parked. */
    private int exhaust() {
        end = 0;
        Segment front = first();
        front.start = front.end;
        retireFirst(front);
        return 0;
    }

    private Segment first() {
        Segment front = head;
        if (front == null) {
            throw Misuse.twoThreads();
        }
        return front;
    }

    /** The caller makes the slice: that is one level less to inline, and a view need not be an object. */
    private MemorySegment expose(Segment segment) {
        segment.exposed = true;
        viewed = true;
        return segment.shown();
    }

    /** {@return the view, such that it ends in time} The user's memory ends with its arena. */
    private MemorySegment scoped(Segment segment, MemorySegment view) {
        return scope != null && segment.block != null ? scope.scoped(view) : view;
    }

    /** Consumes {@code n} of the bytes of the first segment. */
    private void consume(Segment front, int n) {
        consumeTo(front, front.start + Misuse.notNegative(n));
    }

    /** Consumes the bytes of the first segment before the index {@code start}. */
    private void consumeTo(Segment front, int start) {
        front.start = start;
        if (start >= front.end) {
            retireFirst(front);
        }
    }

    private void unlinkFirst(Segment front) {
        Segment second = front.next;
        head = second;
        front.next = null;
        if (second == null) {
            tail = null;
        } else {
            behind -= second.length();
        }
    }

    private void retireFirst(Segment front) {
        unlinkFirst(front);
        retire(front);
    }

    private void retire(Segment segment) {
        if (segment.exposed) {
            segment.next = retired;
            retired = segment;
        } else {
            segment.retire();
        }
    }

    /** As for memory, but without a view of the array. */
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

    /**
     * Joins the first {@code n} bytes, which lie in several segments, and returns the segment that has them. They are
     * copied behind the first segment's bytes when it has the room, else all of them into a new block of at least twice
     * the size of an earlier join: so growing peeks copy every byte a bounded number of times, and hold at most twice
     * the memory of the largest. Views of the joined segments stay valid, their memory is retired.
     */
    private Segment contiguous(int n) {
        Segment front = first();
        if (front.room() < n - front.length()) {
            Segment joined = Segment.allocate(blocks, joinedSize(front, n));
            joined.next = front;
            head = joined;
            behind += front.length();
            front = joined;
        }
        try {
            while (front.length() < n) {
                join(front, n);
            }
        } catch (Throwable t) {
            if (front.length() == 0) { // nothing was copied to the new one
                unlinkFirst(front);
                front.free();
            }
            throw t;
        }
        return front;
    }

    /** Moves bytes of the second segment to the first, until that has {@code n}. */
    private void join(Segment front, int n) {
        Segment source = Misuse.present(front.next);
        int step = Math.min(n - front.length(), source.length());
        copyToEnd(front, source, step);
        behind -= step;
        if (source.length() == 0) {
            front.next = source.next;
            if (tail == source) {
                tail = front;
            }
            retire(source);
        }
    }

    /** The pool rounds up to a power of two, which doubles the size of each join, but not above its largest class. */
    private static int joinedSize(Segment front, int n) {
        Block block = front.block;
        if (n <= SizeClasses.MAX_BLOCK || block == null || block.capacity() < SizeClasses.MAX_BLOCK) {
            return n;
        }
        return Math.clamp(2L * block.capacity(), n, Integer.MAX_VALUE);
    }

    /** Moves the first {@code n} bytes of {@code source} and their charge to the end of {@code target}. */
    private static void copyToEnd(Segment target, Segment source, int n) {
        target.put(source.memory, source.start, n);
        target.end += n;
        source.start += n;
        source.moveCharge(target, n);
    }

    /** It stays where it is if that is not possible. */
    private void moveOut(Segment front) {
        Segment small = null;
        try {
            small = Segment.allocate(blocks, front.length());
            copyToEnd(small, front, front.length());
        } catch (MemoryLimitException | OutOfMemoryError | StackOverflowError _) {
            if (small != null) {
                small.free();
            }
            return;
        }
        small.next = front.next;
        head = small;
        if (tail == front) {
            tail = small;
        }
        front.free();
    }

    /** For tests: throws {@link AssertionError} if an invariant does not hold; {@return the sum of the charges} */
    public long check() {
        if (end != 0 && (head == null || start < head.start || start >= end || end != head.end)) {
            throw new AssertionError("the cursor is at " + start + " of " + end + " in " + head);
        }
        long sum = 0;
        Segment last = null;
        for (Segment s = head; s != null; s = s.next) {
            s.check();
            sum += s == head && end != 0 ? end - start : s.length();
            if (s.length() == 0 || (s.exposed && s != head && !allViewed) || (s.exposed && !viewed)) {
                throw new AssertionError("readable " + s);
            }
            last = s;
        }
        for (Segment s = retired; s != null; s = s.next) {
            s.check();
            if (!s.exposed || !viewed) {
                throw new AssertionError("retired " + s);
            }
        }
        if (sum != length() || last != tail) {
            throw new AssertionError("length " + length() + " but " + sum + " bytes in the chain, tail " + tail);
        }
        return charged() + chargedForViews();
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.internal.memory.Block;
import dev.netpoll.internal.memory.BufferAccess;
import dev.netpoll.internal.memory.RetainedBytes;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random operations on several buffers that exchange bytes, compared with plain byte arrays after every step. All
 * invariants are validated after every step too, every view must keep its bytes until it is released, and the charge of
 * received bytes must be exact.
 *
 * <p>Some slices are read and closed by another thread while their parents go on.
 *
 * <p>Replay a failure with {@code -Dseed=}; {@code -Dmodel.steps=} sets the steps for each segment size. Two million
 * are made in all, fewer where checks make them slow.
 */
@Timeout(value = 2, unit = TimeUnit.HOURS) // for scaled runs; a normal one takes seconds
class LinkBufferModelTest {
    private static final int STEPS = Integer.getInteger("model.steps", BufferMemory.isChecked() ? 30_000 : 400_000);
    private static final int MAX_BUFFERS = 6;
    private static final int MAX_BYTES = 100_000;
    private static final BufferAccess<LinkBuffer> ACCESS = BufferAccess.of(LinkBuffer.class);

    private final AtomicLong retained = new AtomicLong();
    private final RetainedBytes one = n -> retained.addAndGet(-n);
    private final RetainedBytes another = n -> retained.addAndGet(-n);
    private final List<Subject> subjects = new ArrayList<>();
    private SegmentPool pool = new SegmentPool(1);
    private Random random = new Random();
    private int segmentSize;

    /** The other thread, what it is to do, and the charges of the slices that were sent to it since the last wait. */
    private ExecutorService other = ForkJoinPool.commonPool();

    private final List<Future<?>> inFlight = new ArrayList<>();
    private final AtomicLong abroad = new AtomicLong();

    @ParameterizedTest(name = "segments of {0} bytes")
    @ValueSource(ints = {1, 7, 64, 4096, 0})
    void behavesLikeAQueueOfBytes(int size) throws Exception {
        long seed = Long.getLong("seed", new Random().nextLong());
        random = new Random(seed);
        segmentSize = size;
        System.out.println("segments of " + size + " bytes: -Dseed=" + seed + " -Dmodel.steps=" + STEPS);
        pool = new SegmentPool(256 << 20);
        String last = "start";
        int step = 0;
        try (Arena arena = Arena.ofShared();
                ExecutorService others = Executors.newSingleThreadExecutor()) {
            other = others;
            MemorySegment user = arena.allocate(32 << 10);
            user.copyFrom(MemorySegment.ofArray(bytes((int) user.byteSize())));
            for (; step < STEPS; step++) {
                last = step(user.asReadOnly());
                validate();
            }
            last = "end";
            subjects.forEach(subject -> subject.buffer.close());
            awaitOther();
            assertThat(retained).hasValue(0);
            pool.close(); // throws when blocks are outstanding
        } catch (Exception | AssertionError e) {
            throw new AssertionError("-Dseed=" + seed + " size=" + size + " step=" + step + " " + last, e);
        }
    }

    private String step(MemorySegment user) throws Exception {
        if (subjects.size() < 2) {
            subjects.add(new Subject(new LinkBuffer(pool, segmentSize)));
        }
        Subject subject = subjects.get(random.nextInt(subjects.size()));
        boolean full = subject.readable.length + subject.pending.length > maxBytes();
        return switch (random.nextInt(full ? 19 : 37)) {
            case 0, 1 -> next(subject);
            case 2, 3 -> peek(subject);
            case 4 -> skip(subject);
            case 5 -> slice(subject);
            case 6 -> search(subject);
            case 7, 8 -> readNumber(subject);
            case 9 -> readBytes(subject);
            case 10 -> readSome(subject);
            case 11 -> show(subject);
            case 12 -> release(subject);
            case 13 -> close(subject);
            case 14 -> overread(subject);
            case 15 -> drain(subject);
            case 16 -> readVarInt(subject);
            case 17 -> send(subject);
            case 18 -> adapt(subject);
            case 19, 20 -> reserve(subject);
            case 21, 22 -> writeNumber(subject);
            case 23, 24 -> writeBytes(subject);
            case 25 -> writeText(subject);
            case 26, 27 -> writeDirect(subject, user);
            case 28 -> truncate(subject);
            case 29 -> append(subject);
            case 30, 31 -> receive(subject);
            case 32 -> writeVarInt(subject);
            case 33 -> appendMany(subject);
            case 34 -> pour(subject);
            default -> flush(subject);
        };
    }

    // ---- reading

    private String next(Subject s) {
        int n = upTo(s.readable.length);
        s.keep(random.nextBoolean() ? s.buffer.next(n) : MemorySegment.ofBuffer(s.buffer.nextBuffer(n)), s.take(n));
        return "next " + n;
    }

    private String peek(Subject s) {
        int n = upTo(s.readable.length);
        byte[] expected = Arrays.copyOf(s.readable, n);
        s.keep(random.nextBoolean() ? s.buffer.peek(n) : MemorySegment.ofBuffer(s.buffer.peekBuffer(n)), expected);
        return "peek " + n;
    }

    private String skip(Subject s) {
        int n = upTo(s.readable.length);
        s.buffer.skip(n);
        s.take(n);
        return "skip " + n;
    }

    private String slice(Subject s) {
        int n = upTo(s.readable.length);
        Subject slice = new Subject(s.buffer.slice(n));
        slice.readable = s.take(n);
        if (subjects.size() < MAX_BUFFERS) {
            subjects.add(slice);
        } else {
            slice.validate();
            slice.buffer.close();
        }
        return "slice " + n;
    }

    /** A slice goes to another thread, which may read it at any time from now on, and closes it. */
    private String send(Subject s) throws Exception {
        int n = upTo(s.readable.length);
        Subject slice = new Subject(s.buffer.slice(n));
        slice.readable = s.take(n);
        long charged = slice.validate();
        boolean view = random.nextBoolean();
        abroad.addAndGet(charged);
        inFlight.add(other.submit(() -> {
            LinkBuffer buffer = slice.buffer;
            byte[] bytes = view ? buffer.next(n).toArray(ValueLayout.JAVA_BYTE) : buffer.readBytes(n);
            assertThat(bytes).isEqualTo(slice.readable);
            buffer.close();
        }));
        if (inFlight.size() > 20) {
            awaitOther();
        }
        return "send " + n;
    }

    /** Waits until the other thread has closed everything; then it retains nothing. */
    private void awaitOther() throws Exception {
        for (Future<?> future : inFlight) {
            future.get();
        }
        inFlight.clear();
        abroad.set(0);
    }

    /** Reads through a stream or a channel. */
    private String adapt(Subject s) throws Exception {
        int n = upTo(s.readable.length);
        byte[] expected = s.take(n);
        byte[] actual = new byte[n];
        if (random.nextBoolean()) {
            assertThat(s.buffer.asInputStream().readNBytes(actual, 0, n)).isEqualTo(n);
        } else if (n > 0) {
            assertThat(s.buffer.asChannel().read(ByteBuffer.wrap(actual))).isEqualTo(n);
        }
        assertThat(actual).isEqualTo(expected);
        return "adapt " + n;
    }

    private String search(Subject s) {
        byte wanted = (byte) random.nextInt(256);
        int at = 0;
        while (at < s.readable.length && s.readable[at] != wanted) {
            at++;
        }
        boolean found = at < s.readable.length;
        assertThat(s.buffer.bytesBefore(wanted)).isEqualTo(found ? at : -1);
        if (found && random.nextBoolean()) {
            assertThat(s.buffer.readUntil(wanted)).isEqualTo(s.take(at + 1));
        }
        return "search";
    }

    private String readNumber(Subject s) {
        int size = 1 << random.nextInt(4);
        if (s.readable.length < size) {
            return "too short";
        }
        ByteBuffer expected = ByteBuffer.wrap(s.take(size));
        LinkBuffer b = s.buffer;
        expected.order(random.nextBoolean() ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
        boolean little = expected.order() == ByteOrder.LITTLE_ENDIAN;
        boolean plain = random.nextBoolean(); // or unsigned, or floating point
        if (size == 1) {
            assertThat(plain ? b.readByte() & 0xFF : b.readUnsignedByte()).isEqualTo(expected.get() & 0xFF);
        } else if (size == 2 && plain) {
            assertThat(little ? b.readShortLE() : b.readShort()).isEqualTo(expected.getShort());
        } else if (size == 2) {
            assertThat(little ? b.readUnsignedShortLE() : b.readUnsignedShort())
                    .isEqualTo(expected.getShort() & 0xFFFF);
        } else if (size == 4 && plain) {
            assertThat(little ? b.readIntLE() : b.readInt()).isEqualTo(expected.getInt());
        } else if (size == 4 && random.nextBoolean()) {
            assertThat(little ? b.readUnsignedIntLE() : b.readUnsignedInt())
                    .isEqualTo(expected.getInt() & 0xFFFF_FFFFL);
        } else if (size == 4) {
            assertThat(Float.floatToIntBits(little ? b.readFloatLE() : b.readFloat()))
                    .isEqualTo(Float.floatToIntBits(expected.getFloat()));
        } else if (plain) {
            assertThat(little ? b.readLongLE() : b.readLong()).isEqualTo(expected.getLong());
        } else {
            assertThat(Double.doubleToLongBits(little ? b.readDoubleLE() : b.readDouble()))
                    .isEqualTo(Double.doubleToLongBits(expected.getDouble()));
        }
        return "read number of " + size;
    }

    /** Mostly of bytes that were never written as one: whether they are one is the model's to say. */
    private String readVarInt(Subject s) {
        int bits = random.nextBoolean() ? Integer.SIZE : Long.SIZE;
        int max = (bits + 6) / 7;
        int size = 0;
        BigInteger value = BigInteger.ZERO;
        boolean ended = false;
        while (!ended && size < max && size < s.readable.length) {
            byte b = s.readable[size];
            value = value.or(BigInteger.valueOf(b & 0x7F).shiftLeft(7 * size));
            ended = b >= 0;
            size++;
        }
        boolean malformed = ended ? value.bitLength() > bits : size == max;
        try {
            long actual = bits == Long.SIZE ? s.buffer.readVarLong() : s.buffer.readVarInt();
            assertThat(ended && !malformed).isTrue();
            assertThat(actual).isEqualTo(bits == Long.SIZE ? value.longValue() : value.intValue());
            s.take(size);
            return "read varint of " + size;
        } catch (MalformedVarIntException e) {
            assertThat(malformed).isTrue();
            return "malformed varint";
        } catch (IndexOutOfBoundsException e) {
            assertThat(!ended && !malformed).isTrue();
            return "varint without an end";
        }
    }

    private String readBytes(Subject s) {
        int n = upTo(s.readable.length);
        byte[] expected = s.take(n);
        switch (random.nextInt(4)) {
            case 0 -> assertThat(s.buffer.readBytes(n)).isEqualTo(expected);
            case 1 -> {
                byte[] actual = new byte[n + 5];
                s.buffer.readBytes(actual, 3, n);
                assertThat(Arrays.copyOfRange(actual, 3, n + 3)).isEqualTo(expected);
            }
            case 2 -> {
                MemorySegment actual = MemorySegment.ofArray(new byte[n]);
                s.buffer.readBytes(actual);
                assertThat(actual.toArray(ValueLayout.JAVA_BYTE)).isEqualTo(expected);
            }
            default -> assertThat(s.buffer.readUtf8(n)).isEqualTo(new String(expected, StandardCharsets.UTF_8));
        }
        return "read bytes " + n;
    }

    private String readSome(Subject s) {
        int room = upTo(s.readable.length + 10);
        int n = Math.min(room, s.readable.length);
        int result = n == 0 && room > 0 ? -1 : n;
        byte[] expected = s.take(n);
        if (random.nextBoolean()) {
            byte[] actual = new byte[room];
            assertThat(s.buffer.read(actual, 0, room)).isEqualTo(result);
            assertThat(Arrays.copyOf(actual, n)).isEqualTo(expected);
        } else {
            ByteBuffer actual = random.nextBoolean() ? ByteBuffer.allocate(room) : ByteBuffer.allocateDirect(room);
            assertThat(s.buffer.read(actual)).isEqualTo(result);
            assertThat(actual.flip()).isEqualTo(ByteBuffer.wrap(expected));
        }
        return "read some of " + room;
    }

    private String show(Subject s) {
        int at = 0;
        for (MemorySegment view : s.buffer.views()) {
            int n = (int) view.byteSize();
            s.keep(view, Arrays.copyOfRange(s.readable, at, at + n));
            at += n;
        }
        assertThat(at).isEqualTo(s.readable.length);
        return "views";
    }

    private String release(Subject s) {
        s.views.clear();
        s.buffer.release();
        return "release";
    }

    private String close(Subject s) {
        if (random.nextInt(4) == 0) {
            s.buffer.close();
            subjects.remove(s);
        }
        return "close";
    }

    private String overread(Subject s) {
        int tooMany = s.readable.length + 1 + random.nextInt(100);
        List<Runnable> calls = List.of(
                () -> s.buffer.next(tooMany),
                () -> s.buffer.peek(tooMany),
                () -> s.buffer.slice(tooMany),
                () -> s.buffer.readBytes(tooMany),
                () -> s.buffer.truncate(s.pending.length + 1));
        try {
            calls.get(random.nextInt(calls.size())).run();
        } catch (IndexOutOfBoundsException expected) {
            return "overread";
        }
        throw new AssertionError("read " + tooMany + " of " + s.readable.length);
    }

    private String drain(Subject s) {
        if (random.nextInt(3) == 0) {
            assertThat(s.buffer.readBytes(s.readable.length)).isEqualTo(s.take(s.readable.length));
        }
        return "drain";
    }

    // ---- writing

    private String reserve(Subject s) {
        int n = size();
        int kept = random.nextBoolean() ? n : random.nextInt(n + 1);
        byte[] bytes = bytes(n);
        if (random.nextBoolean()) {
            s.buffer.reserve(n).copyFrom(MemorySegment.ofArray(bytes));
        } else {
            s.buffer.reserveBuffer(n).put(bytes);
        }
        if (kept < n) {
            s.buffer.commit(kept);
        }
        s.write(Arrays.copyOf(bytes, kept));
        return "reserve " + n + " commit " + kept;
    }

    private String writeNumber(Subject s) {
        long value = random.nextLong();
        ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES);
        switch (random.nextInt(11)) {
            case 0 -> s.buffer.writeByte(bytes.put((byte) value).get(0));
            case 1 -> s.buffer.writeShort(bytes.putShort((short) value).getShort(0));
            case 2 -> s.buffer.writeInt(bytes.putInt((int) value).getInt(0));
            case 3 -> s.buffer.writeLong(bytes.putLong(value).getLong(0));
            case 4 ->
                s.buffer.writeShortLE(
                        Short.reverseBytes(bytes.putShort((short) value).getShort(0)));
            case 5 ->
                s.buffer.writeIntLE(
                        Integer.reverseBytes(bytes.putInt((int) value).getInt(0)));
            case 6 -> s.buffer.writeFloat(bytes.putInt((int) value).getFloat(0));
            case 7 -> s.buffer.writeDouble(bytes.putLong(value).getDouble(0));
            case 8 ->
                s.buffer.writeFloatLE(
                        bytes.order(ByteOrder.LITTLE_ENDIAN).putInt((int) value).getFloat(0));
            case 9 ->
                s.buffer.writeDoubleLE(
                        bytes.order(ByteOrder.LITTLE_ENDIAN).putLong(value).getDouble(0));
            default ->
                s.buffer.writeLongLE(Long.reverseBytes(bytes.putLong(value).getLong(0)));
        }
        s.write(Arrays.copyOf(bytes.array(), bytes.position()));
        return "write number of " + bytes.position();
    }

    private String writeVarInt(Subject s) {
        long number = random.nextLong() >> random.nextInt(Long.SIZE);
        long value = switch (random.nextInt(4)) {
            case 0 -> {
                s.buffer.writeVarInt((int) number);
                yield number & 0xFFFF_FFFFL;
            }
            case 1 -> {
                s.buffer.writeVarLong(number);
                yield number;
            }
            case 2 -> {
                int small = (int) number;
                s.buffer.writeZigZagInt(small);
                yield (small < 0 ? -2L * small - 1 : 2L * small) & 0xFFFF_FFFFL;
            }
            default -> {
                s.buffer.writeZigZagLong(number);
                yield number < 0 ? -2 * number - 1 : 2 * number;
            }
        };
        ByteBuffer bytes = ByteBuffer.allocate(10);
        for (; value < 0 || value > 0x7F; value >>>= 7) {
            bytes.put((byte) (value | 0x80));
        }
        bytes.put((byte) value);
        s.write(Arrays.copyOf(bytes.array(), bytes.position()));
        return "write varint of " + bytes.position();
    }

    private String writeBytes(Subject s) {
        byte[] bytes = bytes(size());
        switch (random.nextInt(5)) {
            case 0 -> s.buffer.writeBytes(bytes);
            case 1 -> s.buffer.writeBytes(MemorySegment.ofArray(bytes));
            case 2 -> s.buffer.writeBytes(ByteBuffer.wrap(bytes));
            case 3 -> {
                ByteBuffer direct = ByteBuffer.allocateDirect(bytes.length + 3).position(3);
                s.buffer.writeBytes(direct.put(bytes).position(3));
            }
            default -> {
                byte[] around = new byte[bytes.length + 4];
                System.arraycopy(bytes, 0, around, 2, bytes.length);
                s.buffer.writeBytes(around, 2, bytes.length);
            }
        }
        s.write(bytes);
        return "write bytes " + bytes.length;
    }

    private String writeText(Subject s) {
        StringBuilder text = new StringBuilder();
        int n = random.nextInt(random.nextInt(5) == 0 ? 3000 : 70);
        for (int i = 0; i < n; i++) {
            switch (random.nextInt(5)) {
                case 0 -> text.append((char) random.nextInt(0x10000)); // also unpaired surrogates
                case 1 -> text.appendCodePoint(0x10000 + random.nextInt(0x1000));
                case 2 -> text.append((char) random.nextInt(0x800));
                default -> text.append((char) random.nextInt(0x80));
            }
        }
        s.buffer.writeUtf8(text.toString());
        s.write(text.toString().getBytes(StandardCharsets.UTF_8));
        return "write text of " + n;
    }

    private String writeDirect(Subject s, MemorySegment user) {
        int from = random.nextInt((int) user.byteSize());
        MemorySegment data = user.asSlice(from, Math.min(size(), user.byteSize() - from));
        int remaining = random.nextBoolean() ? 0 : random.nextInt(s.pending.length + 1);
        byte[] bytes = data.toArray(ValueLayout.JAVA_BYTE);
        switch (random.nextInt(6)) {
            case 0 -> s.buffer.writeDirect(MemorySegment.ofArray(bytes), remaining);
            case 1 -> s.buffer.writeDirect(bytes.clone(), remaining);
            case 2 -> s.buffer.writeDirect(ByteBuffer.wrap(bytes), remaining);
            case 3 -> s.buffer.writeDirect(data.asByteBuffer(), remaining);
            default -> s.buffer.writeDirect(data, remaining);
        }
        int at = s.pending.length - remaining;
        byte[] rest = Arrays.copyOfRange(s.pending, at, s.pending.length);
        s.pending = concat(concat(Arrays.copyOf(s.pending, at), bytes), rest);
        return "write direct " + bytes.length + " before " + remaining;
    }

    private String truncate(Subject s) {
        int n = random.nextInt(s.pending.length + 1);
        s.buffer.truncate(n);
        s.pending = Arrays.copyOf(s.pending, n);
        return "truncate " + n;
    }

    private String append(Subject s) {
        Subject other = subjects.get(random.nextInt(subjects.size()));
        if (other != s && other.readable.length + other.pending.length + s.pending.length < maxBytes()) {
            s.buffer.append(other.buffer);
            s.write(concat(other.readable, other.pending));
            other.readable = new byte[0];
            other.pending = new byte[0];
            other.views.clear();
        }
        return "append";
    }

    /** Several buffers, with what they have of views and pending bytes, one behind the other. */
    private String appendMany(Subject s) {
        int count = random.nextInt(4);
        for (int i = 0; i < count; i++) {
            append(s);
        }
        return "append " + count;
    }

    /** Writes through a stream. */
    private String pour(Subject s) throws Exception {
        byte[] bytes = bytes(size());
        s.buffer.asOutputStream().write(bytes);
        s.write(bytes);
        return "pour " + bytes.length;
    }

    /** Bytes that come as a connection's do: counted slices of one block, charged to the connection. */
    private String receive(Subject s) {
        byte[] bytes = bytes(Math.max(1, size()));
        Block block = pool.allocate(bytes.length);
        block.memory().asSlice(0, bytes.length).copyFrom(MemorySegment.ofArray(bytes));
        int cut = random.nextInt(bytes.length);
        RetainedBytes counter = random.nextInt(4) == 0 ? another : one;
        Segment chain = Segment.of(block, cut, bytes.length).charge(counter, bytes.length - cut);
        if (cut > 0) {
            block.retain();
            Segment front = Segment.of(block, 0, cut).charge(counter, cut);
            front.next = chain;
            chain = front;
        }
        retained.addAndGet(bytes.length);
        s.buffer.append(ACCESS.wrap(pool, chain));
        s.write(bytes);
        return "receive " + bytes.length;
    }

    private String flush(Subject s) {
        s.buffer.flush();
        s.readable = concat(s.readable, s.pending);
        s.pending = new byte[0];
        return "flush";
    }

    // ---- inside

    private void validate() {
        long charged = 0;
        for (Subject subject : subjects) {
            charged += subject.validate();
        }
        long known = retained.get();
        if (known < charged || known > charged + abroad.get()) { // the other thread closes when it likes
            throw new AssertionError(known + " bytes are retained, " + charged + " here, " + abroad + " elsewhere");
        }
    }

    /** Where a buffer counts as full: some thousand segments, as each step looks at all of them. */
    private int maxBytes() {
        return segmentSize == 0 ? MAX_BYTES : Math.min(MAX_BYTES, 5000 * segmentSize);
    }

    /** Mostly small, sometimes none, seldom large. */
    private int size() {
        return switch (random.nextInt(20)) {
            case 0 -> 0;
            case 1 -> random.nextInt(segmentSize == 1 ? 2000 : 20_000);
            case 2, 3 -> random.nextInt(2000);
            default -> random.nextInt(40);
        };
    }

    private int upTo(int limit) {
        int bound = random.nextInt(4) == 0 ? limit : Math.min(limit, 50);
        return random.nextInt(bound + 1);
    }

    private byte[] bytes(int n) {
        byte[] bytes = new byte[n];
        random.nextBytes(bytes);
        return bytes;
    }

    private static byte[] concat(byte[] a, byte[] b) {
        byte[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }

    private record View(MemorySegment memory, MemorySegment expected) {}

    /** A buffer and what it should hold. */
    private static final class Subject {
        private static final int MAX_VIEWS = 20;

        final LinkBuffer buffer;
        final List<View> views = new ArrayList<>();
        byte[] readable = new byte[0];
        byte[] pending = new byte[0];

        Subject(LinkBuffer buffer) {
            this.buffer = buffer;
        }

        byte[] take(int n) {
            byte[] front = Arrays.copyOf(readable, n);
            readable = Arrays.copyOfRange(readable, n, readable.length);
            return front;
        }

        void write(byte[] bytes) {
            pending = concat(pending, bytes);
        }

        void keep(MemorySegment view, byte[] expected) {
            assertThat(view.isReadOnly()).isTrue();
            assertThat(view.byteSize()).isEqualTo(expected.length);
            if (views.size() == MAX_VIEWS) {
                views.removeFirst();
            }
            views.add(new View(view, MemorySegment.ofArray(expected)));
        }

        long validate() {
            long charged = buffer.check();
            assertThat(buffer.readableBytes()).isEqualTo(readable.length);
            assertThat(buffer.pendingBytes()).isEqualTo(pending.length);
            if (!Arrays.equals(buffer.toByteArray(), readable)) {
                throw new AssertionError("wrong bytes in " + buffer);
            }
            for (View view : views) {
                if (view.memory.mismatch(view.expected) != -1) {
                    throw new AssertionError("a view of " + view.expected.byteSize() + " bytes has changed");
                }
            }
            return charged;
        }
    }
}

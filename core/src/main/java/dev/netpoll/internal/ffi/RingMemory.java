// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * The memory that a ring shares with the kernel: a queue of submissions and one of completions.
 *
 * <p>Heads and tails only grow, and wrap around like ints; an entry's index is its position modulo the queue's size.
 * The memory order with the kernel is that of io_uring(7): entries are written before {@link #submitUpTo} (release)
 * publishes them; {@link #completedUpTo} (acquire) is read before the completions; {@link #consumeUpTo} (release) gives
 * their places back.
 *
 * <p><b>Threads.</b> The ring's owner. <b>Memory.</b> {@link #close} ends the mapping; a later use gets an exception
 * from the arena.
 *
 * <p>Entries: {@code struct io_uring_sqe}, 64 bytes: opcode 0, flags 1, ioprio 2, fd 4, off 8, addr 16, len 24, flags
 * of the operation 28, user_data 32, buf_group 40, and 22 bytes that stay zero. {@code struct io_uring_cqe}, 16 bytes:
 * user_data 0, res 8, flags 12.
 */
public final class RingMemory implements AutoCloseable {
    static final long SQE_SIZE = 64;
    static final long OFFSET = 8;

    private static final long CQE_SIZE = 16;

    private static final long IORING_OFF_SQ_RING = 0;
    private static final long IORING_OFF_SQES = 0x1000_0000;

    private static final int PROT_READ_WRITE = 3;
    private static final int MAP_SHARED_POPULATE = 0x8001;
    private static final boolean X86 = "amd64".equals(System.getProperty("os.arch"));
    private static final long MMAP = X86 ? 9 : 222;
    private static final long MUNMAP = X86 ? 11 : 215;

    private static final VarHandle INT = JAVA_INT.varHandle();

    private final Arena arena;
    private final EnterArgument argument;
    private final MemorySegment rings;
    private final MemorySegment entries;
    private final int sqMask;
    private final int cqMask;
    private final long sqHead;
    private final long sqTail;
    private final long sqFlags;
    private final long cqHead;
    private final long cqTail;
    private final long cqes;

    private RingMemory(Arena arena, MemorySegment rings, MemorySegment entries, IoUringParams params) {
        this.arena = arena;
        this.argument = new EnterArgument(arena);
        this.rings = rings;
        this.entries = entries;
        sqMask = params.sqEntries() - 1;
        cqMask = params.cqEntries() - 1;
        sqHead = params.sqHead();
        sqTail = params.sqTail();
        sqFlags = params.sqFlags();
        cqHead = params.cqHead();
        cqTail = params.cqTail();
        cqes = params.cqes();
        if ((params.flags() & IoUring.IORING_SETUP_NO_SQARRAY) == 0) {
            for (int i = 0; i <= sqMask; i++) { // once and for all: entry i is always at index i
                rings.set(JAVA_INT, params.sqArray() + (long) i * Integer.BYTES, i);
            }
        }
    }

    /**
     * Maps the queues of a new ring.
     *
     * @throws MappingException with the error number
     */
    public static RingMemory map(Scratch scratch, int ring, IoUringParams params) throws MappingException {
        boolean array = (params.flags() & IoUring.IORING_SETUP_NO_SQARRAY) == 0;
        long sqEnd = array ? params.sqArray() + (long) params.sqEntries() * Integer.BYTES : 0;
        long cqEnd = params.cqes() + params.cqEntries() * CQE_SIZE;
        Arena arena = Arena.ofShared(); // the owner may be a different thread later
        try {
            MemorySegment rings = map(scratch, arena, ring, Math.max(sqEnd, cqEnd), IORING_OFF_SQ_RING);
            MemorySegment entries = map(scratch, arena, ring, params.sqEntries() * SQE_SIZE, IORING_OFF_SQES);
            return new RingMemory(arena, rings, entries, params);
        } catch (Throwable t) {
            arena.close();
            throw t;
        }
    }

    @SuppressWarnings("restricted")
    private static MemorySegment map(Scratch scratch, Arena arena, int ring, long size, long offset)
            throws MappingException {
        long address = Syscall.call(scratch, MMAP, 0, size, PROT_READ_WRITE, MAP_SHARED_POPULATE, ring, offset);
        if (address < 0 && address > -4096) {
            throw new MappingException((int) -address);
        }
        // SAFETY: the kernel has mapped size bytes there. They are unmapped when the arena closes, so nobody can reach
        // them afterwards; nothing else of this process knows the address.
        return MemorySegment.ofAddress(address).reinterpret(size, arena, RingMemory::unmap);
    }

    private static void unmap(MemorySegment mapped) {
        Scratch scratch = Scratch.take();
        try {
            unmap(scratch, mapped.address(), mapped.byteSize());
        } finally {
            scratch.giveBack();
        }
    }

    /** Never throws: a mapping that stays would keep the ring, and with it sockets. */
    static void unmap(Scratch scratch, long address, long size) {
        // SAFETY: what map() has mapped. At most once: what is left over was not unmapped.
        if (!Syscall.tryCall(scratch, MUNMAP, address, size)) {
            Leftovers.addMapping(address, size);
        }
    }

    /** {@return the argument for {@link IoUring#enter}} */
    public EnterArgument argument() {
        return argument;
    }

    /** {@return how many submissions fit} */
    public int submissions() {
        return sqMask + 1;
    }

    /**
     * Writes submission {@code index}, which the kernel must have consumed before.
     *
     * @param head opcode, flags, ioprio and descriptor: see {@link #head}
     * @param lengthAndFlags see {@link #pair}
     */
    public void submission(int index, long head, long address, long lengthAndFlags, long userData, int bufferGroup) {
        long at = (index & sqMask) * SQE_SIZE;
        MemorySegment to = entries;
        to.set(JAVA_LONG, at, head);
        to.set(JAVA_LONG, at + OFFSET, 0);
        to.set(JAVA_LONG, at + 16, address);
        to.set(JAVA_LONG, at + 24, lengthAndFlags);
        to.set(JAVA_LONG, at + 32, userData);
        to.set(JAVA_LONG, at + 40, bufferGroup);
        to.set(JAVA_LONG, at + 48, 0);
        to.set(JAVA_LONG, at + 56, 0);
    }

    /** {@return the first eight bytes of submission {@code index}} */
    public long submissionHead(int index) {
        return entries.get(JAVA_LONG, (index & sqMask) * SQE_SIZE);
    }

    /** {@return the user_data of submission {@code index}} */
    public long submissionUserData(int index) {
        return entries.get(JAVA_LONG, (index & sqMask) * SQE_SIZE + 32);
    }

    /** {@return the first eight bytes of a submission} */
    public static long head(int opcode, int flags, int ioprio, int fd) {
        return opcode | (long) flags << 8 | (long) ioprio << 16 | (long) fd << 32;
    }

    /** {@return two ints as one word} */
    public static long pair(int low, int high) {
        return (low & 0xffff_ffffL) | (long) high << 32;
    }

    /** Publishes the submissions before {@code tail}. */
    public void submitUpTo(int tail) {
        INT.setRelease(rings, sqTail, tail);
    }

    /** {@return the first submission that the kernel has not consumed} */
    public int submittedUpTo() {
        return (int) INT.getAcquire(rings, sqHead);
    }

    /** {@return whether the kernel keeps completions that did not fit} */
    public boolean hasOverflow() {
        return ((int) INT.getOpaque(rings, sqFlags) & IoUring.IORING_SQ_CQ_OVERFLOW) != 0;
    }

    /** {@return the first completion that the kernel has not written yet} */
    public int completedUpTo() {
        return (int) INT.getAcquire(rings, cqTail);
    }

    /** {@return the first completion whose place has not been given back} Any thread. */
    public int consumedUpTo() {
        return (int) INT.getAcquire(rings, cqHead);
    }

    /** Gives back the places of all completions before {@code head}. */
    public void consumeUpTo(int head) {
        INT.setRelease(rings, cqHead, head);
    }

    /** {@return the user_data of the submission of completion {@code index}} */
    public long userData(int index) {
        return rings.get(JAVA_LONG, cqes + (index & cqMask) * CQE_SIZE);
    }

    /** {@return the result in the lower half, the flags in the upper} */
    public long resultAndFlags(int index) {
        return rings.get(JAVA_LONG, cqes + (index & cqMask) * CQE_SIZE + 8);
    }

    /** Ends the mapping. Idempotent. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}

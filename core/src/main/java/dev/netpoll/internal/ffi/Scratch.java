// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import dev.netpoll.internal.base.Classes;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The native memory that one thread needs during a system call: the cell that receives errno, a socket address, an
 * option value, a message header with its I/O vector.
 *
 * <p>A poller keeps its own. Other users {@link #take} one and {@link #giveBack} it. Neither call allocates or waits
 * while fewer threads are inside system calls than there are slots. Both also suit virtual threads, unlike a
 * thread-local.
 *
 * <p><b>Memory.</b> From the global arena: never freed, but reused, and not counted against the limit of direct memory,
 * which other code may use up. The slots are filled in advance, as closing, waking and arming must not depend on free
 * memory. If all are in use and there is no memory for another, threads share {@link #EMERGENCY} one after the other;
 * calls that use a scratch never block, so the wait for it is short.
 *
 * <p>Not thread-safe: between take and giveBack it belongs to the calling thread.
 */
public final class Scratch {
    /** How many parts {@link LibcSocket#sendmsg} may gather. */
    public static final int IO_VECTORS = 64;

    // One segment for all parts, so that passing one of them to the linker keeps all alive.
    private static final long ERRNO_AT = 0;
    private static final long OPTION_AT = 8;
    private static final long LENGTH_AT = 16;
    private static final long EVENT_AT = 24;
    private static final long TIME_AT = 40;
    private static final long ADDRESS_AT = 64;
    private static final long HEADER_AT = 192;
    private static final long VECTOR_AT = 256;
    private static final long SIZE = VECTOR_AT + (long) IO_VECTORS * IoVector.SIZE;

    private static final int SLOTS = 32;
    private static final int PROBES = 4;

    /** Distance of the slots: they are a cache line apart. */
    private static final int STRIDE = 16;

    private static final AtomicReferenceArray<Scratch> POOL = new AtomicReferenceArray<>(SLOTS * STRIDE);

    /** Scratches that found no free slot, as a stack: pushed one by one, taken whole. */
    private static final AtomicReference<@Nullable Scratch> SPARE = new AtomicReference<>();

    private static final ReentrantLock EMERGENCY_LOCK = new ReentrantLock();

    /** For the holder of the lock. A thread that needs two at once gets it twice, which at worst garbles an errno. */
    private static final Scratch EMERGENCY = new Scratch();

    static {
        Classes.initialize(MethodHandles.lookup(), IoVector.class);
        for (int slot = 0; slot < SLOTS; slot++) {
            POOL.setPlain(slot * STRIDE, new Scratch());
        }
    }

    /** The cell into which the linker writes errno. */
    final MemorySegment errno;

    private final MemorySegment memory;

    /** Link of {@link #SPARE}. */
    private @Nullable Scratch next;

    /** Allocates one for the caller's own use, to be given back when it is no longer needed. */
    public Scratch() {
        // With this arena, liveness checks and acquiring cost nothing.
        memory = Arena.global().allocate(SIZE, 64);
        errno = memory.asSlice(ERRNO_AT, ValueLayout.JAVA_INT);
        MsgHeader.init(memory, HEADER_AT, memory.address() + VECTOR_AT);
    }

    /** {@return a scratch for the caller alone, until {@link #giveBack}} Any thread. Never fails for lack of memory. */
    public static Scratch take() {
        Scratch found = takeFrom(home(), PROBES);
        return found != null ? found : takeSlowly();
    }

    private static @Nullable Scratch takeFrom(int home, int probes) {
        for (int i = 0; i < probes; i++) {
            int slot = ((home + i) & (SLOTS - 1)) * STRIDE;
            if (POOL.getPlain(slot) != null) {
                Scratch found = POOL.getAndSet(slot, null);
                if (found != null) {
                    return found;
                }
            }
        }
        return null;
    }

    private static Scratch takeSlowly() {
        Scratch found = takeSpare();
        if (found == null) {
            found = takeFrom(0, SLOTS);
        }
        if (found != null) {
            return found;
        }
        try {
            return new Scratch();
        } catch (OutOfMemoryError e) {
            EMERGENCY_LOCK.lock();
            return EMERGENCY;
        }
    }

    private static @Nullable Scratch takeSpare() {
        if (SPARE.getPlain() == null) {
            return null;
        }
        Scratch first = SPARE.getAndSet(null);
        if (first != null) {
            Scratch rest = first.next;
            first.next = null;
            while (rest != null) {
                Scratch next = rest.next;
                rest.push();
                rest = next;
            }
        }
        return first;
    }

    private void push() {
        Scratch top;
        do {
            top = SPARE.get();
            next = top;
        } while (!SPARE.compareAndSet(top, this));
    }

    /** Ends the use that {@link #take} began. */
    public void giveBack() {
        if (this == EMERGENCY) {
            EMERGENCY_LOCK.unlock();
            return;
        }
        int home = home();
        for (int i = 0; i < PROBES; i++) {
            int slot = ((home + i) & (SLOTS - 1)) * STRIDE;
            if (POOL.getPlain(slot) == null && POOL.compareAndSet(slot, null, this)) {
                return;
            }
        }
        push();
    }

    private static int home() {
        return (int) Thread.currentThread().threadId();
    }

    /** Sets part {@code index} of the I/O vector that {@link LibcSocket#sendmsg} gathers. */
    public void vector(int index, long address, long length) {
        IoVector.set(memory, VECTOR_AT + (long) index * IoVector.SIZE, address, length);
    }

    /** {@return the value that {@link LibcSocket#getsockopt} left; for a {@code struct linger}, its switch} */
    public int option() {
        return memory.get(ValueLayout.JAVA_INT, OPTION_AT);
    }

    /** {@return the seconds of the {@code struct linger} that {@link LibcSocket#getsockopt} left here} */
    public int lingerSeconds() {
        return memory.get(ValueLayout.JAVA_INT, OPTION_AT + Integer.BYTES);
    }

    void option(int first, int second) {
        memory.set(ValueLayout.JAVA_INT, OPTION_AT, first);
        memory.set(ValueLayout.JAVA_INT, OPTION_AT + Integer.BYTES, second);
    }

    /** {@return the socket address that the last call left, as bytes for {@link SockAddr#decode}} */
    public byte[] socketAddress() {
        return SockAddr.copy(memory, ADDRESS_AT, length());
    }

    /** Writes a socket address for the next call. */
    void socketAddress(byte[] encoded) {
        MemorySegment.copy(encoded, 0, memory, ValueLayout.JAVA_BYTE, ADDRESS_AT, encoded.length);
    }

    int length() {
        return memory.get(ValueLayout.JAVA_INT, LENGTH_AT);
    }

    void length(int length) {
        memory.set(ValueLayout.JAVA_INT, LENGTH_AT, length);
    }

    /** Writes one {@code struct epoll_event} and returns its address. */
    long epollEvent(int events, long data) {
        EpollEvents.set(memory, EVENT_AT, events, data);
        return memory.address() + EVENT_AT;
    }

    /** Writes a {@code struct timespec} and returns its address. */
    long timeSpec(long nanos) {
        memory.set(ValueLayout.JAVA_LONG, TIME_AT, nanos / 1_000_000_000);
        memory.set(ValueLayout.JAVA_LONG, TIME_AT + Long.BYTES, nanos % 1_000_000_000);
        return memory.address() + TIME_AT;
    }

    /** {@return the {@code struct timespec} that the last call left, in nanoseconds} */
    long timeSpecNanos() {
        return memory.get(ValueLayout.JAVA_LONG, TIME_AT) * 1_000_000_000
                + memory.get(ValueLayout.JAVA_LONG, TIME_AT + Long.BYTES);
    }

    /** {@return {@code count} zeroed bytes in the I/O vector's place, for another struct} Until the next call. */
    MemorySegment struct(long count) {
        return memory.asSlice(VECTOR_AT, count).fill((byte) 0);
    }

    /** Writes a submission that posts a completion to a ring, over the I/O vector, and returns its address. */
    long ringMessage(int ring, long operation) {
        for (long at = 0; at < RingMemory.SQE_SIZE; at += Long.BYTES) { // allocates nothing
            memory.set(ValueLayout.JAVA_LONG, VECTOR_AT + at, 0);
        }
        memory.set(ValueLayout.JAVA_LONG, VECTOR_AT, RingMemory.head(IoUring.IORING_OP_MSG_RING, 0, 0, ring));
        memory.set(ValueLayout.JAVA_LONG, VECTOR_AT + RingMemory.OFFSET, operation);
        return memory.address() + VECTOR_AT;
    }

    void messageParts(int count) {
        MsgHeader.parts(memory, HEADER_AT, count);
    }

    long optionAddress() {
        return memory.address() + OPTION_AT;
    }

    long lengthAddress() {
        return memory.address() + LENGTH_AT;
    }

    long socketAddressAddress() {
        return memory.address() + ADDRESS_AT;
    }

    long messageAddress() {
        return memory.address() + HEADER_AT;
    }

    /** {@return a non-negative result unchanged, and for -1 the error number negated} */
    int result(int result) {
        return result >= 0 ? result : -errno.get(ValueLayout.JAVA_INT, 0);
    }

    /** Like {@link #result(int)}. */
    long result(long result) {
        return result >= 0 ? result : -errno.get(ValueLayout.JAVA_INT, 0);
    }
}

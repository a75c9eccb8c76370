// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * The ring of buffers that the kernel may receive into, in order: an array of {@code struct io_uring_buf} (addr 0, len
 * 8, bid 12), with the tail in the two bytes that the first entry does not use.
 *
 * <p><b>Threads.</b> The ring's owner. <b>Memory.</b> {@link #close} frees the array; call it after closing the rings
 * it was registered with. A closed ring does not read the array any more, so another ring may use it. The owner keeps
 * the memory at the addresses alive until a completion returns the buffer or the ring is closed.
 */
public final class BufferRingMemory implements AutoCloseable {
    private static final long ENTRY_SIZE = 16;
    private static final long LENGTH = 8;
    private static final long ID = 12;
    private static final long TAIL = 14;

    /** The kernel requires whole pages: the largest page size of Linux on these machines. */
    private static final long PAGE = "amd64".equals(System.getProperty("os.arch")) ? 4 << 10 : 64 << 10;

    private static final VarHandle SHORT = JAVA_SHORT.varHandle();

    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory;
    private final int mask;

    /** Creates an empty ring with room for {@code entries} buffers, a power of two up to 32,768. */
    public BufferRingMemory(int entries) {
        memory = OwnMemory.allocate(arena, Math.max(PAGE, entries * ENTRY_SIZE), PAGE);
        mask = entries - 1;
    }

    /** Registers it with a ring as buffer group {@code group}; {@return 0 or the error number negated} */
    public int register(Scratch scratch, int ring, int group, int flags) {
        // struct io_uring_buf_reg, 40 bytes: ring_addr 0, ring_entries 8, bgid 12, flags 14.
        MemorySegment registration = scratch.struct(40);
        registration.set(JAVA_LONG, 0, memory.address());
        registration.set(JAVA_INT, 8, mask + 1);
        registration.set(JAVA_SHORT, 12, (short) group);
        registration.set(JAVA_SHORT, 14, (short) flags);
        memory.set(JAVA_SHORT, TAIL, (short) 0); // entries for an earlier ring mean nothing to this one
        return IoUring.registerBuffers(scratch, ring, registration.address());
    }

    /** Writes entry {@code index}: the kernel may write {@code length} bytes at the address, once it is published. */
    public void buffer(int index, long address, int length, int id) {
        long at = (index & mask) * ENTRY_SIZE;
        memory.set(JAVA_LONG, at, address);
        memory.set(JAVA_INT, at + LENGTH, length);
        memory.set(JAVA_SHORT, at + ID, (short) id); // never the two bytes after it: see above
    }

    /** Publishes the entries before {@code tail}. */
    public void publishUpTo(int tail) {
        SHORT.setRelease(memory, TAIL, (short) tail);
    }

    /** Frees the array. Idempotent. */
    @Override
    public void close() {
        OwnMemory.free(arena);
    }
}

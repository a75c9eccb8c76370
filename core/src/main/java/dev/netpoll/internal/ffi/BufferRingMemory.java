// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;

/**
 * The list of buffers that the kernel may receive into, in order: an array of {@code struct io_uring_buf} (addr 0, len
 * 8, bid 12), with the tail in the two bytes that the first of them does not use.
 *
 * <p><b>Threads.</b> The ring's owner. <b>Memory.</b> The array lives as long as this object is reachable; the kernel
 * holds on to its pages for as long as the ring exists. What the addresses point to is the owner's to keep alive until
 * a completion gives the buffer back or the ring is closed.
 */
public final class BufferRingMemory {
    private static final long ENTRY_SIZE = 16;
    private static final long LENGTH = 8;
    private static final long ID = 12;
    private static final long TAIL = 14;

    /** The kernel wants whole pages; the largest that Linux has on these machines. */
    private static final long PAGE = 64 << 10;

    private static final VarHandle SHORT = JAVA_SHORT.varHandle();

    private final MemorySegment memory;
    private final int mask;

    /** Makes an empty one with room for {@code entries} buffers, a power of two up to 32,768. */
    public BufferRingMemory(int entries) {
        memory = Arena.ofAuto().allocate(Math.max(PAGE, entries * ENTRY_SIZE), PAGE);
        mask = entries - 1;
    }

    /** Registers it with a ring as buffer group {@code group}; {@return 0 or the error number negated} */
    public int register(Scratch scratch, int ring, int group, int flags) {
        // struct io_uring_buf_reg, 40 bytes: ring_addr 0, ring_entries 8, bgid 12, flags 14.
        MemorySegment registration = Arena.ofAuto().allocate(40, Long.BYTES);
        registration.set(JAVA_LONG, 0, memory.address());
        registration.set(JAVA_INT, 8, mask + 1);
        registration.set(JAVA_SHORT, 12, (short) group);
        registration.set(JAVA_SHORT, 14, (short) flags);
        try {
            return IoUring.registerBuffers(scratch, ring, registration.address());
        } finally {
            Reference.reachabilityFence(registration);
        }
    }

    /** Writes entry {@code index}: the kernel may write {@code length} bytes at the address, once it is published. */
    public void buffer(int index, long address, int length, int id) {
        long at = (index & mask) * ENTRY_SIZE;
        memory.set(JAVA_LONG, at, address);
        memory.set(JAVA_INT, at + LENGTH, length);
        memory.set(JAVA_SHORT, at + ID, (short) id); // never the two bytes behind it: see above
    }

    /** Publishes the entries up to and without {@code tail}. */
    public void publishUpTo(int tail) {
        SHORT.setRelease(memory, TAIL, (short) tail);
    }
}

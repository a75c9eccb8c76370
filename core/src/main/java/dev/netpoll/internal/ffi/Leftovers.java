// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

/**
 * Descriptors and mappings that could not be released, because the JVM lacked the memory that a call needs before its
 * code is compiled. They are not lost: a descriptor, and a mapping of a ring, keep sockets open whose peers wait for
 * the end. Loops {@link #release} them, and wait only for a moment while some are left.
 *
 * <p>Allocates nothing; so plain arrays, as the first use of an atomic one allocates. <b>Threads.</b> Any, under the
 * lock of this class.
 */
public final class Leftovers {
    private static final int DESCRIPTORS = 1024;
    private static final int MAPPINGS = 256;

    /** How long a loop waits at most before it tries again. */
    private static final long RETRY_NANOS = 10_000_000;

    /** Each plus 1; 0 marks a free place. */
    private static final int[] DESCRIPTOR = new int[DESCRIPTORS];

    /** 0 marks a free place. */
    private static final long[] ADDRESS = new long[MAPPINGS];

    private static final long[] SIZE = new long[MAPPINGS];

    private static volatile boolean any;

    private Leftovers() {}

    /** {@return whether {@link #release} has work} Costs nothing. */
    public static boolean exist() {
        return any;
    }

    /** {@return how long a loop may wait, if it wants to wait for so long} Negative is for ever. */
    public static long bounded(long nanos) {
        if (!any) {
            return nanos;
        }
        return nanos < 0 ? RETRY_NANOS : Math.min(nanos, RETRY_NANOS);
    }

    static synchronized void addDescriptor(int fd) {
        for (int i = 0; i < DESCRIPTORS; i++) {
            if (DESCRIPTOR[i] == 0) {
                DESCRIPTOR[i] = fd + 1;
                any = true;
                return;
            }
        }
    }

    static synchronized void addMapping(long address, long size) {
        for (int i = 0; i < MAPPINGS; i++) {
            if (ADDRESS[i] == 0) {
                SIZE[i] = size;
                ADDRESS[i] = address;
                any = true;
                return;
            }
        }
    }

    /** Tries again. What can't be released now either comes back into the list. */
    public static void release(Scratch scratch) {
        any = false; // before looking: a thread that adds something sets this afterwards
        for (int i = 0; i < MAPPINGS; i++) {
            releaseMapping(scratch, i);
        }
        for (int i = 0; i < DESCRIPTORS; i++) {
            int fd = takeDescriptor(i);
            if (fd >= 0) {
                LibcUnistd.close(scratch, fd);
            }
        }
    }

    private static synchronized int takeDescriptor(int place) {
        int fd = DESCRIPTOR[place] - 1;
        DESCRIPTOR[place] = 0;
        return fd;
    }

    private static synchronized void releaseMapping(Scratch scratch, int place) {
        long address = ADDRESS[place];
        if (address != 0) {
            ADDRESS[place] = 0;
            RingMemory.unmap(scratch, address, SIZE[place]);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import static dev.netpoll.internal.ffi.Downcalls.UNUSED;

import java.lang.invoke.MethodHandle;

/** {@code <sys/mman.h>}: pages of this process. */
public final class LibcMman {
    private static final int MADV_DONTNEED = 4;

    private static final MethodHandle MADVISE = Downcalls.link("madvise");

    private static final long PAGE = pageSize();

    private LibcMman() {}

    private static long pageSize() {
        Scratch scratch = Scratch.take();
        try {
            // SAFETY: no parameters, and a plain int.
            return Downcalls.call(Downcalls.link("getpagesize"), scratch, UNUSED, UNUSED);
        } finally {
            scratch.giveBack();
        }
    }

    /**
     * Gives the pages inside a range back to the system, which zeroes their content.
     *
     * @param address the beginning of private memory that the caller owns and whose content nobody needs
     * @return whether it was done
     */
    public static boolean releasePages(long address, long bytes) {
        long from = (address + PAGE - 1) & -PAGE;
        long to = (address + bytes) & -PAGE;
        if (address <= 0 || from >= to) {
            return false;
        }
        Scratch scratch = Scratch.take();
        try {
            // SAFETY: whole pages inside the caller's range; a wrong range is an error number, and nothing is unmapped.
            return Downcalls.call(MADVISE, scratch, from, to - from, MADV_DONTNEED) == 0;
        } finally {
            scratch.giveBack();
        }
    }
}

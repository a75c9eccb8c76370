// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.ffi;

import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The descriptors of this process that this library owns: one bit per number. So adopting a number that a connection
 * already owns can be rejected. Any thread.
 *
 * <p>A bit is set after the kernel gave out the number, and cleared before the number goes back. So a set bit can be
 * stale only if other code closed the descriptor.
 */
public final class OwnedFds {
    private static final int PAGE_BITS = 1 << 15;
    private static final int PAGES = 1 << 11; // on common systems fs.nr_open is at most 2^26

    private static final AtomicReferenceArray<@Nullable AtomicLongArray> BITS = new AtomicReferenceArray<>(PAGES);

    private OwnedFds() {}

    /** {@return whether this library owns the descriptor} */
    public static boolean contains(int fd) {
        AtomicLongArray page = page(fd);
        return page != null && (page.get(word(fd)) & bit(fd)) != 0;
    }

    /** Without memory for a page the number stays unrecorded: then it is less protected, but nothing fails. */
    static void add(int fd) {
        AtomicLongArray page = page(fd);
        if (page == null) {
            page = newPage(fd);
        }
        if (page != null) {
            change(page, fd, bit(fd));
        }
    }

    static void remove(int fd) {
        AtomicLongArray page = page(fd);
        if (page != null) {
            change(page, fd, 0);
        }
    }

    private static void change(AtomicLongArray page, int fd, long value) {
        int word = word(fd);
        long before;
        do {
            before = page.get(word);
        } while (!page.compareAndSet(word, before, (before & ~bit(fd)) | value));
    }

    private static @Nullable AtomicLongArray page(int fd) {
        int index = fd / PAGE_BITS;
        return fd < 0 || index >= PAGES ? null : BITS.get(index);
    }

    private static @Nullable AtomicLongArray newPage(int fd) {
        int index = fd / PAGE_BITS;
        if (fd < 0 || index >= PAGES) {
            return null;
        }
        try {
            BITS.compareAndSet(index, null, new AtomicLongArray(PAGE_BITS / Long.SIZE));
        } catch (OutOfMemoryError e) {
            return null;
        }
        return BITS.get(index);
    }

    private static int word(int fd) {
        return fd % PAGE_BITS / Long.SIZE;
    }

    private static long bit(int fd) {
        return 1L << fd;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import dev.netpoll.internal.ffi.LibcMman;
import dev.netpoll.internal.memory.PageReleaser;
import dev.netpoll.internal.memory.SegmentPool;

/** Lets the memory pools give pages back to the system. */
public final class UnusedPages implements PageReleaser {
    private UnusedPages() {}

    /** From now on the pools give unused pages back at once. Idempotent. */
    public static void goBack() {
        SegmentPool.releasePagesBy(new UnusedPages());
    }

    @Override
    public boolean release(long address, long bytes) {
        return LibcMman.releasePages(address, bytes);
    }
}

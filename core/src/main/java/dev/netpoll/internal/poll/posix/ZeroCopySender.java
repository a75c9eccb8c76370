// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.posix;

import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.memory.Segment;

/** Sends large pieces of pooled memory without copying them. Any thread. */
public interface ZeroCopySender {
    /** {@return whether it sends this piece; otherwise the caller sends it as usual} */
    boolean takes(Segment piece);

    /**
     * Sends a piece, and keeps its block until the kernel no longer needs it. Does not wait.
     *
     * @param flags of send(2)
     * @return how many bytes the kernel took, or an error number negated
     */
    long send(Scratch scratch, int fd, Segment piece, int flags);
}

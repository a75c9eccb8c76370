// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

/**
 * Thrown when a {@link SegmentPool} can't hand out memory: its cap is reached, or the operating system refused.
 *
 * <p>The operation that needed the memory has had no effect. It may succeed later, when other buffers were released.
 */
public final class MemoryLimitException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Creates one that says {@code message}. */
    public MemoryLimitException(String message) {
        super(message);
    }

    /** Creates one that says {@code message} and was caused by the refusal {@code cause}. */
    public MemoryLimitException(String message, Throwable cause) {
        super(message, cause);
    }
}

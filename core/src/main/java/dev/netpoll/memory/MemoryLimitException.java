// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.memory;

/**
 * Thrown when no buffer memory is available: the pool has reached its cap, which the system property {@code
 * dev.netpoll.memory.max} sets, or the operating system refused.
 *
 * <p>The operation that needed the memory had no effect. It may succeed later, after the program released other
 * buffers.
 *
 * @since 0.1
 */
public final class MemoryLimitException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * Creates one.
     *
     * @param message the requested size, and what is available
     */
    public MemoryLimitException(String message) {
        super(message);
    }

    /**
     * Creates one with a cause.
     *
     * @param message the requested size, and what is available
     * @param cause the system's refusal
     */
    public MemoryLimitException(String message, Throwable cause) {
        super(message, cause);
    }
}

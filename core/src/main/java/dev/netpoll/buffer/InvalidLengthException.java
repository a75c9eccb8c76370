// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import java.io.IOException;

/**
 * The read found a length that is negative or greater than its limit. It consumed nothing. The rest of the stream
 * usually can't be parsed.
 *
 * @since 0.1
 */
public final class InvalidLengthException extends IOException {
    private static final long serialVersionUID = 1L;

    private final long length;
    private final int max;

    /** For a length that is not within 0 and {@code max}. */
    InvalidLengthException(long length, int max) {
        super("a length of " + length + " was read, but only 0 to " + max + " are allowed");
        this.length = length;
        this.max = max;
    }

    /**
     * The length that was read.
     *
     * @return the number, below 0 or above {@link #max()}
     */
    public long length() {
        return length;
    }

    /**
     * The greatest length that was allowed.
     *
     * @return the number that was given to the read
     */
    public int max() {
        return max;
    }
}

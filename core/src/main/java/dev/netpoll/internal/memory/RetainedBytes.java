// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

/**
 * Counts the bytes that were received for one owner and are still retained: unread, viewed or sliced.
 *
 * <p>A received {@link Segment} carries its owner's counter and the number of bytes it was charged for. Splitting a
 * segment divides the charge; moving bytes into another segment moves it; freeing a segment reports the rest of it. So
 * for every counter the sum of all reports equals the sum of all charges once all segments are gone.
 */
public interface RetainedBytes {
    /**
     * Reports that {@code bytes} of the charge are no longer retained.
     *
     * <p>Called by any thread that frees the memory, possibly by several at once; must not block or throw.
     *
     * @param bytes how many bytes, more than zero
     */
    void released(int bytes);

    /**
     * Reports that the program has taken {@code bytes} of the charge, and holds them as long as it likes.
     *
     * @return the counter for them from now on
     */
    default RetainedBytes kept(int bytes) {
        return this;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

/**
 * The counter of the bytes that were received for one owner and are still retained: unread, viewed or sliced.
 *
 * <p>A received {@link Segment} carries its owner's counter and the number of bytes it was charged for. Splitting a
 * segment divides the charge; moving bytes into another segment moves it; freeing a segment reports what is left of
 * it. So for every counter the sum of all reports equals the sum of all charges once all segments are gone.
 */
public interface RetainedBytes {
    /**
     * Says that {@code bytes} of what was charged are no longer retained.
     *
     * <p>Called from whichever thread frees the memory, possibly from several at once; must not block or throw.
     *
     * @param bytes how many bytes, more than zero
     */
    void released(int bytes);

    /**
     * The program has taken {@code bytes} of what was charged, and holds them as long as it likes.
     *
     * @return what counts them from now on
     */
    default RetainedBytes kept(int bytes) {
        return this;
    }
}

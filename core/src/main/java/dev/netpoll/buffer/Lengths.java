// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.SegmentReader;

/** Reads lengths of which the bytes are there. One that is not allowed stays there. */
final class Lengths {
    /** Stands for the limit of a number that is no length. */
    static final int ANY = -1;

    private static final int BITS = 7;

    private Lengths() {}

    /** Consumes four bytes, the high one first. */
    static int read(SegmentReader in, int max) throws InvalidLengthException {
        return consume(in, in.peekInt(), max);
    }

    /** Consumes four bytes, the low one first. */
    static int readLE(SegmentReader in, int max) throws InvalidLengthException {
        return consume(in, Integer.reverseBytes(in.peekInt()), max);
    }

    private static int consume(SegmentReader in, int length, int max) throws InvalidLengthException {
        if (length > allowed(max) || length < 0) {
            throw new InvalidLengthException(length, max);
        }
        in.readInt();
        return length;
    }

    /** Consumes a number of variable length that has {@code size} bytes, 5 at most. */
    static int readVar(SegmentReader in, int size, int max) throws InvalidLengthException {
        long bytes = in.numberAt(0, size, true);
        long length = 0;
        for (int i = 0; i < size; i++) {
            length |= (bytes >>> (i * Byte.SIZE) & 0x7F) << (i * BITS);
        }
        if (length > allowed(max)) {
            throw new InvalidLengthException(length, max);
        }
        in.skip(size);
        return (int) length;
    }

    /** Returns {@code max}, if it can be the greatest length. */
    static int allowed(int max) {
        if (max < 0) {
            throw new IllegalArgumentException("max must not be negative: " + max);
        }
        return max;
    }
}

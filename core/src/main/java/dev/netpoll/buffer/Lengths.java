// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.SegmentReader;

/** Reads and checks lengths whose bytes have arrived. An invalid length stays unread. */
final class Lengths {
    /** The limit for a number that is not a length. */
    static final int ANY = -1;

    private static final int BITS = 7;

    private Lengths() {}

    /** Consumes four bytes, big-endian. */
    static int read(SegmentReader in, int max) throws InvalidLengthException {
        return consume(in, in.peekInt(), max);
    }

    /** Consumes four bytes, little-endian. */
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

    /** Consumes a varint of {@code size} bytes, 5 at most. */
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

    /** Returns {@code max} after checking it. */
    static int allowed(int max) {
        if (max < 0) {
            throw new IllegalArgumentException("max must not be negative: " + max);
        }
        return max;
    }
}

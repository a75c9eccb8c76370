// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

/**
 * Varints: numbers of variable length as in Protocol Buffers. Seven bits in each byte, the lowest first; the high bit
 * of a byte says that another one follows.
 */
final class VarInts {
    private static final int BITS = 7;

    private VarInts() {}

    /** The most bytes that an unsigned number of {@code bits} bits takes. */
    static int maxSize(int bits) {
        return (bits + BITS - 1) / BITS;
    }

    /** How many bytes the unsigned {@code value} takes, 1 to 10. */
    static int size(long value) {
        return maxSize(Long.SIZE - Long.numberOfLeadingZeros(value | 1));
    }

    /** Whether {@code last} is too great for the last possible byte of a number of {@code bits} bits. */
    static boolean overflows(byte last, int bits) {
        return last >>> (bits - BITS * (maxSize(bits) - 1)) != 0;
    }

    /** Writes the unsigned {@code value}, which takes {@code size} bytes. */
    static void put(Segment target, int at, long value, int size) {
        long rest = value;
        for (int i = 0; i < size - 1; i++) {
            target.setByte(at + i, (byte) (rest | 0x80));
            rest >>>= BITS;
        }
        target.setByte(at + size - 1, (byte) rest);
    }

    /** Reads a number of {@code size} bytes. */
    static long get(Segment source, int at, int size) {
        long value = 0;
        for (int i = 0; i < size; i++) {
            value = with(value, i, source.getByte(at + i));
        }
        return value;
    }

    /** {@code value} with the bits of its byte number {@code index} added. */
    static long with(long value, int index, byte next) {
        return value | (next & 0x7FL) << (BITS * index);
    }
}

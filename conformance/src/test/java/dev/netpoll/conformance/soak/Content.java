// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.soak;

import java.util.Arrays;
import java.util.SplittableRandom;

/** The bytes of a stream, each determined by the stream's key and its position, so that both ends know them. */
final class Content {
    /** A prime, so that no power of two of lost bytes goes unnoticed; messages are not longer. */
    static final int PERIOD = 1_048_583;

    /** So many bytes tell where they belong. */
    private static final int KNOWN = 16;

    private static final byte[] TABLE = table();

    private Content() {}

    private static byte[] table() {
        byte[] table = new byte[2 * PERIOD];
        new SplittableRandom(1).nextBytes(table);
        System.arraycopy(table, 0, table, PERIOD, PERIOD);
        return table;
    }

    /** {@return the array that holds all content; nobody writes to it} */
    static byte[] array() {
        return TABLE;
    }

    /** {@return where in the array the stream's bytes begin that are at the position} */
    static int offset(long key, long position) {
        return (int) Math.floorMod(Math.floorMod(key, PERIOD) + position, (long) PERIOD);
    }

    /** Fails if the bytes are not those of the stream. */
    static void check(byte[] bytes, int length, long key, long position) {
        int from = offset(key, position);
        int wrong = Arrays.mismatch(bytes, 0, length, TABLE, from, from + length);
        if (wrong >= 0) {
            throw new AssertionError("byte %d of %d at position %d of stream %x is wrong; what came is %s"
                    .formatted(wrong, length, position, key, origin(bytes, wrong, length, from + wrong)));
        }
    }

    /** {@return what came instead of the right bytes: how far on in the stream, unless they are of another one} */
    private static String origin(byte[] bytes, int wrong, int length, int right) {
        int shown = Math.min(KNOWN, length - wrong);
        for (int i = 0; shown == KNOWN && i < PERIOD; i++) {
            if (Arrays.equals(bytes, wrong, wrong + shown, TABLE, i, i + shown)) {
                return "what follows %d bytes later, or is another stream's"
                        .formatted(Math.floorMod(i - right, PERIOD));
            }
        }
        return Arrays.toString(Arrays.copyOfRange(bytes, wrong, wrong + shown));
    }
}

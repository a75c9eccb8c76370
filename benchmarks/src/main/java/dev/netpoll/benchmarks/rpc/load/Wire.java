// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import java.nio.ByteBuffer;
import java.util.Random;

/**
 * The frames of the benchmark: a big-endian length of 4 bytes, then the payload. Its first byte and the 4 bytes after
 * it ask the server for work, bytes 8 to 15 are the number of the request, and the rest is noise from the seed.
 */
final class Wire {
    static final int HEADER_BYTES = 4;
    static final int PAYLOAD_MAX = 16 << 20;

    /** Where the work mark, its microseconds and the number of the request lie in the payload. */
    static final int MARK_AT = 0;

    static final int MICROS_AT = 1;
    static final int NUMBER_AT = 8;

    /** Payloads shorter than these carry no mark, and no number. */
    static final int MARKED_PAYLOAD_MIN = 5;

    static final int NUMBERED_PAYLOAD_MIN = 16;

    static final byte PLAIN = 'P';
    static final byte BLOCK = 'B';
    static final byte BURN = 'C';

    private static final long SAMPLE_MASK = 63;

    private Wire() {}

    /** {@return a plain payload} */
    static byte[] payload(LoadPlan plan) {
        byte[] bytes = new byte[plan.payload()];
        new Random(plan.seed()).nextBytes(bytes);
        if (bytes.length > MARK_AT) {
            bytes[MARK_AT] = PLAIN;
        }
        return bytes;
    }

    /** {@return whether all bytes of the answer are compared: one in 64, the first of each connection among them} */
    static boolean isSampled(long number) {
        return (number & SAMPLE_MASK) == 0;
    }

    /** {@return the number of a request: unique in the run, and different after every answer of the connection} */
    static long number(int connection, long sequence) {
        return (long) connection << 40 | sequence;
    }

    /** Makes a payload the request with this number. */
    static void stamp(ByteBuffer payload, long number, Marks marks) {
        if (marks.any()) {
            int kind = marks.kind(number);
            payload.put(MARK_AT, marks.letter(kind)).putInt(MICROS_AT, marks.micros(kind));
        }
        if (payload.capacity() >= NUMBERED_PAYLOAD_MIN) {
            payload.putLong(NUMBER_AT, number);
        }
    }
}

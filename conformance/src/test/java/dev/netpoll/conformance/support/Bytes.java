// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import java.util.Random;

/** Payloads that can be checked at any place. */
public final class Bytes {
    private static final int SEED = 42;

    private Bytes() {}

    /** {@return bytes that look random and are the same each time} */
    public static byte[] pattern(int length) {
        byte[] bytes = new byte[length];
        new Random(SEED).nextBytes(bytes);
        return bytes;
    }

    /** {@return a frame: 4 bytes of length, big endian, and the payload} */
    public static byte[] frame(byte[] payload) {
        return java.nio.ByteBuffer.allocate(4 + payload.length)
                .putInt(payload.length)
                .put(payload)
                .array();
    }

    /** {@return all arguments, one after the other} */
    public static byte[] concat(byte[]... parts) {
        var all = new java.io.ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }
}

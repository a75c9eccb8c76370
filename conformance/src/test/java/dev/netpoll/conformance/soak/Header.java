// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.soak;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * What precedes each message: how long it is, how many times as much the answer has, what the server shall do
 * meanwhile, and which part of which stream it is.
 */
record Header(int length, int times, Deed deed, int millis, long key, long position) {
    static final int BYTES = 4 * Integer.BYTES + 2 * Long.BYTES;

    private static final List<Deed> DEEDS = List.of(Deed.values());

    /** What the server does before or after it answers. */
    enum Deed {
        NOTHING,
        /** Blocks, if handlers may. */
        BLOCK,
        /** Does not read for a while. */
        PAUSE,
        /** Takes the socket out of the library and in again. */
        DETACH
    }

    static Header of(ByteBuffer bytes) {
        int length = bytes.getInt();
        int times = bytes.getInt();
        int deed = bytes.getInt();
        Header header = new Header(
                length,
                times,
                deed >= 0 && deed < DEEDS.size() ? DEEDS.get(deed) : Deed.NOTHING,
                bytes.getInt(),
                bytes.getLong(),
                bytes.getLong());
        if (deed != DEEDS.indexOf(header.deed) || length < 1 || length > Content.PERIOD || times < 0 || times > 64) {
            throw new AssertionError("not a header: " + header + ", deed " + deed);
        }
        return header;
    }

    byte[] toBytes() {
        return ByteBuffer.allocate(BYTES)
                .putInt(length)
                .putInt(times)
                .putInt(DEEDS.indexOf(deed))
                .putInt(millis)
                .putLong(key)
                .putLong(position)
                .array();
    }

    Header part(long answered) {
        return new Header(length, 0, Deed.NOTHING, 0, ~key, answered);
    }
}

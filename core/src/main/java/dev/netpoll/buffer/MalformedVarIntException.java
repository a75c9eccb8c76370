// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.buffer;

import dev.netpoll.internal.memory.SegmentReader;
import java.io.IOException;
import java.util.HexFormat;

/**
 * The next bytes are not a valid varint: they have too many bytes or bits. The sender caused this, so it is an {@link
 * IOException}. The read consumed nothing. The rest of the stream usually can't be parsed.
 *
 * @since 0.1
 */
public final class MalformedVarIntException extends IOException {
    private static final long serialVersionUID = 1L;

    private MalformedVarIntException(String message) {
        super(message);
    }

    /** For the bytes at the front of {@code in}, which are not an unsigned varint of {@code bits} bits. */
    static MalformedVarIntException at(SegmentReader in, int bits) {
        byte[] bytes = new byte[bits == Integer.SIZE ? 5 : 10];
        in.copyTo(bytes, 0, bytes.length);
        return new MalformedVarIntException("no number of " + bits + " bits: "
                + HexFormat.ofDelimiter(" ").formatHex(bytes)
                + (bytes[bytes.length - 1] < 0 ? " and more to come" : ""));
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import dev.netpoll.buffer.Reader;
import dev.netpoll.buffer.Writer;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.net.ProtocolException;
import java.nio.ByteOrder;

/** The wire format: a 4-byte big-endian length, then that many bytes of payload. */
final class Frames {
    /** Bytes in front of each payload. */
    static final int HEADER_BYTES = Integer.BYTES;

    /** The longest payload that is accepted. */
    static final int PAYLOAD_BYTES_MAX = 64 << 20;

    /** At how many bytes of answers nobody waits for more answers to share the flush. */
    static final int FLUSH_BYTES = 64 << 10;

    private static final ValueLayout.OfInt HEADER = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private Frames() {}

    /** Reads one frame, and waits for it if need be. Its length is checked before memory is taken for it. */
    static Message read(Reader in) throws IOException {
        int length = checked(in.readInt());
        return new Message(in.readBytes(length));
    }

    /** Writes one frame; the caller flushes. */
    static void write(Writer out, Message message) throws IOException {
        byte[] body = message.body();
        out.writeInt(body.length).writeBytes(body);
    }

    /** {@return whether {@link #read} would neither wait nor fail} Consumes nothing and never waits. */
    static boolean isNextComplete(Reader in) throws IOException {
        long readable = in.readableBytes();
        return readable >= HEADER_BYTES && readable - HEADER_BYTES >= Integer.toUnsignedLong(announced(in));
    }

    /**
     * {@return how many bytes the next frame has, or how many its header has as long as not even that has arrived}
     * Consumes nothing and never waits.
     *
     * @throws ProtocolException if the frame is longer than {@link #PAYLOAD_BYTES_MAX}
     */
    static int bytesOfNext(Reader in) throws IOException {
        return in.readableBytes() < HEADER_BYTES ? HEADER_BYTES : HEADER_BYTES + checked(announced(in));
    }

    private static int announced(Reader in) throws IOException {
        return in.peek(HEADER_BYTES).get(HEADER, 0);
    }

    private static int checked(int length) throws ProtocolException {
        if (length < 0 || length > PAYLOAD_BYTES_MAX) {
            throw new ProtocolException("a frame of " + Integer.toUnsignedLong(length)
                    + " bytes was announced, at most " + PAYLOAD_BYTES_MAX + " are accepted");
        }
        return length;
    }
}

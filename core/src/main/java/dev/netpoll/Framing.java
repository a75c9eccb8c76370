// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import java.nio.ByteOrder;
import java.util.Objects;

/**
 * Says where the frames of a stream end, so that the request handler runs once for each whole frame and never has to
 * wait for the rest of one. Pass it to {@link ProtocolSettings#framing}. Immutable; shareable.
 *
 * <pre>
 *   | offset bytes | length field | length + adjustment bytes |
 *   |&lt;---------------------- frame -------------------------&gt;|
 * </pre>
 *
 * <p><b>Runs.</b> A run begins when the next frame has arrived to its last byte. Until then no thread wakes or waits,
 * however long it takes. The handler reads the frame from its first byte, header included. When it returns, the library
 * skips what it left of the frame. {@code readableBytes()} may show more than the frame. A handler may read on, as
 * without framing; the next frame begins where it stopped. {@link Connection#demand} has no effect. Frames that follow
 * go to further runs at once. The first frame begins where onConnect stopped reading. A handler on an event loop that
 * returned because of {@link Connection#isWritable} keeps what it left, and runs again when the output has drained,
 * whether or not a frame has arrived.
 *
 * <p><b>Limits.</b> A frame may be larger than the inbound high mark. Before it receives a frame's bytes, the library
 * refuses a length that is too large, negative, or has too many bits: the error handler gets a {@link
 * FrameTooLargeException}, and the connection is closed.
 *
 * <p><b>End.</b> When the peer finishes in the middle of a frame, the handler does not run for it, and the connection
 * ends as it does between frames. The read time-out does not limit a frame that arrives slowly, because no thread waits
 * for it; the idle time-out counts from the last byte.
 *
 * @since 0.1
 */
public final class Framing {
    private static final int VARINT = 0;

    private final int offset;
    private final int width;
    private final ByteOrder order;
    private final int adjustment;
    private final int maxFrameLength; // 0: as the options say

    private Framing(int offset, int width, ByteOrder order, int adjustment, int maxFrameLength) {
        this.offset = offset;
        this.width = width;
        this.order = order;
        this.adjustment = adjustment;
        this.maxFrameLength = maxFrameLength;
    }

    /**
     * {@return frames whose length is a number at a fixed place} The number is unsigned, its high byte comes first, and
     * it counts the bytes behind the field; see {@link #byteOrder} and {@link #adjustment}.
     *
     * @param offset number of bytes before the length field; zero or more
     * @param width number of bytes of the length field: 1, 2, 3, 4 or 8
     * @throws IllegalArgumentException if one of them is outside its range
     */
    public static Framing lengthField(int offset, int width) {
        if (offset < 0) {
            throw new IllegalArgumentException("offset must not be negative: " + offset);
        }
        if ((width < 1 || width > 4) && width != 8) {
            throw new IllegalArgumentException("width must be 1, 2, 3, 4 or 8 bytes: " + width);
        }
        return new Framing(offset, width, ByteOrder.BIG_ENDIAN, 0, 0);
    }

    /**
     * {@return frames that are a varint with the number of bytes behind it, and these bytes} This is the format of
     * Protocol Buffers' delimited messages: the length has 32 bits at most, seven in each byte, the lowest first.
     */
    public static Framing varint() {
        return new Framing(0, VARINT, ByteOrder.LITTLE_ENDIAN, 0, 0);
    }

    /**
     * {@return the same with another byte order of the length field}
     *
     * @throws IllegalStateException for a varint, which has only one
     */
    public Framing byteOrder(ByteOrder order) {
        Objects.requireNonNull(order, "order");
        if (width == VARINT) {
            throw new IllegalStateException("the byte order of a varint cannot be chosen");
        }
        return new Framing(offset, width, order, adjustment, maxFrameLength);
    }

    /**
     * {@return the same with another adjustment}
     *
     * @param bytes the number to add to the length to get the number of bytes behind the length field. For a length
     *     that counts the whole frame it is {@code -(offset + width)}; for a checksum that is not counted, its size.
     *     The library refuses a length that is less than a negative adjustment needs.
     */
    public Framing adjustment(int bytes) {
        return new Framing(offset, width, order, bytes, maxFrameLength);
    }

    /**
     * {@return the same with another limit} Initially {@link ConnectionOptions#maxFrameLength}, which also limits what
     * a single read may ask for.
     *
     * @param bytes the most bytes of a frame, everything included
     * @throws IllegalArgumentException if it is not positive
     */
    public Framing maxFrameLength(int bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException("maxFrameLength must be positive: " + bytes);
        }
        return new Framing(offset, width, order, adjustment, bytes);
    }

    /** {@return whether the length is a varint at the beginning of the frame, else a number at a fixed place} */
    public boolean isVarint() {
        return width == VARINT;
    }

    /** {@return the number of bytes before the length field} */
    public int offset() {
        return offset;
    }

    /** {@return the number of bytes of the length field, or 0 for a varint} */
    public int width() {
        return width;
    }

    /** {@return the byte order of the length field} */
    public ByteOrder byteOrder() {
        return order;
    }

    /** {@return the number that is added to the length to get the number of bytes behind the length field} */
    public int adjustment() {
        return adjustment;
    }

    /** {@return the most bytes of a frame on connections with these options, everything included} */
    public int maxFrameLength(ConnectionOptions options) {
        return maxFrameLength == 0 ? options.maxFrameLength() : maxFrameLength;
    }

    /** Refuses a limit that lets no frame through. */
    void check(ConnectionOptions options) {
        long shortest = (long) offset + Math.max(1, width) + Math.max(0, adjustment);
        int longest = maxFrameLength(options);
        if (shortest > longest) {
            throw new IllegalArgumentException("the shortest frame has " + shortest
                    + " bytes, but maxFrameLength allows " + longest + "; raise the limit");
        }
    }

    /** {@return the settings} */
    @Override
    public String toString() {
        String field = width == VARINT ? "varint" : "lengthField(" + offset + ", " + width + ", " + order + ")";
        return "Framing[" + field + ", adjustment " + adjustment
                + (maxFrameLength == 0 ? "]" : ", at most " + maxFrameLength + " bytes]");
    }
}

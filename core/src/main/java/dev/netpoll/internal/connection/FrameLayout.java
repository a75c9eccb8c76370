// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.ConnectionOptions;
import dev.netpoll.Framing;
import dev.netpoll.internal.memory.SegmentReader;
import java.nio.ByteOrder;

/**
 * Computes where the frames of a stream end: the arithmetic behind {@link Framing}. Immutable; any thread.
 *
 * <p>A frame is {@code offset} bytes, the length field, and as many bytes as the field says plus {@code adjustment}.
 * Numbers from the peer are compared with the limits before they are added to anything, so nothing overflows.
 */
final class FrameLayout {
    /** More bytes must come before the length is known. */
    static final long UNKNOWN = 0;

    /** The length is not allowed. */
    static final long REFUSED = -1;

    /** A length of variable size has 32 bits, as in Protocol Buffers. */
    private static final int VARINT_BITS = 32;

    private final int offset;
    private final int width;
    private final boolean littleEndian;
    private final int adjustment;
    private final int lengthMax;

    /** Frames as the user describes them, on connections with these options. */
    FrameLayout(Framing framing, ConnectionOptions options) {
        this(
                framing.offset(),
                framing.width(),
                framing.byteOrder() == ByteOrder.LITTLE_ENDIAN,
                framing.adjustment(),
                framing.maxFrameLength(options));
    }

    /**
     * Frames with these properties.
     *
     * @param offset bytes before the length field
     * @param width bytes of the length field, 1 to 8, or 0 for a varint
     * @param littleEndian whether the field's low byte comes first
     * @param adjustment what is added to the field's value to get the number of bytes behind it
     * @param lengthMax the most bytes of a frame, everything included; no less than the shortest
     */
    FrameLayout(int offset, int width, boolean littleEndian, int adjustment, int lengthMax) {
        this.offset = offset;
        this.width = width;
        this.littleEndian = littleEndian;
        this.adjustment = adjustment;
        this.lengthMax = lengthMax;
    }

    /** {@return how many bytes the length needs to be known; with a varint, at least} */
    long lengthBytesMin() {
        return (long) offset + Math.max(1, width);
    }

    /** {@return the most bytes of a frame} */
    int lengthMax() {
        return lengthMax;
    }

    /**
     * {@return the length of the frame at the front, everything included; or {@link #UNKNOWN} or {@link #REFUSED}}
     * Consumes nothing.
     *
     * @param readable how many bytes are in the buffer
     */
    long length(SegmentReader in, long readable) {
        if (readable < lengthBytesMin()) {
            return UNKNOWN;
        }
        if (width == 0) {
            int size = varIntSize(in, readable);
            return size <= 0 ? size : total(varInt(in, size), size);
        }
        return total(in.numberAt(offset, width, littleEndian), width);
    }

    /** {@return why the frame at the front is refused, as text for a message} */
    String refusal(SegmentReader in) {
        int size = width != 0 ? width : varIntSize(in, in.length());
        if (size <= 0) {
            return refusal("more than 32 bits", false);
        }
        long value = width != 0 ? in.numberAt(offset, width, littleEndian) : varInt(in, size);
        return refusal(Long.toUnsignedString(value), value >= 0 && value < valueMin());
    }

    private String refusal(String value, boolean tooSmall) {
        return "the length field of a frame says " + value
                + (tooSmall
                        ? ", but it counts " + valueMin() + " bytes that every frame has"
                        : ", but a frame may have " + lengthMax + " bytes at most, the field included");
    }

    /** {@return the least value of the length field: it may count what comes before the rest of the frame} */
    private long valueMin() {
        return Math.max(0, -(long) adjustment);
    }

    private long total(long value, int size) {
        long fixed = (long) offset + size + adjustment;
        return value < valueMin() || value > lengthMax - fixed ? REFUSED : fixed + value;
    }

    /** The size of the varint; {@link #UNKNOWN} if its end is not there, {@link #REFUSED} if it has too many bits. */
    private int varIntSize(SegmentReader in, long readable) {
        long there = readable - offset;
        for (int size = 1; size <= there; size++) {
            long last = in.numberAt(offset + size - 1, 1, false);
            if (size * 7 > VARINT_BITS && last >>> (VARINT_BITS - (size - 1) * 7) != 0) {
                return (int) REFUSED;
            }
            if (last < 0x80) {
                return size;
            }
        }
        return (int) UNKNOWN;
    }

    private long varInt(SegmentReader in, int size) {
        long value = 0;
        for (int i = size - 1; i >= 0; i--) {
            value = value << 7 | (in.numberAt(offset + i, 1, false) & 0x7F);
        }
        return value;
    }
}

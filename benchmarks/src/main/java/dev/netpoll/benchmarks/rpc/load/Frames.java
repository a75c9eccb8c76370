// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The request frames of one load loop in native memory, and the check of answers.
 *
 * <p>All requests of a run are the same but for the mark and the number, so one set of frames is enough for all
 * connections: a frame is stamped right before it is sent, and again if only a part of it could be sent. In the same
 * way answers need no memory of their own: what has arrived is compared at once, and only the first bytes of a frame,
 * which differ, are collected by their connection.
 */
final class Frames {
    /** The part of a frame that differs between requests: header, mark, number. */
    static final int HEAD_BYTES = Wire.HEADER_BYTES + Wire.NUMBERED_PAYLOAD_MIN;

    private static final int SEND_BYTES = 256 << 10;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private final Marks marks;
    private final int payloadBytes;
    private final int frameBytes;
    private final int headBytes;
    private final int batch;
    private final MemorySegment memory;
    private final ByteBuffer[] payloads;
    private final MemorySegment expected;
    private final ByteBuffer expectedPayload;

    Frames(LoadPlan plan, Marks marks) {
        this.marks = marks;
        payloadBytes = plan.payload();
        frameBytes = Wire.HEADER_BYTES + payloadBytes;
        headBytes = Math.min(HEAD_BYTES, frameBytes);
        batch = Math.clamp(SEND_BYTES / frameBytes, 1, plan.pipeline());
        memory = Arena.ofAuto().allocate((long) batch * frameBytes, 64);
        byte[] payload = Wire.payload(plan);
        payloads = new ByteBuffer[batch];
        for (int i = 0; i < batch; i++) {
            MemorySegment frame = memory.asSlice((long) i * frameBytes, frameBytes);
            payloads[i] = fill(frame, payload);
        }
        expected = Arena.ofAuto().allocate(frameBytes, 64);
        expectedPayload = fill(expected, payload);
    }

    private static ByteBuffer fill(MemorySegment frame, byte[] payload) {
        frame.set(INT, 0, payload.length);
        MemorySegment.copy(payload, 0, frame, JAVA_BYTE, Wire.HEADER_BYTES, payload.length);
        return frame.asSlice(Wire.HEADER_BYTES).asByteBuffer().order(ByteOrder.BIG_ENDIAN);
    }

    int frameBytes() {
        return frameBytes;
    }

    int headBytes() {
        return headBytes;
    }

    /** {@return how many frames lie in a row} */
    int batch() {
        return batch;
    }

    /** {@return where they begin} */
    long address() {
        return memory.address();
    }

    /** Makes frame {@code index} of the row the request with this number. */
    void stamp(int index, long number) {
        Wire.stamp(payloads[index], number, marks);
    }

    /** {@return whether the length of an answer is right} */
    boolean isLength(MemorySegment from, long at) {
        return from.get(INT, at) == payloadBytes;
    }

    /** {@return whether the whole frame at {@code at} answers the request with this number} */
    boolean isAnswer(MemorySegment from, long at, long number) {
        return Wire.isSampled(number) ? isSame(from, at, number, frameBytes) : isNumbered(from, at, number);
    }

    /** {@return whether the first {@link #headBytes} bytes of a frame are those of the answer to this request} */
    boolean isHead(MemorySegment from, long at, long number) {
        return Wire.isSampled(number) ? isSame(from, at, number, headBytes) : isNumbered(from, at, number);
    }

    /** {@return whether bytes of an answer after its head are what was sent} */
    boolean isBody(MemorySegment from, long at, long number, long frameAt, long length) {
        return !Wire.isSampled(number)
                || MemorySegment.mismatch(from, at, at + length, expected, frameAt, frameAt + length) < 0;
    }

    private boolean isNumbered(MemorySegment from, long at, long number) {
        return isLength(from, at)
                && (payloadBytes < Wire.NUMBERED_PAYLOAD_MIN
                        || from.get(LONG, at + Wire.HEADER_BYTES + Wire.NUMBER_AT) == number);
    }

    private boolean isSame(MemorySegment from, long at, long number, int length) {
        Wire.stamp(expectedPayload, number, marks);
        return MemorySegment.mismatch(from, at, at + length, expected, 0, length) < 0;
    }
}

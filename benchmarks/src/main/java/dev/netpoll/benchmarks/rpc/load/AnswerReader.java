// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Where a load loop receives, and the check of what it received. */
final class AnswerReader {
    /** How many bytes are received at a time. */
    static final int BYTES = 256 << 10;

    private static final String NOT_SENT = "not the bytes that were sent";

    private final MemorySegment received = Arena.ofAuto().allocate(BYTES, 4096);
    private final Frames frames;
    private final Recorder recorder;

    /** The first bytes of answers that arrive in pieces, one place for each connection. */
    private final MemorySegment heads;

    AnswerReader(Frames frames, Recorder recorder, int connections) {
        this.frames = frames;
        this.recorder = recorder;
        heads = Arena.ofAuto().allocate((long) connections * Frames.HEAD_BYTES, 64);
    }

    long address() {
        return received.address();
    }

    /** Records the answers that became complete; returns false if something is wrong, and records that too. */
    boolean check(LoadConnection connection, long count, long now) {
        int frameBytes = frames.frameBytes();
        long at = 0;
        while (at < count) {
            if (connection.answered == connection.sent) {
                return wrong("bytes that nobody asked for");
            }
            long number = connection.number(connection.answered);
            if (connection.answerOffset == 0 && count - at >= frameBytes) {
                if (!frames.isAnswer(received, at, number)) {
                    return wrong(NOT_SENT);
                }
                at += frameBytes;
            } else {
                long length = piece(connection, at, count - at, number);
                if (length < 0) {
                    return wrong(NOT_SENT);
                }
                at += length;
                connection.answerOffset += length;
                if (connection.answerOffset < frameBytes) {
                    continue;
                }
                connection.answerOffset = 0;
            }
            recorder.answered(connection.startOf(connection.answered), now, number);
            connection.answered++;
        }
        return true;
    }

    /** Checks a piece of an answer; returns its length, or -1 if it is wrong. */
    private long piece(LoadConnection connection, long at, long available, long number) {
        long offset = connection.answerOffset;
        int headBytes = frames.headBytes();
        if (offset >= headBytes) {
            long length = Math.min(available, frames.frameBytes() - offset);
            return frames.isBody(received, at, number, offset, length) ? length : -1;
        }
        long length = Math.min(available, headBytes - offset);
        long head = (long) connection.index * Frames.HEAD_BYTES;
        MemorySegment.copy(received, at, heads, head + offset, length);
        long end = offset + length;
        boolean right = (end < Wire.HEADER_BYTES || frames.isLength(heads, head))
                && (end < headBytes || frames.isHead(heads, head, number));
        return right ? length : -1;
    }

    private boolean wrong(String what) {
        recorder.wrong(what);
        return false;
    }
}

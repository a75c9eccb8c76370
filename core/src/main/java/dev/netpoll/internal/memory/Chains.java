// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Read-only queries of a chain of segments. Its owner only. */
final class Chains {
    private Chains() {}

    /** The offset of the first {@code wanted} at or after the offset {@code from}, or -1. */
    static long indexOf(@Nullable Segment chain, byte wanted, long from) {
        long offset = 0;
        for (Segment segment = chain; segment != null; segment = segment.next) {
            int n = segment.length();
            if (from < offset + n) {
                int at = segment.start + (int) Math.max(0, from - offset);
                int found = Layouts.indexOf(segment.memory, at, segment.end, wanted);
                if (found >= 0) {
                    return offset + found - segment.start;
                }
            }
            offset += n;
        }
        return -1;
    }

    /** The unsigned number of {@code width} bytes at an offset, which must exist. */
    static long number(Segment chain, int offset, int width, boolean littleEndian) {
        Segment segment = chain;
        int at = offset;
        long value = 0;
        for (int i = 0; i < width; i++) {
            while (at >= segment.length()) {
                at -= segment.length();
                segment = Misuse.present(segment.next);
            }
            long b = segment.getByte(segment.start + at) & 0xFF;
            value = littleEndian ? value | b << (i * Byte.SIZE) : value << Byte.SIZE | b;
            at++;
        }
        return value;
    }

    /** The size in bytes of the varint at the front; 0 if it is incomplete, -1 if it has too many bits. */
    static int varIntSize(@Nullable Segment chain, int bits) {
        int max = VarInts.maxSize(bits);
        int size = 0;
        for (Segment segment = chain; segment != null; segment = segment.next) {
            for (int i = segment.start; i < segment.end; i++) {
                byte b = segment.getByte(i);
                size++;
                if (b >= 0) {
                    return size == max && VarInts.overflows(b, bits) ? -1 : size;
                }
                if (size == max) {
                    return -1;
                }
            }
        }
        return 0;
    }

    /** Copies the first {@code count} bytes, which exist, to {@code dst[offset..]}. */
    static void copy(@Nullable Segment chain, byte[] dst, int offset, int count) {
        int done = 0;
        for (Segment s = chain; s != null && done < count; s = s.next) {
            int n = Math.min(count - done, s.length());
            MemorySegment.copy(s.memory, Layouts.BYTE, s.start, dst, offset + done, n);
            done += n;
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.lang.foreign.MemorySegment;

/** Encodes short strings straight into native memory, without an array in between. */
final class Utf8 {
    /** No char of a string needs more bytes: a surrogate pair has four for its two chars. */
    static final int MAX_BYTES_PER_CHAR = 3;

    private Utf8() {}

    /**
     * Encodes {@code text} at the index {@code at}, where there is room for {@link #MAX_BYTES_PER_CHAR} bytes a char. An
     * unpaired surrogate becomes {@code '?'}.
     *
     * @return the index behind the last byte
     */
    static int encode(String text, MemorySegment memory, int at) {
        int n = text.length();
        for (int i = 0; i < n; i++) {
            char c = text.charAt(i);
            if (c >= 0x80) {
                return encodeRest(text, i, memory, at + i);
            }
            memory.set(Layouts.BYTE, at + i, (byte) c);
        }
        return at + n;
    }

    private static int encodeRest(String text, int from, MemorySegment memory, int at) {
        int end = at;
        int i = from;
        while (i < text.length()) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            if (c < 0x80) {
                memory.set(Layouts.BYTE, end++, (byte) c);
            } else if (c < 0x800) {
                memory.set(Layouts.BYTE, end++, (byte) (0xC0 | (c >> 6)));
                memory.set(Layouts.BYTE, end++, continuation(c));
            } else if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
                memory.set(Layouts.BYTE, end++, (byte) '?');
            } else if (c < Character.MIN_SUPPLEMENTARY_CODE_POINT) {
                memory.set(Layouts.BYTE, end++, (byte) (0xE0 | (c >> 12)));
                memory.set(Layouts.BYTE, end++, continuation(c >> 6));
                memory.set(Layouts.BYTE, end++, continuation(c));
            } else {
                memory.set(Layouts.BYTE, end++, (byte) (0xF0 | (c >> 18)));
                memory.set(Layouts.BYTE, end++, continuation(c >> 12));
                memory.set(Layouts.BYTE, end++, continuation(c >> 6));
                memory.set(Layouts.BYTE, end++, continuation(c));
            }
        }
        return end;
    }

    private static byte continuation(int bits) {
        return (byte) (0x80 | (bits & 0x3F));
    }
}

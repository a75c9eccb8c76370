// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import static java.nio.charset.StandardCharsets.UTF_8;

/** Encodes text straight into segments, without an array in between. */
final class Utf8 {
    /** Up to this length a plain loop is as fast as the call of the vectorised copy. */
    private static final int SHORT = 16;

    /** How many characters of a text are sampled for a guess whether it is ASCII. */
    private static final int SAMPLES = 32;

    /** Never a byte of UTF-8. */
    private static final byte MARK = (byte) 0xFF;

    private Utf8() {}

    /** The room that {@link #encode} needs for {@code chars} characters, a terminator and a mark after them. */
    static long room(int chars) {
        return 3L * chars + 2;
    }

    /**
     * Writes {@code text} at the index {@code at}, where the segment has {@link #room}; changes bytes after it, too. An
     * unpaired surrogate becomes {@code '?'}.
     *
     * @return the number of bytes of the text
     */
    static int encode(String text, Segment target, int at) {
        int chars = text.length();
        if (chars <= SHORT || !looksLikeAscii(text)) {
            return encodeChars(text, target, at);
        }
        // The runtime copies an ASCII string as it is, but does not say whether it was one. If so, the terminator is
        // the last byte written, and the mark after it is still there.
        target.setByte(at + chars + 1, MARK);
        target.memory.setString(at, text, UTF_8);
        return target.getByte(at + chars + 1) == MARK ? chars : encodeChars(text, target, at);
    }

    /**
     * Like {@link #encode}, but with room for only two bytes more than {@code text} has characters.
     *
     * @return whether it is ASCII; if not, the written bytes are useless. Finding that out is expensive.
     */
    static boolean encodeAscii(String text, Segment target, int at) {
        int chars = text.length();
        if (chars <= SHORT || !looksLikeAscii(text)) {
            return false;
        }
        try {
            target.setByte(at + chars + 1, MARK);
            target.memory.setString(at, text, UTF_8);
            return target.getByte(at + chars + 1) == MARK;
        } catch (IndexOutOfBoundsException e) {
            return false; // it is longer
        }
    }

    /** Guesses from samples all over the text. */
    private static boolean looksLikeAscii(String text) {
        int last = text.length() - 1;
        int step = (last / SAMPLES) | 1; // odd, as patterns seldom are
        int seen = text.charAt(last);
        for (int i = 0; i < last; i += step) {
            seen |= text.charAt(i);
        }
        return seen < 0x80;
    }

    /** Like {@link #encode}, for a text that does not seem to be ASCII. */
    static int encodeChars(String text, Segment target, int from) {
        int at = from;
        int chars = text.length();
        for (int i = 0; i < chars; i++) {
            char c = text.charAt(i);
            if (c < 0x80) {
                target.setByte(at++, (byte) c);
            } else if (c < 0x800) {
                target.setByte(at++, (byte) (0xC0 | (c >> 6)));
                target.setByte(at++, (byte) (0x80 | (c & 0x3F)));
            } else if (!Character.isSurrogate(c)) {
                target.setByte(at++, (byte) (0xE0 | (c >> 12)));
                target.setByte(at++, (byte) (0x80 | ((c >> 6) & 0x3F)));
                target.setByte(at++, (byte) (0x80 | (c & 0x3F)));
            } else if (Character.isHighSurrogate(c) && i + 1 < chars && Character.isLowSurrogate(text.charAt(i + 1))) {
                int codePoint = Character.toCodePoint(c, text.charAt(++i));
                target.setByte(at++, (byte) (0xF0 | (codePoint >> 18)));
                target.setByte(at++, (byte) (0x80 | ((codePoint >> 12) & 0x3F)));
                target.setByte(at++, (byte) (0x80 | ((codePoint >> 6) & 0x3F)));
                target.setByte(at++, (byte) (0x80 | (codePoint & 0x3F)));
            } else {
                target.setByte(at++, (byte) '?');
            }
        }
        return at - from;
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.memory;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The user's limit for the memory of the shared pool. */
final class PoolLimit {
    /** The system property: a number of bytes, or with one of the suffixes k, m, g. */
    static final String PROPERTY = "dev.netpoll.memory.max";

    private static final long MIN_DEFAULT = 256L << 20;

    private PoolLimit() {}

    /** The cap for the property's value {@code text}; null means the property is not set. */
    static long parse(@Nullable String text) {
        if (text == null) {
            return Math.max(MIN_DEFAULT, Runtime.getRuntime().maxMemory());
        }
        String number = text.strip().toLowerCase(Locale.ROOT);
        int shift = number.isEmpty() ? 0 : 10 * ("kmg".indexOf(number.charAt(number.length() - 1)) + 1);
        try {
            long value = Long.parseLong(shift == 0 ? number : number.substring(0, number.length() - 1));
            if (value > 0 && value <= Long.MAX_VALUE >> shift) {
                return value << shift;
            }
        } catch (NumberFormatException e) {
            throw invalid(text, e);
        }
        throw invalid(text, null);
    }

    private static IllegalArgumentException invalid(String text, @Nullable Throwable cause) {
        return new IllegalArgumentException(
                "-D" + PROPERTY + "=" + text + " is not a positive number of bytes, as 512m or 2g", cause);
    }
}

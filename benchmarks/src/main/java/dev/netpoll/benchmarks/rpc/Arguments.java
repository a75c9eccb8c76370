// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** How values on the command line are read. */
final class Arguments {
    private static final long PAYLOAD_MAX = 16 << 20;

    private Arguments() {}

    /** {@code 1024}, {@code 64K}, {@code 1M}. */
    static final class Size implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            String digits = text.toUpperCase(Locale.ROOT);
            int shift = digits.endsWith("K") ? 10 : digits.endsWith("M") ? 20 : 0;
            digits = shift > 0 ? digits.substring(0, digits.length() - 1) : digits;
            if (!digits.matches("[0-9]{1,9}") || Long.parseLong(digits) << shift > PAYLOAD_MAX) {
                throw new TypeConversionException("'" + text + "' is no size from 0 to 16M, such as 1024, 64K or 1M");
            }
            return (int) (Long.parseLong(digits) << shift);
        }
    }

    /** {@code 70%} or {@code 0.7}. */
    static final class Share implements ITypeConverter<Double> {
        @Override
        public Double convert(String text) {
            boolean percent = text.endsWith("%");
            double share;
            try {
                share = Double.parseDouble(percent ? text.substring(0, text.length() - 1) : text) / (percent ? 100 : 1);
            } catch (NumberFormatException e) {
                share = Double.NaN;
            }
            if (!(share >= 0 && share <= 1)) {
                throw new TypeConversionException("'" + text + "' is no share from 0% to 100%, such as 70% or 0.7");
            }
            return share;
        }
    }

    /** Parts a command at its spaces, as a shell does with quotes; nothing else of a shell is understood. */
    static List<String> words(String command) {
        List<String> words = new ArrayList<>();
        StringBuilder word = new StringBuilder();
        boolean inWord = false;
        char quote = 0;
        for (int i = 0; i < command.length(); i++) {
            char c = command.charAt(i);
            if (quote != 0 ? c == quote : c == '\'' || c == '"') {
                quote = quote == 0 ? c : 0;
                inWord = true;
            } else if (quote == 0 && Character.isWhitespace(c)) {
                if (inWord) {
                    words.add(word.toString());
                }
                word.setLength(0);
                inWord = false;
            } else {
                word.append(c);
                inWord = true;
            }
        }
        if (inWord) {
            words.add(word.toString());
        }
        return words;
    }
}

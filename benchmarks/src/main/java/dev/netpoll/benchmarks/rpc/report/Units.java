// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.report;

import java.util.Locale;

/** Figures as people read them. */
public final class Units {
    private Units() {}

    /** {@code 64 B}, {@code 1 KiB}, {@code 1.5 MiB}; a dash for what is not a number. */
    public static String bytes(double bytes) {
        if (Double.isNaN(bytes)) {
            return "-";
        }
        double figure = bytes;
        for (String unit : new String[] {" B", " KiB", " MiB"}) {
            if (figure < 1024) {
                return plain(figure) + unit;
            }
            figure /= 1024;
        }
        return plain(figure) + " GiB";
    }

    /** Three digits and no more than are needed; a dash for what is not a number. */
    public static String plain(double figure) {
        if (Double.isNaN(figure)) {
            return "-";
        }
        if (figure == Math.rint(figure) || Math.abs(figure) >= 100) {
            return String.format(Locale.ROOT, "%,.0f", figure);
        }
        return String.format(Locale.ROOT, Math.abs(figure) >= 10 ? "%.1f" : "%.2f", figure);
    }

    /** A share as {@code 1 %}. */
    public static String percent(double share) {
        return plain(share * 100) + " %";
    }
}

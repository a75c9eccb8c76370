// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The median of some figures, and the least and the greatest of them. */
public record Spread(double median, double min, double max) {
    /** Of those that are numbers; null if none is. */
    public static @Nullable Spread of(List<Double> figures) {
        List<Double> sorted =
                figures.stream().filter(figure -> !figure.isNaN()).sorted().toList();
        return sorted.isEmpty() ? null : new Spread(median(sorted), sorted.getFirst(), sorted.getLast());
    }

    /**
     * Of the quotients of what was measured in the same round: what slows a machine down for a while slows both of
     * them.
     * The keys are rounds; one that only one side has does not count.
     */
    public static @Nullable Spread ofRatios(Map<String, Double> figures, Map<String, Double> dividedBy) {
        List<Double> ratios = new ArrayList<>();
        new TreeMap<>(figures).forEach((round, figure) -> {
            Double divisor = dividedBy.get(round);
            if (divisor != null && divisor != 0) {
                ratios.add(figure / divisor);
            }
        });
        return of(ratios);
    }

    /** The median; NaN if there is no figure. */
    public static double median(List<Double> figures) {
        List<Double> sorted =
                figures.stream().filter(figure -> !figure.isNaN()).sorted().toList();
        if (sorted.isEmpty()) {
            return Double.NaN;
        }
        int middle = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }

    /** Of the same kind as in the tables: {@code 1.42 [1.38..1.47]}. */
    @Override
    public String toString() {
        return min == max
                ? String.format(Locale.ROOT, "%.2f", median)
                : String.format(Locale.ROOT, "%.2f [%.2f..%.2f]", median, min, max);
    }
}

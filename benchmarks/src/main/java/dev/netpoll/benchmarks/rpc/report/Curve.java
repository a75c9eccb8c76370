// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.report;

import dev.netpoll.benchmarks.rpc.report.Results.Latency;
import dev.netpoll.benchmarks.rpc.report.Results.Run;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.zip.DataFormatException;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/** Latency by percentile, over all rounds of a peer. */
public final class Curve {
    private static final double[] PERCENTILES = {
        0, 10, 25, 50, 60, 70, 75, 80, 85, 90, 92.5, 95, 97, 98, 99, 99.3, 99.5, 99.7, 99.8, 99.9, 99.95, 99.97, 99.99,
        99.995, 99.999, 99.9995, 99.9999
    };

    /** A point of the curve. */
    public record Point(double percentile, double micros) {}

    private Curve() {}

    static List<Point> of(List<Run> runs) {
        @Nullable Histogram sum = null;
        for (Run run : runs) {
            String text = run.load().histogram();
            if (text == null || text.isEmpty()) {
                return few(runs.getFirst().load().latency());
            }
            Histogram histogram = decode(text);
            if (sum == null) {
                sum = histogram;
                sum.setAutoResize(true);
            } else {
                sum.add(histogram);
            }
        }
        return sum == null ? List.of() : points(sum);
    }

    /** A percentile that fewer than two requests lie above says nothing new. */
    private static List<Point> points(Histogram histogram) {
        List<Point> points = new ArrayList<>();
        for (double percentile : PERCENTILES) {
            if (percentile == 0 || Math.round(histogram.getTotalCount() * (100 - percentile) / 100) >= 2) {
                points.add(new Point(percentile, histogram.getValueAtPercentile(percentile) / 1e3));
            }
        }
        return points;
    }

    private static List<Point> few(Latency latency) {
        return List.of(
                new Point(50, latency.p50() / 1e3),
                new Point(90, latency.p90() / 1e3),
                new Point(99, latency.p99() / 1e3),
                new Point(99.9, latency.p999() / 1e3));
    }

    private static Histogram decode(String text) {
        try {
            return Histogram.decodeFromCompressedByteBuffer(
                    ByteBuffer.wrap(Base64.getDecoder().decode(text)), 0);
        } catch (DataFormatException e) {
            throw new IllegalArgumentException("no compressed histogram", e);
        }
    }
}

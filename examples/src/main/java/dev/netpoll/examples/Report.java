// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;
import org.HdrHistogram.Histogram;

/** What a {@link Load} tells people: a line now and then, and a table in the end. */
final class Report {
    private static final double NANOS_PER_MILLI = 1e6;
    private static final double NANOS_PER_SECOND = 1e9;

    private final Load load;
    private final PrintStream out;

    Report(Load load, PrintStream out) {
        this.load = load;
        this.out = out;
    }

    /** {@return one line on how it goes} */
    String progress() {
        double seconds = seconds(load.measured());
        if (seconds < 0) {
            return format("warming up  %,12d requests  %d errors", load.warmUpAnswers(), load.errors());
        }
        return format(
                "%5.1f s  %,12d requests  %,9.0f requests/s  %d errors",
                seconds, load.answers(), load.answers() / Math.max(seconds, 1e-3), load.errors());
    }

    /** Prints a row of the table. */
    void row(String name, String value) {
        out.println(format("%-12s  %s", name, value));
    }

    /** Prints the rows of counts. */
    void counts(Duration measured) {
        row(
                "requests",
                format("%,d in %.1f s, after %,d to warm up", load.answers(), seconds(measured), load.warmUpAnswers()));
        row("errors", format("%,d", load.errors()));
        row("requests/s", format("%,.0f", load.answers() / Math.max(seconds(measured), 1e-3)));
    }

    /** Prints the rows of latencies. */
    void latencies(Duration slowWork) {
        Histogram all = load.quick().copy();
        all.add(load.slow());
        out.println();
        row("latency, ms", format("%9s %9s %9s %9s", "p50", "p99", "p99.9", "max"));
        row("all", percentiles(all));
        row("  quick", percentiles(load.quick()));
        row(
                "  blocking",
                percentiles(load.slow())
                        + format(
                                "   %,d (1 %% of the requests) met a handler that blocks for %d ms",
                                load.slow().getTotalCount(), slowWork.toMillis()));
        out.println("Latencies are those of a closed loop: a caller sends the next request after it has the answer,");
        out.println("so they show what these callers saw, not what requests at a fixed rate would see.");
    }

    private static String percentiles(Histogram nanos) {
        return format(
                "%9.3f %9.3f %9.3f %9.3f",
                nanos.getValueAtPercentile(50) / NANOS_PER_MILLI,
                nanos.getValueAtPercentile(99) / NANOS_PER_MILLI,
                nanos.getValueAtPercentile(99.9) / NANOS_PER_MILLI,
                nanos.getMaxValue() / NANOS_PER_MILLI);
    }

    private static double seconds(Duration duration) {
        return duration.toNanos() / NANOS_PER_SECOND;
    }

    @SuppressWarnings("AnnotateFormatMethod") // that annotation would be a dependency
    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.load;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Base64;
import java.util.zip.Deflater;
import org.HdrHistogram.AbstractHistogram;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/** What a run found, and the answer to its command. Not thread-safe. */
final class Outcome {
    /** Longer waits are recorded as this. */
    static final long LATENCY_MAX_NANOS = 120_000_000_000L;

    static final int DIGITS = 3;

    final Histogram plain = newHistogram();
    final Histogram marked = newHistogram();

    /** Answers that arrived in the measured part. */
    long requests;

    /** All that went wrong in the whole run; wrong answers and time-outs are among them. */
    long errors;

    long wrong;
    long timeouts;
    long behind;
    Window.@Nullable Measured measured;

    private @Nullable String firstError;

    static Histogram newHistogram() {
        return new Histogram(1, LATENCY_MAX_NANOS, DIGITS);
    }

    /** Notes an error that is counted already. */
    void failed(String message) {
        if (firstError == null) {
            firstError = message;
        }
    }

    /** {@return the answer to a command that could not be run} */
    static String failure(Exception e) {
        Outcome outcome = new Outcome();
        outcome.errors = 1;
        outcome.failed(e instanceof IllegalArgumentException ? String.valueOf(e.getMessage()) : e.toString());
        return outcome.toJson();
    }

    /** {@return the answer, in one line} */
    String toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        double seconds = measured == null ? 0 : measured.seconds();
        json.put("requests", requests)
                .put("seconds", seconds)
                .put("throughput", seconds == 0 ? 0 : requests / seconds)
                .put("errors", errors)
                .put("wrong", wrong)
                .put("timeouts", timeouts)
                .put("firstError", firstError == null ? "" : firstError);
        json.set("latency", percentiles(plain));
        if (marked.getTotalCount() > 0) {
            json.set("marked", percentiles(marked));
        }
        json.put("histogram", encoded(plain))
                .put("loadCpuSeconds", measured == null ? 0 : measured.cpuSeconds())
                .put("measuredSeconds", seconds)
                .put("markBegin", measured == null ? 0 : measured.beginEpochNanos())
                .put("behind", behind);
        return json.toString();
    }

    private static ObjectNode percentiles(AbstractHistogram histogram) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("count", histogram.getTotalCount())
                .put("p50", histogram.getValueAtPercentile(50))
                .put("p90", histogram.getValueAtPercentile(90))
                .put("p99", histogram.getValueAtPercentile(99))
                .put("p999", histogram.getValueAtPercentile(99.9))
                .put("max", histogram.getMaxValue())
                .put("mean", histogram.getTotalCount() == 0 ? 0 : Math.round(histogram.getMean()));
    }

    private static String encoded(Histogram histogram) {
        ByteBuffer buffer = ByteBuffer.allocate(histogram.getNeededByteBufferCapacity());
        int length = histogram.encodeIntoCompressedByteBuffer(buffer, Deflater.DEFAULT_COMPRESSION);
        return Base64.getEncoder().encodeToString(Arrays.copyOf(buffer.array(), length));
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.buffer;

import java.io.IOException;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/** Scenario (c): a hundred small fields, written and read across the ends of segments. */
public class FieldsBenchmark extends BufferBenchmark {
    private static final String TEXT = "field-0042";

    /** Whose buffers. */
    @Param({"NETPOLL", "NETTY_POOLED", "NETTY_ADAPTIVE", "OKIO", "ARRAY"})
    public Peer peer = Peer.NETPOLL;

    private final String[] texts = new String[Fields.TEXT_ROUNDS];
    private Fields numbers;
    private Fields mixed;
    private int seed;

    /** Makes the buffers, and the backlogs in them. */
    @Setup
    public void open() {
        numbers = Fields.of(peer);
        mixed = Fields.of(peer);
        for (int i = 0; i < Fields.BACKLOG; i++) {
            numbers.write(seed);
            mixed.write(seed, TEXT);
        }
    }

    /** Gives the memory back. */
    @TearDown
    public void close() {
        numbers.close();
        mixed.close();
    }

    /** Numbers only. */
    @Benchmark
    public long numbers() throws IOException {
        numbers.write(seed++);
        return numbers.read();
    }

    /** Numbers and short texts. */
    @Benchmark
    public long withTexts() throws IOException {
        mixed.write(seed++, TEXT);
        return mixed.read(texts);
    }
}

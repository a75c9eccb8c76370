// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.buffer;

import java.io.IOException;
import java.util.function.Consumer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.infra.Blackhole;

/** Scenario (d): slices of a received buffer, used and freed by the same thread or by another one. */
public class SlicesBenchmark extends BufferBenchmark {
    private static final int BATCH = 64;
    private static final int QUEUE = 256;

    /** Whose buffers. */
    @Param({"NETPOLL", "NETTY_POOLED", "NETTY_ADAPTIVE", "OKIO", "ARRAY"})
    public Peer peer = Peer.NETPOLL;

    private Slices slices;
    private HandOver singly;
    private HandOver batches;

    /** Makes the first buffer and starts the other threads. */
    @Setup
    public void open(Blackhole blackhole) {
        slices = Slices.of(peer);
        Consumer<Object> receiver = slice -> blackhole.consume(slices.use(slice));
        singly = new HandOver(1, QUEUE, receiver);
        batches = new HandOver(BATCH, QUEUE / BATCH, receiver);
    }

    /** Ends the threads and gives the memory back. */
    @TearDown
    public void close() {
        singly.close();
        batches.close();
        slices.close();
    }

    /** No other thread: the cost of slices alone. */
    @Benchmark
    public long sameThread() throws IOException {
        return slices.use(slices.next());
    }

    /** Each slice handed over when it is cut. */
    @Benchmark
    public void oneByOne() throws IOException {
        singly.put(slices.next());
    }

    /** Many slices handed over at once, so that the cost of waking the other processor's cache is shared. */
    @Benchmark
    public void inBatches() throws IOException {
        batches.put(slices.next());
    }
}

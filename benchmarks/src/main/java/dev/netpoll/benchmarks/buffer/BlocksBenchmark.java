// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.buffer;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.infra.Blackhole;

/** Scenario (f): memory is allocated and freed, by one thread or by two. */
public class BlocksBenchmark extends BufferBenchmark {
    private static final int BURST = 32;
    private static final int BATCHES = 4;
    private static final int BATCH_MAX = 64;
    private static final int BATCH_BYTES = 4 << 20;

    /** Whose memory. */
    @Param({"NETPOLL", "NETPOLL_POOL", "NETTY_POOLED", "NETTY_ADAPTIVE", "ARRAY"})
    public Peer peer = Peer.NETPOLL;

    /** How much at once. */
    @Param({"256", "1024", "4096", "16384", "65536", "1048576", "8388608"})
    public int bytes;

    private final Object[] burst = new Object[BURST];
    private Blocks blocks;
    private HandOver handOver;

    /** Makes the caches and starts the other thread. */
    @Setup
    public void open() {
        blocks = Blocks.of(peer);
        handOver = new HandOver(Math.clamp(BATCH_BYTES / bytes, 1, BATCH_MAX), BATCHES, blocks::free);
    }

    /** Ends the thread and gives the memory back. */
    @TearDown
    public void close() {
        handOver.close();
        blocks.close();
    }

    /** One block, freed at once. */
    @Benchmark
    public void ownThread(Blackhole blackhole) {
        Object block = blocks.allocate(bytes);
        blackhole.consume(block);
        blocks.free(block);
    }

    /** Many blocks, freed in the order of their allocation. */
    @Benchmark
    @OperationsPerInvocation(BURST)
    public void ownThreadBurst() {
        for (int i = 0; i < BURST; i++) {
            burst[i] = blocks.allocate(bytes);
        }
        for (Object block : burst) {
            blocks.free(block);
        }
    }

    /** Allocated by one thread, handed over in batches, freed by another one. */
    @Benchmark
    public void otherThread() {
        handOver.put(blocks.allocate(bytes));
    }
}

// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.buffer;

import java.io.IOException;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/** Scenario (e): a whole buffer is appended to another one, which is drained. */
public class TransfersBenchmark extends BufferBenchmark {
    /** Whose buffers. */
    @Param({"NETPOLL", "NETTY_POOLED", "NETTY_ADAPTIVE", "OKIO", "ARRAY"})
    public Peer peer = Peer.NETPOLL;

    /** The length of the buffer. */
    @Param({"4096", "65536"})
    public int bytes;

    private Transfers transfers;
    private byte[] sink;

    /** Makes the buffers. */
    @Setup
    public void open() {
        transfers = Transfers.of(peer, bytes);
        sink = new byte[bytes];
    }

    /** Gives the memory back. */
    @TearDown
    public void close() {
        transfers.close();
    }

    /** Drains without looking at the bytes: nobody copies. */
    @Benchmark
    public void skip() throws IOException {
        transfers.appendAndSkip(bytes);
    }

    /** Drains into an array: everybody copies once. */
    @Benchmark
    public byte[] copy() throws IOException {
        transfers.appendAndCopy(sink);
        return sink;
    }
}

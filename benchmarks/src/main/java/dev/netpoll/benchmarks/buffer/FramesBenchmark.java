// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.buffer;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/** Scenarios (a) and (b): encode a length of four bytes and a text, and decode it back. */
public class FramesBenchmark extends BufferBenchmark {
    /** Whose buffers. */
    @Param({"NETPOLL", "NETTY_POOLED", "NETTY_ADAPTIVE", "NETTY_GET_BYTES", "OKIO", "ARRAY"})
    public Peer peer = Peer.NETPOLL;

    /** What the text consists of. */
    @Param
    public Script script = Script.ASCII;

    /** Its length, in bytes of UTF-8. */
    @Param({"1024", "65536"})
    public int bytes;

    private String text;
    private Frames reused;
    private Frames perMessage;

    /** Makes the text and the peer's buffers. */
    @Setup
    public void open() {
        text = script.text(bytes);
        reused = Frames.reused(peer, bytes);
        perMessage = Frames.perMessage(peer);
    }

    /** Gives the memory back. */
    @TearDown
    public void close() {
        reused.close();
    }

    /** One buffer for all messages. */
    @Benchmark
    public String reused() throws IOException {
        return reused.roundTrip(text, bytes);
    }

    /** A buffer for each message. */
    @Benchmark
    public String perMessage() throws IOException {
        return perMessage.roundTrip(text, bytes);
    }

    /** Kinds of text. */
    public enum Script {
        /** One byte for each character. */
        ASCII("abcdefghijklmnopqrstuvwxyz012345"),

        /** Mostly one byte, some characters of Latin-1 with two. */
        LATIN("Die Größe des Gefäßes überrascht"),

        /** ASCII and characters of three bytes, as in Chinese texts about technology. */
        CJK("netpoll 是一个高性能的非阻塞网络库, ");

        private final String sample;

        Script(String sample) {
            this.sample = sample;
        }

        /** A text of exactly so many bytes in UTF-8. */
        String text(int bytes) {
            StringBuilder text = new StringBuilder();
            int sampleBytes = sample.getBytes(UTF_8).length;
            int left = bytes;
            for (; left >= sampleBytes; left -= sampleBytes) {
                text.append(sample);
            }
            return text.append(".".repeat(left)).toString();
        }
    }
}
